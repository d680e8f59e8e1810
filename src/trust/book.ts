/** The trust book: the root, list and statements that are in force, each newer than the last. */
import { equalBytes, fromHex, utf8 } from '../bytes.ts';
import type { Clock } from '../clock.ts';
import { ComityError } from '../errors.ts';
import type { AgencyStatement, KeyWindow } from '../keys/index.ts';
import { limits } from '../limits.ts';
import type { Log } from '../log.ts';
import type { Versions } from '../store/port.ts';
import type { AgencyId, Kind } from '../types.ts';
import {
  type AgencyState,
  type Membership,
  mayPublish,
  mayReceive,
  type ParsedList,
  parseList,
  stateAt,
  type TrustList,
  verifyList,
} from './list.ts';
import {
  countWaiting,
  extendChain,
  listVersionMin,
  loadList,
  loadRoots,
  loadWaiting,
  type RootChain,
  saveList,
  saveRoot,
  saveWaiting,
} from './records.ts';
import { isSameRoot, parseRoot, type TrustRoot, verifyNextRoot } from './root.ts';
import { createStatementShelf, type StatementShelf } from './statement-shelf.ts';

export type TrustChange = Readonly<{ what: 'root' | 'list' | 'statement'; agency?: AgencyId }>;

export interface TrustBook {
  readonly federationId: Uint8Array;
  readonly environment: string;
  root(): TrustRoot;
  hasList(): boolean;
  /** AWAITING_TRUST before any list was applied. */
  list(): TrustList;
  /** True if newer. Every `apply` persists first, and refuses what is older or another of the same version. */
  applyRoot(bytes: Uint8Array): boolean;
  /** Follows the roots enclosed with the list, then applies the list. True if the list is newer. */
  applyList(bytes: Uint8Array): boolean;
  /**
   * A statement that no list can judge yet (AWAITING_TRUST, SENDER_UNKNOWN, CERTIFICATE_REFUSED) is
   * refused and kept, durably, one an agency, and tried again with each newer list.
   */
  applyStatement(agency: AgencyId, jws: string | Uint8Array): boolean;
  knows(agency: AgencyId): boolean;
  hasStatement(agency: AgencyId): boolean;
  member(agency: AgencyId): Membership | undefined;
  members(): readonly Membership[];
  statusAt(agency: AgencyId, timeMs: number): AgencyState | 'unknown';
  mayPublish(agency: AgencyId, kind: Kind): boolean;
  mayReceive(agency: AgencyId, kind: Kind): boolean;
  statement(agency: AgencyId): AgencyStatement | undefined;
  signingKey(agency: AgencyId, kid: string): KeyWindow | undefined;
  sealingKeyAt(agency: AgencyId, timeMs: number): Readonly<{ key: KeyWindow; grace: boolean }> | undefined;
  /** grace: past its expiry by less than `limits.trustListGraceMs`; yes also where there is no list. */
  expired(nowMs: number): 'no' | 'grace' | 'yes';
  /** TRUST_EXPIRED where `expired` says yes. */
  requireFresh(nowMs: number): void;
  listBytes(): Uint8Array;
  statementBytes(agency: AgencyId): Uint8Array | undefined;
  /** Calls back after each change. Returns the way to stop. */
  onChange(run: (change: TrustChange) => void): () => void;
}

type BookOptions = Readonly<{
  firstRoot: Uint8Array;
  pinnedFederationId: string;
  versions: Versions;
  clock: Clock;
  log: Log;
}>;

/**
 * Opens the book on its record. TRUST_STATE_LOST where there is none: `pinTrust` is the operator's
 * act at the first start and after a loss. `firstRoot` is pinned by its digest, in lower-case
 * hexadecimal.
 */
export function createTrustBook(o: BookOptions): TrustBook {
  return new Book(o);
}

