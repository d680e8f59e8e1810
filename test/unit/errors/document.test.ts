import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { errorsDocument, errorsText } from '../../../scripts/errors-doc.ts';
import { errorTable } from '../../../src/errors.ts';

describe('docs/errors.md', () => {
  it('is what the error table says', () => expect(readFileSync(errorsDocument, 'utf8')).toBe(errorsText()));

  it('explains every exit code in use', () => {
    for (const exit of new Set(Object.values(errorTable).map((row) => row.exit))) {
      expect(errorsText()).toContain(`\n| ${exit} | `);
    }
  });
});
