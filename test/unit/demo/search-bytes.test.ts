import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytesUnder, formsFound } from '../../../demo/search-bytes.ts';

const word = 'kanarienvogel';

test('a text is found inside longer base64, wherever it stands', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 40 }), (before, after) => {
      const text = Buffer.concat([before, Buffer.from(word), after]).toString('base64');
      expect(formsFound(Buffer.from(text), word).some((form) => form.startsWith('base64'))).toBe(true);
    }),
  );
});

test.each<[string, Buffer]>([
  ['utf-8', Buffer.from(word)],
  ['utf-16le', Buffer.from(word, 'utf16le')],
  ['utf-16be', Buffer.from(word, 'utf16le').swap16()],
  ['hexadecimal', Buffer.from(Buffer.from(word).toString('hex'))],
])('a text is found as %s', (form, bytes) => {
  expect(formsFound(Buffer.concat([Buffer.alloc(3, 1), bytes]), word)).toContain(form);
});

test('what is not there is not found', () => {
  expect(formsFound(Buffer.from('kanarienvoge1 kanarien vogel'), word)).toEqual([]);
});

test('every file under a folder is read', () => {
  const folder = mkdtempSync(join(tmpdir(), 'comity-search-'));
  mkdirSync(join(folder, 'deep', 'deeper'), { recursive: true });
  writeFileSync(join(folder, 'one'), 'nothing');
  writeFileSync(join(folder, 'deep', 'deeper', 'two'), word);
  const { files, bytes } = bytesUnder(folder);
  rmSync(folder, { recursive: true });
  expect(files).toBe(2);
  expect(formsFound(bytes, word)).toEqual(['utf-8']);
});
