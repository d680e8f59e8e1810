/**
 * The bytes of a record and the chain over them (docs/audit-events.md). A record is one line of canonical
 * JSON: keys sorted at every level, no white space, UTF-8. Its leaf hash is that of RFC 6962, so that a
 * Merkle log can be built over the same records.
 */
import { utf8 } from '../bytes.ts';
import { leafDigest, sha256 } from '../keys/index.ts';

export type Json = string | number | boolean | readonly Json[] | Readonly<{ [name: string]: Json }>;

/** Throws TypeError for what an audit record does not hold: fractions, null and undefined. */
export function canonicalJson(value: Json): string {
  if (value === undefined || value === null) throw new TypeError('an audit record holds no absent value');
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new TypeError('an audit record holds whole numbers');
  }
  if (typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const record = value as Readonly<{ [name: string]: Json }>;
  const members = Object.keys(record)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonicalJson(record[name] as Json)}`);
  return `{${members.join(',')}}`;
}

/** chain 0 = SHA-256("comity/audit/1" ‖ agency) */
export function chainStart(agency: string): Uint8Array {
  return sha256(utf8('comity/audit/1'), utf8(agency));
}

const nodePrefix = Uint8Array.of(1);

/** chain n = SHA-256(0x01 ‖ chain n-1 ‖ leaf n) */
export function chainNext(previous: Uint8Array, record: Uint8Array): Uint8Array {
  return sha256(nodePrefix, previous, leafDigest(record));
}
