/** The store key: 32 bytes under which private keys and stored content are encrypted at rest. */
import { scryptSync } from 'node:crypto';
import { base64, utf8, utf8Text } from '../bytes.ts';
import { ComityError } from '../errors.ts';
import type { Random } from '../ids.ts';
import { readPrivateFile, writePrivateFile } from './private-file.ts';

const keyBytes = 32;
const saltBytes = 32;
const keyMark = 'comity-store-key-1';
const saltMark = 'comity-store-salt-1';
const passphraseCharsMin = 12;
/** 128 MiB and about half a second: OWASP's first choice for scrypt. */
const scryptCost = { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 1024 * 1024 };

/** Where the store key comes from: exactly one of the three. `saltFile` goes with the passphrase. */
export type StoreKeySource = Readonly<{
  keyFile?: string;
  passphrase?: string;
  saltFile?: string;
  /** As systemd puts it into `$CREDENTIALS_DIRECTORY`; same content as a key file. */
  credentialFile?: string;
}>;

/** The 32 bytes of the store key. KEY_FILE_INVALID names the file; misuse is a TypeError. */
export function loadStoreKey(source: StoreKeySource): Uint8Array {
  const given = [source.keyFile, source.passphrase, source.credentialFile].filter((one) => one !== undefined);
  if (given.length !== 1) throw new TypeError('exactly one source of the store key is needed');
  if (source.keyFile !== undefined) return readMarked(source.keyFile, keyMark, false);
  if (source.credentialFile !== undefined) return readMarked(source.credentialFile, keyMark, true);
  if (source.passphrase === undefined || source.saltFile === undefined) {
    throw new TypeError('a passphrase needs its salt file');
  }
  if (source.passphrase.length < passphraseCharsMin) {
    throw new ComityError('CONFIG_INVALID', `the passphrase has fewer than ${passphraseCharsMin} characters`);
  }
  const salt = readMarked(source.saltFile, saltMark, false);
  return Uint8Array.from(scryptSync(source.passphrase.normalize('NFC'), salt, keyBytes, scryptCost));
}

/** Draws a store key into a new file. KEY_FILE_EXISTS. */
export function createStoreKeyFile(path: string, random: Random): void {
  writePrivateFile(path, utf8(`${keyMark} ${base64(random.bytes(keyBytes))}\n`));
}

/** Draws the salt of a passphrase into a new file; losing it is losing the key. KEY_FILE_EXISTS. */
export function createStoreSaltFile(path: string, random: Random): void {
  writePrivateFile(path, utf8(`${saltMark} ${base64(random.bytes(saltBytes))}\n`));
}

function readMarked(path: string, mark: string, groupReads: boolean): Uint8Array {
  const [found, text = '', ...more] = textOf(path, readPrivateFile(path, { groupReads }))
    .trimEnd()
    .split(' ');
  const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
  if (found !== mark || bytes.length !== keyBytes || base64(bytes) !== text || more.length > 0) {
    throw new ComityError('KEY_FILE_INVALID', `\`${path}\` is not a \`${mark}\` file`);
  }
  return bytes;
}

function textOf(path: string, bytes: Uint8Array): string {
  try {
    return utf8Text(bytes);
  } catch (error) {
    throw new ComityError('KEY_FILE_INVALID', `\`${path}\` is not text`, { cause: error });
  }
}
