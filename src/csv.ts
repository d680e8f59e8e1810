/** Tables of comma-separated values (RFC 4180), read strictly: a table that is not rectangular is refused. */
import { parse } from 'csv-parse/sync';
import { ComityError } from './errors.ts';
import { limits } from './limits.ts';

export type CsvRow = Readonly<Record<string, string>>;

/**
 * The rows under the header, by column name. DRAFT_INVALID names the line that has other fields than
 * the header or a stray quote, a column without a name of its own, or one row too many.
 */
export function readCsv(text: string): CsvRow[] {
  const [header, ...rows] = recordsOf(text);
  if (header === undefined) throw new ComityError('DRAFT_INVALID', 'the table has no header');
  if (new Set(header).size !== header.length || header.includes('')) {
    throw new ComityError('DRAFT_INVALID', 'a column of the table has no name, or that of another');
  }
  if (rows.length > limits.importRowsMax) {
    throw new ComityError('DRAFT_INVALID', `the table has more than ${limits.importRowsMax} rows`);
  }
  return rows.map((row) =>
    Object.freeze(Object.fromEntries(header.map((name, column) => [name, row[column] ?? '']))),
  );
}

function recordsOf(text: string): string[][] {
  try {
    return parse(text, { bom: true, relaxColumnCount: false, to: limits.importRowsMax + 2 });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'not a table';
    throw new ComityError('DRAFT_INVALID', `the table cannot be read: ${reason}`, { cause });
  }
}
