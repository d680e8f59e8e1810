/** What the trust book keeps through the `Versions` port, and under which names. */
import { equalBytes, fromHex, hex } from '../bytes.ts';
import { ComityError } from '../errors.ts';
import { recallStatement, type VerifiedStatement } from '../keys/index.ts';
import type { Versions } from '../store/port.ts';
import { type AgencyId, isAgencyId } from '../types.ts';
import { type ParsedList, parseList } from './list.ts';
import { breaksListLineage, type ParsedRoot, verifyFirstRoot, verifyNextRoot } from './root.ts';

const pinName = 'pin';
const rootName = (version: number) => `root/${version}`;
const listName = (lineage: number) => `list/${lineage}`;
const statementPrefix = 'statement/';
const waitingPrefix = 'waiting/';

/** The roots so far, and the version of the root with which the present line of lists began. */
export type RootChain = Readonly<{ roots: readonly ParsedRoot[]; current: ParsedRoot; lineage: number }>;

/**
 * Pins a federation: the operator's act at the first start, and again where the record was lost.
 * `listVersionMin` is the least version of the trust list to accept from then on; after a loss the
 * operator reads it off another gateway, since the lost record is what kept older lists out. It never goes down.
 * ROOT_INVALID, ROOT_THRESHOLD, FEDERATION_MISMATCH.
 */
export function pinTrust(
  o: Readonly<{
    firstRoot: Uint8Array;
    pinnedFederationId: string;
    versions: Versions;
    listVersionMin?: number;
  }>,
): void {
  verifyFirstRoot(o.firstRoot, o.pinnedFederationId);
  const before = o.versions.load(pinName);
  if (before !== undefined && hex(before.bytes) !== o.pinnedFederationId) {
    throw new ComityError('FEDERATION_MISMATCH', 'this gateway is pinned to another federation');
  }
  // Dying between the two leaves no pin, and so TRUST_STATE_LOST: the operator pins again.
  o.versions.save(rootName(1), 1, o.firstRoot);
  const versionMin = Math.max(before?.version ?? 0, o.listVersionMin ?? 0);
  o.versions.save(pinName, versionMin, fromHex(o.pinnedFederationId));
}

/** Whether there is a pin: false before the first start, and where the record was lost. */
export function isPinned(versions: Versions): boolean {
  return versions.load(pinName) !== undefined;
}

/** The chain of roots on record, each verified again by the one before. TRUST_STATE_LOST. */
export function loadRoots(versions: Versions, firstRoot: Uint8Array, pinnedFederationId: string): RootChain {
  const pin = versions.load(pinName);
  if (pin === undefined || versions.load(rootName(1)) === undefined)
    throw new ComityError('TRUST_STATE_LOST');
  if (hex(pin.bytes) !== pinnedFederationId) {
    throw new ComityError('FEDERATION_MISMATCH', 'this gateway is pinned to another federation');
  }
  let chain = startChain(verifyFirstRoot(firstRoot, pinnedFederationId));
  for (;;) {
    const next = versions.load(rootName(chain.current.root.version + 1));
    if (next === undefined) return chain;
    chain = extendChain(chain, verifyNextRoot(chain.current, next.bytes));
  }
}

export function listVersionMin(versions: Versions): number {
  return versions.load(pinName)?.version ?? 0;
}

export function saveRoot(versions: Versions, next: ParsedRoot): void {
  versions.save(rootName(next.root.version), next.root.version, next.bytes);
}

function startChain(first: ParsedRoot): RootChain {
  return { roots: [first], current: first, lineage: first.root.version };
}

export function extendChain(chain: RootChain, next: ParsedRoot): RootChain {
  const breaks = breaksListLineage(chain.current.root, next.root);
  return {
    roots: [...chain.roots, next],
    current: next,
    lineage: breaks ? next.root.version : chain.lineage,
  };
}

/** The newest list of the lineage on record: verified when it was saved. */
export function loadList(versions: Versions, lineage: number): ParsedList | undefined {
  const record = versions.load(listName(lineage));
  return record === undefined ? undefined : parseList(record.bytes);
}

export function saveList(versions: Versions, lineage: number, parsed: ParsedList): void {
  versions.save(listName(lineage), parsed.list.version, parsed.bytes);
}

/** A statement on record, by the certificate that signed it. */
export type StatementRecord = Readonly<{
  agency: AgencyId;
  /** Lower-case hexadecimal SHA-256 of the DER. */
  certificate: string;
  statement: VerifiedStatement;
  bytes: Uint8Array;
}>;

export function loadStatements(versions: Versions): StatementRecord[] {
  return versions
    .names()
    .filter((name) => name.startsWith(statementPrefix))
    .flatMap((name) => {
      const [agency = '', certificate = ''] = name.slice(statementPrefix.length).split('/');
      const record = versions.load(name);
      if (record === undefined || !isAgencyId(agency)) return [];
      return [{ agency, certificate, statement: recallStatement(record.bytes), bytes: record.bytes }];
    });
}

export function saveStatement(versions: Versions, record: StatementRecord): void {
  const name = `${statementPrefix}${record.agency}/${record.certificate}`;
  versions.save(name, record.statement.version, record.bytes);
}

/** Statements that came before the list that would let them be judged; one an agency. */
export function loadWaiting(versions: Versions): Readonly<{ agency: AgencyId; bytes: Uint8Array }>[] {
  return versions
    .names()
    .filter((name) => name.startsWith(waitingPrefix))
    .flatMap((name) => {
      const agency = name.slice(waitingPrefix.length);
      const record = versions.load(name);
      return record === undefined || !isAgencyId(agency) ? [] : [{ agency, bytes: record.bytes }];
    });
}

export function saveWaiting(versions: Versions, agency: AgencyId, bytes: Uint8Array): void {
  const name = `${waitingPrefix}${agency}`;
  const before = versions.load(name);
  if (before !== undefined && equalBytes(before.bytes, bytes)) return;
  versions.save(name, (before?.version ?? 0) + 1, bytes);
}

export function countWaiting(versions: Versions): number {
  return versions.names().filter((name) => name.startsWith(waitingPrefix)).length;
}
