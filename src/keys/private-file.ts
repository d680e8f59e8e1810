/** Files that hold secrets: mode 0600, written whole or not at all, never overwritten. */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { ComityError } from '../errors.ts';
import { limits } from '../limits.ts';

/**
 * Reads a regular file that nobody else may read. `groupReads` admits the mode 0440 that systemd
 * gives to credentials. KEY_FILE_INVALID.
 */
export function readPrivateFile(path: string, o: Readonly<{ groupReads?: boolean }> = {}): Uint8Array {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    throw new ComityError('KEY_FILE_INVALID', `\`${path}\` cannot be opened`, { cause: error });
  }
  try {
    const facts = fstatSync(file);
    const refused = o.groupReads === true ? 0o037 : 0o077;
    if (!facts.isFile()) throw new ComityError('KEY_FILE_INVALID', `\`${path}\` is not a regular file`);
    if ((facts.mode & refused) !== 0) {
      throw new ComityError('KEY_FILE_INVALID', `\`${path}\` is open to others: expected mode 0600`);
    }
    if (facts.size > limits.keyFileBytesMax)
      throw new ComityError('KEY_FILE_INVALID', `\`${path}\` is too large`);
    return Uint8Array.from(readFileSync(file));
  } finally {
    closeSync(file);
  }
}

/**
 * Writes a new file with mode 0600. The bytes are synced under another name before the file gets its
 * own, so that a process that dies here leaves either the whole file or none. KEY_FILE_EXISTS.
 */
export function writePrivateFile(path: string, bytes: Uint8Array): void {
  const draft = `${path}.${process.pid}.new`;
  writeSynced(draft, bytes);
  try {
    linkSync(draft, path); // fails where the name is taken; rename would replace
  } catch (error) {
    if (isTaken(error))
      throw new ComityError('KEY_FILE_EXISTS', `\`${path}\` exists and is never overwritten`);
    throw error;
  } finally {
    unlinkSync(draft);
  }
  syncDirectory(dirname(path));
}

function writeSynced(path: string, bytes: Uint8Array): void {
  const file = openSync(path, 'w', 0o600);
  try {
    writeSync(file, bytes);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

export function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST';
}
