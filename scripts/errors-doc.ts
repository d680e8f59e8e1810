/** Writes docs/errors.md from the error table: `node scripts/errors-doc.ts`. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { errorTable } from '../src/errors.ts';

export const errorsDocument = new URL('../docs/errors.md', import.meta.url);

const exitCodes = [
  [0, 'done'],
  [1, 'failure: something broke here'],
  [2, 'usage: the command line or the token is not as expected'],
  [3, 'refused: by a policy, or for want of a scope'],
  [4, 'bad data: what was given or fetched is not as it must be'],
  [5, 'not found'],
  [6, 'try later'],
  [7, 'configuration: an operator has to mend something first'],
] as const;

export function errorsText(): string {
  const rows = Object.entries(errorTable).map(
    ([code, { http, exit, duty, meaning }]) => `| \`${code}\` | ${http} | ${exit} | ${duty} | ${meaning} |`,
  );
  return [
    '# Error codes',
    '',
    'Codes are API: programs may rely on them, and the words beside them may change. They stand in problem',
    'details (RFC 9457, member `code`), in quarantine, in receipts and behind exit codes. This page is written',
    'from `src/errors.ts` by `node scripts/errors-doc.ts`.',
    '',
    '## Exit codes of the command line',
    '',
    '| exit | meaning |',
    '| --- | --- |',
    ...exitCodes.map(([exit, meaning]) => `| ${exit} | ${meaning} |`),
    '',
    '## Codes',
    '',
    '| code | HTTP status | exit | the caller should | meaning |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(errorsDocument, errorsText());
