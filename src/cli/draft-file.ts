/** Reads the draft that a verb is given: a file, or `-` for standard input. */
import { readFileSync } from 'node:fs';
import { ComityError } from '../errors.ts';
import { limits } from '../limits.ts';

export function readDraftFile(path: string): Uint8Array {
  try {
    const bytes = Uint8Array.from(readFileSync(path === '-' ? 0 : path));
    if (bytes.length <= limits.inputFileBytesMax) return bytes;
  } catch (error) {
    throw new ComityError('USAGE', `cannot read \`${path}\``, { cause: error });
  }
  throw new ComityError('USAGE', `\`${path}\` has more than ${limits.inputFileBytesMax} bytes`);
}
