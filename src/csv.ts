/** Tables of comma-separated values (RFC 4180), read strictly: a table that is not rectangular is refused. */
import { ComityError } from './errors.ts';
import { limits } from './limits.ts';

export type CsvRow = Readonly<Record<string, string>>;

/** Fields in quotes with their doubled quotes and line breaks, or a bare field; then what ends it. */
const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|\n|$)/y;

/**
 * The rows under the header, by column name. DRAFT_INVALID names the row (from 1, the header not
 * counted) that has other fields than the header, a stray quote, or is one too many.
 */
export function readCsv(text: string): CsvRow[] {
  const [header, ...rows] = readRecords(text.startsWith('\ufeff') ? text.slice(1) : text);
  if (header === undefined) throw new ComityError('DRAFT_INVALID', 'the table has no header');
  if (new Set(header).size !== header.length || header.includes('')) {
    throw new ComityError('DRAFT_INVALID', 'a column of the table has no name, or that of another');
  }
  return rows.map((row, index) => {
    if (row.length !== header.length) {
      throw new ComityError(
        'DRAFT_INVALID',
        `row ${index + 1} has ${row.length} fields, expected ${header.length}`,
      );
    }
    return Object.freeze(Object.fromEntries(header.map((name, column) => [name, row[column] ?? ''])));
  });
}

function readRecords(text: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  let at = 0;
  while (at < text.length || record.length > 0) {
    field.lastIndex = at;
    const found = field.exec(text);
    if (found === null)
      throw new ComityError('DRAFT_INVALID', `row ${records.length}: a quote stands where none may`);
    const [whole, quoted, bare = '', end] = found;
    record.push(quoted === undefined ? bare : quoted.replaceAll('""', '"'));
    at += whole.length;
    if (end === ',') continue;
    records.push(record);
    record = [];
    if (records.length > limits.importRowsMax + 1) {
      throw new ComityError('DRAFT_INVALID', `the table has more than ${limits.importRowsMax} rows`);
    }
  }
  return records;
}
