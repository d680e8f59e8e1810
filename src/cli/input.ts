/** Files that verbs read and write for an operator. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { utf8 } from '../bytes.ts';
import { ComityError } from '../errors.ts';
import { readPrivateFile, writePrivateFile } from '../keys/index.ts';

/** Writes a public file; one that stands is replaced only where the verb says so. */
export function writeOutput(
  path: string,
  content: string | Uint8Array,
  o: Readonly<{ replace: boolean }>,
): void {
  if (!o.replace && existsSync(path)) {
    throw new ComityError('KEY_FILE_EXISTS', `\`${path}\` exists and is not overwritten`);
  }
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** Writes a new secret file, for its owner alone, in a folder made likewise. KEY_FILE_EXISTS. */
export function writeSecret(path: string, content: string | Uint8Array): void {
  ensureFolder(dirname(path));
  writePrivateFile(path, typeof content === 'string' ? utf8(content) : content);
}

export function ensureFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
}

/** A secret such as a password or a seed, without its line end. */
export function readSecret(path: string): string {
  return Buffer.from(readPrivateFile(path)).toString('utf8').trimEnd();
}

/** CONFIG_INVALID where there is no such file. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ComityError('CONFIG_INVALID', `cannot read \`${path}\``, { cause: error });
  }
}
