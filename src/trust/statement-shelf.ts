/** The agency statements that a gateway knows, and which of them is in force. */
import { equalBytes } from '../bytes.ts';
import type { Clock } from '../clock.ts';
import { ComityError } from '../errors.ts';
import {
  certificateDigest,
  type KeyWindow,
  sealingWindowAt,
  splitCompact,
  type VerifiedStatement,
  verifyStatement,
} from '../keys/index.ts';
import type { Versions } from '../store/port.ts';
import type { AgencyId } from '../types.ts';
import { type Membership, stateAt } from './list.ts';
import { loadStatements, type StatementRecord, saveStatement } from './records.ts';

type InForce = Readonly<{ record: StatementRecord; signing: ReadonlyMap<string, KeyWindow> }>;
type MemberOf = (agency: AgencyId) => Membership | undefined;

export interface StatementShelf {
  /** Verifies, persists and takes a newer statement; false where it is the one on record. */
  apply(member: Membership, jws: Uint8Array): boolean;
  /** Judges all records by the pins of a list; returns the agencies whose statement in force changed. */
  judge(memberOf: MemberOf): AgencyId[];
  statement(agency: AgencyId): VerifiedStatement | undefined;
  bytes(agency: AgencyId): Uint8Array | undefined;
  signingKey(agency: AgencyId, kid: string): KeyWindow | undefined;
  sealingKeyAt(agency: AgencyId, timeMs: number): Readonly<{ key: KeyWindow; grace: boolean }> | undefined;
}

/**
 * Records are kept by agency and certificate. In force is the highest version among those whose
 * certificate is pinned now: when a stolen certificate is unpinned, the versions that the thief
 * signed neither count nor stand in the way of the agency's own.
 */
export function createStatementShelf(
  o: Readonly<{ versions: Versions; clock: Clock; federationId: string }>,
): StatementShelf {
  const records = new Map<AgencyId, Map<string, StatementRecord>>();
  const inForce = new Map<AgencyId, InForce>();
  for (const record of loadStatements(o.versions)) keep(records, record);

  return {
    apply(member, jws) {
      const statement = verifyStatement({
        jws,
        agency: member.agency,
        federationId: o.federationId,
        pinnedDigests: member.certificates,
        nowMs: o.clock.nowMs(),
      });
      refuseFromOutcast(member, statement);
      const known = inForce.get(member.agency)?.record;
      if (known !== undefined && isKnownOrOlder(known, statement, jws)) return false;
      const certificate = certificateDigest(statement.certificate);
      const record = { agency: member.agency, certificate, statement, bytes: jws };
      // Dying after this line loses nothing: the next start reads the record.
      saveStatement(o.versions, record);
      keep(records, record);
      inForce.set(member.agency, indexed(record));
      return true;
    },
    judge(memberOf) {
      return [...records.keys()].filter((agency) => {
        const next = best(records.get(agency), memberOf(agency)?.certificates ?? []);
        const before = inForce.get(agency)?.record;
        if (next === undefined) inForce.delete(agency);
        else if (next !== before) inForce.set(agency, indexed(next));
        return next !== before;
      });
    },
    statement: (agency) => inForce.get(agency)?.record.statement,
    bytes: (agency) => inForce.get(agency)?.record.bytes,
    signingKey: (agency, kid) => inForce.get(agency)?.signing.get(kid),
    sealingKeyAt(agency, timeMs) {
      const keys = inForce.get(agency)?.record.statement.sealingKeys ?? [];
      return sealingWindowAt(keys, timeMs);
    },
  };
}

/** What an agency says while it is suspended or revoked does not count; what it said before does. */
function refuseFromOutcast(member: Membership, statement: VerifiedStatement): void {
  const state = stateAt(member, statement.issuedMs);
  if (state === 'suspended' || state === 'revoked') {
    throw new ComityError(
      'AGENCY_REVOKED',
      `\`${member.agency}\` was ${state} when the statement was issued`,
    );
  }
}

/** True for the very statement on record. STATEMENT_ROLLBACK for an older one, or another of its version. */
function isKnownOrOlder(known: StatementRecord, statement: VerifiedStatement, jws: Uint8Array): boolean {
  if (statement.version > known.statement.version) return false;
  const same = equalBytes(splitCompact(jws).payload, splitCompact(known.bytes).payload);
  if (same) return true;
  throw new ComityError(
    'STATEMENT_ROLLBACK',
    `statement ${statement.version} of \`${known.agency}\` comes after ${known.statement.version}`,
  );
}

function keep(records: Map<AgencyId, Map<string, StatementRecord>>, record: StatementRecord): void {
  const own = records.get(record.agency) ?? new Map<string, StatementRecord>();
  own.set(record.certificate, record);
  records.set(record.agency, own);
}

function best(
  records: ReadonlyMap<string, StatementRecord> | undefined,
  pins: readonly string[],
): StatementRecord | undefined {
  return pins
    .flatMap((pin) => records?.get(pin) ?? [])
    .sort((a, b) => a.statement.version - b.statement.version)
    .at(-1);
}

function indexed(record: StatementRecord): InForce {
  return { record, signing: new Map(record.statement.signingKeys.map((key) => [key.kid, key])) };
}
