/** The append-only log. It keeps no state of its own: rows and chain are the store's, and roll back with it. */
import { hex, utf8 } from '../bytes.ts';
import { type Clock, rfc3339 } from '../clock.ts';
import type { Random } from '../ids.ts';
import { sha256 } from '../keys/index.ts';
import { limits } from '../limits.ts';
import type { AuditRows } from '../store/port.ts';
import type { AgencyId } from '../types.ts';
import { type AuditEntry, auditEvents } from './events.ts';
import { canonicalJson, chainNext, chainStart, type Json } from './record.ts';

export interface AuditLog {
  /**
   * Adds one record; called inside the transaction of what it records, so that both are kept or neither.
   * Returns its index, from 1. Throws TypeError for a field that the event does not have or lacks.
   */
  append(entry: AuditEntry): number;
}

export type AuditLogOptions = Readonly<{ rows: AuditRows; clock: Clock; random: Random; agency: AgencyId }>;

type Checked = Readonly<{
  fields: Readonly<Record<string, Json>>;
  secrets: readonly (readonly [string, string])[];
}>;

export function createAuditLog({ rows, clock, random, agency }: AuditLogOptions): AuditLog {
  return {
    append(entry) {
      const { fields, secrets } = check(entry, agency);
      const last = rows.last();
      const index = (last?.index ?? 0) + 1;
      const nowMs = clock.nowMs();
      const commitments = secrets.map(([name, text]) => {
        const salt = random.bytes(limits.saltBytes);
        const value = utf8(text);
        rows.keepSecret(index, name, salt, value);
        return [name, hex(sha256(salt, value))] as const;
      });
      const record = utf8(
        canonicalJson({
          ...fields,
          agency,
          index,
          at: rfc3339(nowMs),
          atMs: nowMs,
          ...(commitments.length === 0 ? {} : { commitments: Object.fromEntries(commitments) }),
        }),
      );
      rows.append({ index, record, chain: chainNext(last?.chain ?? chainStart(agency), record) });
      return index;
    },
  };
}

function check(entry: AuditEntry, agency: AgencyId): Checked {
  const { required, optional, secrets: allowed } = auditEvents[entry.event];
  const { secrets = {}, ...rest } = entry;
  const fields = given(rest);
  const known = new Set<string>(['event', ...required, ...optional]);
  for (const name of required) {
    if (!Object.hasOwn(fields, name)) throw new TypeError(`\`${entry.event}\` lacks \`${name}\``);
  }
  for (const name of Object.keys(fields)) {
    if (!known.has(name)) throw new TypeError(`\`${entry.event}\` has no \`${name}\``);
  }
  if (Object.hasOwn(fields, 'agency') && fields['agency'] !== agency) {
    throw new TypeError('a record is of the own agency');
  }
  const kept = Object.entries(given(secrets));
  for (const [name] of kept) {
    if (!(allowed as readonly string[]).includes(name)) {
      throw new TypeError(`\`${entry.event}\` has no secret \`${name}\``);
    }
  }
  return { fields: fields as Checked['fields'], secrets: kept as Checked['secrets'] };
}

/** Members that are there; one that is undefined is not. */
function given(members: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
