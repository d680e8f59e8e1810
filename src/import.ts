/** Importing a register: each row a draft, each draft one message, however often the register is imported. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { hex, utf8, utf8Text } from './bytes.ts';
import { clientFrom } from './cli/index.ts';
import { processEnvironment } from './config/index.ts';
import { type CsvRow, readCsv } from './csv.ts';
import { asComityError, ComityError, errorTable } from './errors.ts';
import type { Submission } from './gateway/views.ts';
import { sha256 } from './keys/index.ts';
import { limits } from './limits.ts';

/** Makes a draft of a row; throws DRAFT_INVALID, or returns undefined for a row that says nothing. */
export type Mapping = (row: CsvRow) => unknown;

export type ImportPort = Readonly<{ stdout: Readonly<{ write(text: string): unknown }> }>;

const options = {
  url: { type: 'string' },
  'token-file': { type: 'string' },
  as: { type: 'string' },
  directory: { type: 'string' },
} as const;

/**
 * Sends every row of the CSV file named in the arguments; prints a line for each row that failed and
 * one for the whole. Resolves with an exit code: that of the last failure, 0 where there was none.
 */
export async function runImport(
  mapping: Mapping,
  argv: readonly string[],
  port: ImportPort,
): Promise<number> {
  const say = (line: string) => void port.stdout.write(`${line}\n`);
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true });
    const [file, ...more] = positionals;
    if (file === undefined || more.length > 0) throw new ComityError('USAGE', 'expected a CSV file, once');
    const client = clientFrom(values, processEnvironment());
    const failures = await sendRows(readRegister(file), mapping, async ({ draft, key }) => {
      await client.post<Submission>('/v1/messages', utf8(JSON.stringify(draft)), { 'idempotency-key': key });
    });
    for (const { row, error } of failures.list) say(`row ${row}: ${error.code}: ${error.message}`);
    say(`imported ${failures.sent} of ${failures.rows} rows`);
    const last = failures.list.at(-1);
    return last === undefined ? 0 : errorTable[last.error.code].exit;
  } catch (error) {
    const { code, message } = asComityError(error);
    say(`comity: ${code}: ${message}`);
    return errorTable[code].exit;
  }
}

function readRegister(file: string): CsvRow[] {
  const bytes = Uint8Array.from(readFileSync(file));
  if (bytes.length > limits.importFileBytesMax) {
    throw new ComityError('DRAFT_INVALID', `\`${file}\` has more than ${limits.importFileBytesMax} bytes`);
  }
  return readCsv(utf8Text(bytes));
}

type Job = Readonly<{ draft: unknown; key: string }>;
type Outcome = Readonly<{
  rows: number;
  sent: number;
  list: readonly Readonly<{ row: number; error: ComityError }>[];
}>;

/** As many at once as one batch of the gateway likes; the order of rows is kept as far as it can be. */
async function sendRows(
  rows: readonly CsvRow[],
  mapping: Mapping,
  send: (job: Job) => Promise<void>,
): Promise<Outcome> {
  const list: { row: number; error: ComityError }[] = [];
  let sent = 0;
  let next = 0;
  const work = async () => {
    while (next < rows.length) {
      const index = next++;
      try {
        const job = jobOf(rows, index, mapping);
        if (job === undefined) continue;
        await send(job);
        sent += 1;
      } catch (error) {
        list.push({ row: index + 1, error: asComityError(error) });
      }
    }
  };
  await Promise.all(Array.from({ length: limits.importsAtOnceMax }, work));
  return { rows: rows.length, sent, list: list.sort((a, b) => a.row - b.row) };
}

/** The key is of the row's place and content: the same register again is the same messages. */
function jobOf(rows: readonly CsvRow[], index: number, mapping: Mapping): Job | undefined {
  const row = rows[index];
  if (row === undefined) return undefined;
  const draft = mapping(row);
  if (draft === undefined) return undefined;
  const digest = hex(sha256(utf8(JSON.stringify([index, row]))));
  return { draft, key: `import-${digest.slice(0, 40)}` };
}
