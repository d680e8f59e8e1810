/** The trust book of a hub's tools, on a record file of their own. */
import type { Clock } from '../clock.ts';
import { asComityError } from '../errors.ts';
import type { Log } from '../log.ts';
import {
  createTrustBook,
  isPinned,
  openFileVersions,
  pinTrust,
  recordFileAt,
  type TrustBook,
} from '../trust/index.ts';

export type HubBookOptions = Readonly<{
  recordFile: string;
  root: Uint8Array;
  federationId: string;
  /** The newest list that the operator has; the record may know a newer one. */
  list: Uint8Array;
  clock: Clock;
  log: Log;
}>;

/** Pins at the first use. Errors of `createTrustBook` and of a list that does not verify. */
export function openHubBook(o: HubBookOptions): TrustBook {
  const versions = openFileVersions(recordFileAt(o.recordFile));
  const pinned = { firstRoot: o.root, pinnedFederationId: o.federationId };
  if (!isPinned(versions) && versions.names().length === 0) pinTrust({ ...pinned, versions });
  const book = createTrustBook({ ...pinned, versions, clock: o.clock, log: o.log });
  unlessOlder(() => book.applyList(o.list));
  return book;
}

/** A file may be older than what was heard since. */
export function unlessOlder(apply: () => void): void {
  try {
    apply();
  } catch (error) {
    const { code } = asComityError(error);
    if (code !== 'TRUST_ROLLBACK' && code !== 'STATEMENT_ROLLBACK') throw error;
  }
}