class Book implements TrustBook {
  readonly federationId: Uint8Array;
  readonly environment: string;
  readonly #o: BookOptions;
  readonly #shelf: StatementShelf;
  readonly #listeners = new Set<(change: TrustChange) => void>();
  #chain: RootChain;
  #list: ParsedList | undefined;
  #members: ReadonlyMap<AgencyId, Membership>;

  constructor(o: BookOptions) {
    this.#o = o;
    this.#chain = loadRoots(o.versions, o.firstRoot, o.pinnedFederationId);
    this.federationId = fromHex(o.pinnedFederationId);
    this.environment = this.#chain.current.root.environment;
    this.#list = loadList(o.versions, this.#chain.lineage);
    this.#members = membersOf(this.#list);
    this.#shelf = createStatementShelf({ ...o, federationId: o.pinnedFederationId });
    this.#shelf.judge((agency) => this.#members.get(agency));
  }

  applyRoot(bytes: Uint8Array): boolean {
    const parsed = parseRoot(bytes);
    const known = this.#chain.roots.find(({ root }) => root.version === parsed.root.version);
    if (known !== undefined && isSameRoot(known, parsed)) return false;
    const next = verifyNextRoot(this.#chain.current, bytes);
    // Dying after this line loses nothing: the next start follows the chain on record.
    saveRoot(this.#o.versions, next);
    const { lineage } = this.#chain;
    this.#chain = extendChain(this.#chain, next);
    if (this.#chain.lineage !== lineage) this.#useList(undefined);
    this.#tell({ what: 'root' });
    return true;
  }

  applyList(bytes: Uint8Array): boolean {
    const parsed = parseList(bytes);
    for (const root of parsed.document.roots) this.applyRoot(root);
    if (this.#list !== undefined && isSamePayload(this.#list, parsed)) return false;
    const root = this.#chain.current.root;
    verifyList(parsed, { root, federationId: this.federationId, nowMs: this.#o.clock.nowMs() });
    refuseOlder(parsed, this.#list, listVersionMin(this.#o.versions));
    // Dying after this line loses nothing: the floor is on record, and the next start reads it.
    saveList(this.#o.versions, this.#chain.lineage, parsed);
    const changed = this.#useList(parsed);
    this.#tell({ what: 'list' });
    for (const agency of changed) this.#tell({ what: 'statement', agency });
    this.#retryWaiting();
    return true;
  }

  applyStatement(agency: AgencyId, given: string | Uint8Array): boolean {
    const jws = typeof given === 'string' ? utf8(given) : given;
    try {
      if (!this.#shelf.apply(this.#memberToJudge(agency), jws)) return false;
    } catch (error) {
      if (waitsForList(error) && this.#mayWait(agency, jws)) saveWaiting(this.#o.versions, agency, jws);
      throw error;
    }
    this.#tell({ what: 'statement', agency });
    return true;
  }

  root(): TrustRoot {
    return this.#chain.current.root;
  }

  hasList(): boolean {
    return this.#list !== undefined;
  }

  list(): TrustList {
    return this.#listInForce().list;
  }

  listBytes(): Uint8Array {
    return this.#listInForce().bytes;
  }

  knows(agency: AgencyId): boolean {
    return this.#members.has(agency);
  }

  member(agency: AgencyId): Membership | undefined {
    return this.#members.get(agency);
  }

  members(): readonly Membership[] {
    return [...this.#members.values()];
  }

  statusAt(agency: AgencyId, timeMs: number): AgencyState | 'unknown' {
    return stateAt(this.#members.get(agency), timeMs);
  }

  mayPublish(agency: AgencyId, kind: Kind): boolean {
    const member = this.#members.get(agency);
    return member !== undefined && mayPublish(member, kind);
  }

  mayReceive(agency: AgencyId, kind: Kind): boolean {
    const member = this.#members.get(agency);
    return member !== undefined && mayReceive(member, kind);
  }

  hasStatement(agency: AgencyId): boolean {
    return this.#shelf.statement(agency) !== undefined;
  }

  statement(agency: AgencyId): AgencyStatement | undefined {
    return this.#shelf.statement(agency);
  }

  statementBytes(agency: AgencyId): Uint8Array | undefined {
    return this.#shelf.bytes(agency);
  }

  signingKey(agency: AgencyId, kid: string): KeyWindow | undefined {
    return this.#shelf.signingKey(agency, kid);
  }

  sealingKeyAt(agency: AgencyId, timeMs: number): Readonly<{ key: KeyWindow; grace: boolean }> | undefined {
    return this.#shelf.sealingKeyAt(agency, timeMs);
  }

  expired(nowMs: number): 'no' | 'grace' | 'yes' {
    return expiryOf(this.#list, nowMs);
  }

  requireFresh(nowMs: number): void {
    if (expiryOf(this.#list, nowMs) === 'yes') throw new ComityError('TRUST_EXPIRED');
  }

  onChange(run: (change: TrustChange) => void): () => void {
    this.#listeners.add(run);
    return () => this.#listeners.delete(run);
  }

  #listInForce(): ParsedList {
    if (this.#list === undefined) throw new ComityError('AWAITING_TRUST', 'no trust list was applied yet');
    return this.#list;
  }

  /** Returns the agencies whose statement in force changes with the list. */
  #useList(next: ParsedList | undefined): AgencyId[] {
    this.#list = next;
    this.#members = membersOf(next);
    return this.#shelf.judge((agency) => this.#members.get(agency));
  }

  #memberToJudge(agency: AgencyId): Membership {
    this.#listInForce();
    const member = this.#members.get(agency);
    if (member === undefined) throw new ComityError('SENDER_UNKNOWN');
    return member;
  }

  #mayWait(agency: AgencyId, jws: Uint8Array): boolean {
    if (jws.length > limits.statementBytesMax) return false;
    return this.#members.has(agency) || countWaiting(this.#o.versions) < limits.statementsWaitingMax;
  }

  #retryWaiting(): void {
    for (const { agency, bytes } of loadWaiting(this.#o.versions)) {
      const member = this.#members.get(agency);
      if (member === undefined) continue;
      try {
        if (this.#shelf.apply(member, bytes)) this.#tell({ what: 'statement', agency });
      } catch (error) {
        if (!(error instanceof ComityError)) throw error;
        this.#o.log.debug('trust.statement-still-waiting', { agency, code: error.code });
      }
    }
  }

  #tell(change: TrustChange): void {
    this.#o.log.info('trust.changed', { what: change.what, agency: change.agency });
    for (const run of [...this.#listeners]) run(change);
  }
}

function membersOf(parsed: ParsedList | undefined): ReadonlyMap<AgencyId, Membership> {
  return new Map(parsed?.list.agencies.map((member) => [member.agency, member]));
}

function isSamePayload(a: ParsedList, b: ParsedList): boolean {
  return equalBytes(a.document.payload, b.document.payload);
}

function expiryOf(parsed: ParsedList | undefined, nowMs: number): 'no' | 'grace' | 'yes' {
  if (parsed === undefined) return 'yes';
  if (nowMs < parsed.list.expiresMs) return 'no';
  return nowMs < parsed.list.expiresMs + limits.trustListGraceMs ? 'grace' : 'yes';
}

function refuseOlder(parsed: ParsedList, current: ParsedList | undefined, versionMin: number): void {
  const floor = Math.max((current?.list.version ?? 0) + 1, versionMin);
  if (parsed.list.version >= floor) return;
  throw new ComityError('TRUST_ROLLBACK', `trust list ${parsed.list.version} where ${floor} or newer is due`);
}

function waitsForList(error: unknown): boolean {
  if (!(error instanceof ComityError)) return false;
  return ['AWAITING_TRUST', 'SENDER_UNKNOWN', 'CERTIFICATE_REFUSED'].includes(error.code);
}
