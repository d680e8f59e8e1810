/** What the trust list means for the hub: the plain description from which accounts, streams and durables follow. */

import type { AgencyStatement } from '../keys/index.ts';
import { limits } from '../limits.ts';
import { directoryStream, durablesOf, type HubPlan, isNatsUserKey, streamOf } from '../transport/index.ts';
import type { DurableName } from '../transport/port.ts';
import type { TrustBook } from '../trust/index.ts';
import type { AgencyId } from '../types.ts';

export type HubView = Readonly<{
  /** The stream that holds a subject of ours. */
  streamOf(subject: string): string;
  /** Whether the stream takes atomic batches. */
  isAtomic(stream: string): boolean;
  durables: readonly DurableName[];
}>;

/** The statement that an agency's newest one replaced, where the asker remembers it. */
export type StatementBefore = (agency: AgencyId) => AgencyStatement | undefined;

/** The federation as the hub needs it: members, their grants and NATS keys. */
export function hubPlanOf(
  trust: TrustBook,
  nowMs: number,
  before: StatementBefore = () => undefined,
): HubPlan {
  const holderOf = holders(trust, before);
  const agencies = trust.members().map((member) => {
    const { agency, publishes, receives } = member;
    const status = trust.statusAt(agency, nowMs);
    return {
      agency,
      publishes,
      receives,
      natsUserKeys: natsKeys(trust.statement(agency), before(agency), nowMs).filter(
        (key) => isNatsUserKey(key) && holderOf.get(key) === agency,
      ),
      status: status === 'unknown' ? ('revoked' as const) : status,
    };
  });
  return { agencies, partitions: trust.list().partitions };
}

/** The gateway's own view of the hub, by the newest trust list. */
export function hubViewOf(trust: TrustBook, agency: AgencyId, nowMs: number): HubView {
  const plan = hubPlanOf(trust, nowMs);
  const durables = durablesOf(agency, plan).filter(({ lane }) => lane !== 'blob');
  return {
    durables,
    isAtomic: (stream) => stream !== directoryStream,
    streamOf(subject) {
      const stream = streamOf(subject, plan);
      if (stream === undefined) throw new TypeError(`no stream holds \`${subject}\``);
      return stream;
    },
  };
}

/**
 * Whose each user key is: of several agencies that claim one, the first to have said so. The server takes no
 * key twice, and what one member claims must keep no other's change, a revocation least of all, from the hub.
 */
function holders(trust: TrustBook, before: StatementBefore): ReadonlyMap<string, AgencyId> {
  const claims = trust
    .members()
    .flatMap(({ agency }) => [trust.statement(agency), before(agency)])
    .flatMap((statement) => (statement === undefined ? [] : [statement]))
    .toSorted((a, b) => b.issuedMs - a.issuedMs || (a.agency < b.agency ? 1 : -1));
  return new Map(claims.map(({ natsUserKey, agency }) => [natsUserKey, agency]));
}

/** The current user key and, for a day after it changed, the one before. */
function natsKeys(
  statement: AgencyStatement | undefined,
  before: AgencyStatement | undefined,
  nowMs: number,
): readonly string[] {
  if (statement === undefined) return [];
  const overlaps = before !== undefined && nowMs < statement.issuedMs + limits.natsKeyOverlapMs;
  return [...new Set([statement.natsUserKey, ...(overlaps ? [before.natsUserKey] : [])])];
}
