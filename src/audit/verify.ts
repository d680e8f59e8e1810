/**
 * Checks a log without trusting what wrote it: it shares hashing with the writer and nothing else. Each
 * record must be one line of canonical JSON that names its own place, and each chain value must be that
 * of the records up to it. A log cut at its end is told only by a head that was kept elsewhere.
 */
import { equalBytes, fromHex, hex, utf8, utf8Text } from '../bytes.ts';
import { ComityError } from '../errors.ts';
import { leafDigest, sha256 } from '../keys/index.ts';

export type AuditRow = Readonly<{ index: number; record: Uint8Array; chain: Uint8Array }>;

/** A place in the log and its chain value, known from elsewhere. */
export type AuditHead = Readonly<{ index: number; chain: Uint8Array }>;

export type AuditVerdict =
  | Readonly<{ intact: true; records: number; head: AuditHead | undefined }>
  | Readonly<{
      intact: false /** The first index at which the log is not as it was written. */;
      index: number;
      why: string;
    }>;

export type VerifyOptions = Readonly<{
  agency: string;
  /** Every row from the first on, in order. */
  rows: Iterable<AuditRow>;
  /** Heads that the log must contain. */
  heads?: readonly AuditHead[];
}>;

export function verifyAudit({ agency, rows, heads = [] }: VerifyOptions): AuditVerdict {
  const expected = new Map(heads.map((head) => [head.index, head.chain]));
  let chain = sha256(utf8('comity/audit/1'), utf8(agency));
  let index = 0;
  const bad = (why: string): AuditVerdict => ({ intact: false, index, why });
  for (const row of rows) {
    index += 1;
    if (row.index !== index) return bad(`record ${index} is missing or out of its place`);
    const wrong = recordProblem(row.record, { agency, index });
    if (wrong !== undefined) return bad(wrong);
    chain = sha256(Uint8Array.of(1), chain, leafDigest(row.record));
    if (!equalBytes(chain, row.chain)) return bad('the chain does not follow from the records');
    const known = expected.get(index);
    if (known !== undefined && !equalBytes(known, chain))
      return bad('the chain is not the one known from elsewhere');
    expected.delete(index);
  }
  if (expected.size > 0) {
    const records = index;
    index = records + 1;
    return bad(`the log ends at ${records}; a later head is known from elsewhere`);
  }
  return { intact: true, records: index, head: index === 0 ? undefined : { index, chain } };
}

/** Throws AUDIT_BROKEN, naming the first bad record, where the log is not intact. */
export function requireIntact(
  verdict: AuditVerdict,
): asserts verdict is Extract<AuditVerdict, { intact: true }> {
  if (!verdict.intact) throw new ComityError('AUDIT_BROKEN', `audit record ${verdict.index}: ${verdict.why}`);
}

function recordProblem(
  record: Uint8Array,
  o: Readonly<{ agency: string; index: number }>,
): string | undefined {
  let value: unknown;
  let text: string;
  try {
    text = utf8Text(record);
    value = JSON.parse(text);
  } catch {
    return 'the record is not JSON';
  }
  if (typeof value !== 'object' || value === null || sorted(value) !== text)
    return 'the record is not canonical';
  if (!('index' in value) || value.index !== o.index) return 'the record names another place';
  if (!('agency' in value) || value.agency !== o.agency) return 'the record is of another agency';
  return undefined;
}

function sorted(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sorted).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const names = Object.keys(value).sort();
  const members = new Map(Object.entries(value));
  return `{${names.map((name) => `${JSON.stringify(name)}:${sorted(members.get(name))}`).join(',')}}`;
}

// ---- export: one line a record, `<index> <chain, hex> <record>` --------------------------------

export function exportLine(row: AuditRow): string {
  return `${row.index} ${hex(row.chain)} ${utf8Text(row.record)}\n`;
}

const linePattern = /^([1-9][0-9]*) ([0-9a-f]{64}) (\{.*\})$/s;

/** The rows of an export. A line that is none becomes a row that no log has, so that its place is told. */
export function* importLines(lines: Iterable<string>): Generator<AuditRow> {
  for (const line of lines) {
    const [, index = '0', chain = '', record = ''] = linePattern.exec(line.replace(/\n$/, '')) ?? [];
    yield { index: Number(index), record: utf8(record), chain: fromHex(chain) };
  }
}
