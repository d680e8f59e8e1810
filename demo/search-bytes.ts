/** Searching every byte of a folder for texts, in the forms in which a text may lie in a file. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** All files as they stand together: one that goes while they are read means reading them all again. */
export function bytesUnder(folder: string): Readonly<{ files: number; bytes: Buffer }> {
  for (let tries = 1; ; tries += 1) {
    try {
      const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
      const files = entries.filter((entry) => entry.isFile());
      const bytes = Buffer.concat(files.map(({ parentPath, name }) => readFileSync(join(parentPath, name))));
      return { files: files.length, bytes };
    } catch (error) {
      const isGone = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      if (!isGone || tries >= triesMax) throw error;
    }
  }
}

const triesMax = 20;

/** The text itself, in other encodings of Unicode, and as it shows inside longer base64 and hexadecimal. */
export function formsOf(text: string): Readonly<Record<string, Buffer>> {
  const utf8 = Buffer.from(text, 'utf8');
  const utf16 = Buffer.from(text, 'utf16le');
  return {
    'utf-8': utf8,
    'utf-16le': utf16,
    'utf-16be': Buffer.from(utf16).swap16(),
    hexadecimal: Buffer.from(utf8.toString('hex')),
    HEXADECIMAL: Buffer.from(utf8.toString('hex').toUpperCase()),
    ...Object.fromEntries([0, 1, 2].map((offset) => [`base64+${offset}`, base64At(utf8, offset)])),
    ...Object.fromEntries(
      [0, 1, 2].map((offset) => [
        `base64url+${offset}`,
        Buffer.from(base64At(utf8, offset).toString().replaceAll('+', '-').replaceAll('/', '_')),
      ]),
    ),
  };
}

/** The characters that depend on the text alone where it stands `offset` bytes into a group of three. */
function base64At(text: Buffer, offset: number): Buffer {
  const first = Math.ceil((offset * 8) / 6);
  const end = Math.floor(((offset + text.length) * 8) / 6);
  return Buffer.from(
    Buffer.concat([Buffer.alloc(offset), text])
      .toString('base64')
      .slice(first, end),
  );
}

/** Which forms of the text are there. */
export function formsFound(bytes: Buffer, text: string): string[] {
  return Object.entries(formsOf(text))
    .filter(([, form]) => bytes.includes(form))
    .map(([name]) => name);
}
