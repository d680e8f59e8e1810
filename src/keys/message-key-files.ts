/** Message keys on disk: one file a key, each encrypted under the store key. */
import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
} from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, unlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { base64, concat, utf8 } from '../bytes.ts';
import { rfc3339 } from '../clock.ts';
import { ComityError } from '../errors.ts';
import type { Random } from '../ids.ts';
import { limits } from '../limits.ts';
import { thumbprint } from './es256.ts';
import type { PublicWindows } from './key-windows.ts';
import {
  createMessageKeys,
  generateMessageKey,
  type KeyUse,
  type MessageKey,
  type MessageKeys,
  windowsFrom,
} from './message-keys.ts';
import { readPrivateFile, writePrivateFile } from './private-file.ts';
import { ecPublicJwkShape, instantShape } from './shapes.ts';
import { parseStrictJson, readShape } from './strict-json.ts';

const suffix = '.key.json';
const keyUses: readonly KeyUse[] = ['signing', 'sealing'];
const ivBytes = 12;
const tagBytes = 16;

const fileShape = z.strictObject({
  format: z.literal('comity-message-key-1'),
  use: z.enum(['signing', 'sealing']),
  from: instantShape,
  to: instantShape,
  jwk: ecPublicJwkShape,
  /** Base64 of IV ‖ ciphertext ‖ tag; the plaintext is PKCS#8 DER. */
  sealed: z.string().max(2048),
});

type Where = Readonly<{ directory: string; storeKey: Uint8Array }>;

/** Opens every key in the directory. KEY_FILE_INVALID names the file; STORE_KEY_WRONG. */
export function openMessageKeys(o: Where): MessageKeys {
  return createMessageKeys(readKeys(o));
}

/**
 * Draws the keys that are missing for `weeks` windows from the one that holds `fromMs`; what exists
 * stays as it is. Returns the public windows of every key on disk.
 */
export function rollMessageKeys(
  o: Where & Readonly<{ fromMs: number; weeks: number; random: Random }>,
): PublicWindows {
  mkdirSync(o.directory, { recursive: true, mode: 0o700 });
  for (const window of windowsFrom(o.fromMs, o.weeks)) {
    for (const use of keyUses) {
      const path = join(o.directory, fileName(use, window.notBeforeMs));
      // A ceremony that died halfway is run again: it finds whole files and draws the rest.
      if (!existsSync(path)) writeKey(path, generateMessageKey(use, window, o.random), o);
    }
  }
  return openMessageKeys(o).publicWindows();
}

/**
 * Deletes private keys of no more use: signing keys past their window, sealing keys
 * `limits.sealingKeyKeptMs` past theirs. The last of each use stays. Returns the names deleted.
 */
export function pruneMessageKeys(o: Where & Readonly<{ nowMs: number }>): string[] {
  const keys = readKeys(o);
  const doomed = keyUses.flatMap((use) => {
    const keptMs = use === 'sealing' ? limits.sealingKeyKeptMs : 0;
    return keys
      .filter((key) => key.use === use)
      .slice(0, -1)
      .filter((key) => key.notAfterMs + keptMs <= o.nowMs);
  });
  const names = doomed.map((key) => fileName(key.use, key.notBeforeMs));
  for (const name of names) unlinkSync(join(o.directory, name));
  return names;
}

function readKeys(o: Where): MessageKey[] {
  return namesIn(o.directory)
    .map((name) => readKey(join(o.directory, name), o.storeKey))
    .sort((a, b) => a.notBeforeMs - b.notBeforeMs);
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => name.endsWith(suffix));
  } catch (error) {
    throw new ComityError('KEY_FILE_INVALID', `\`${directory}\` is no directory of message keys`, {
      cause: error,
    });
  }
}

function readKey(path: string, storeKey: Uint8Array): MessageKey {
  const file = readShape(
    fileShape,
    parseStrictJson(readPrivateFile(path), 'KEY_FILE_INVALID'),
    'KEY_FILE_INVALID',
  );
  const kid = thumbprint(file.jwk);
  const facts = { use: file.use, notBeforeMs: file.from, notAfterMs: file.to, kid };
  const privateKey = openPrivateKey(path, file.sealed, { storeKey, facts });
  // A file under another's name would put a key into a window that it was not drawn for.
  if (basename(path) !== fileName(file.use, file.from) || !isPair(privateKey, file.jwk)) {
    throw new ComityError('KEY_FILE_INVALID', `\`${path}\` holds another key than it says`);
  }
  return Object.freeze({ ...facts, jwk: file.jwk, privateKey });
}

function writeKey(
  path: string,
  key: MessageKey,
  o: Readonly<{ storeKey: Uint8Array; random: Random }>,
): void {
  const iv = o.random.bytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', o.storeKey, iv).setAAD(bindingOf(key));
  const plaintext = key.privateKey.export({ type: 'pkcs8', format: 'der' });
  const sealed = concat(iv, cipher.update(plaintext), cipher.final(), cipher.getAuthTag());
  plaintext.fill(0);
  const file = {
    format: 'comity-message-key-1',
    use: key.use,
    from: rfc3339(key.notBeforeMs),
    to: rfc3339(key.notAfterMs),
    jwk: key.jwk,
    sealed: base64(sealed),
  };
  writePrivateFile(path, utf8(`${JSON.stringify(file, undefined, 2)}\n`));
}

function openPrivateKey(
  path: string,
  sealed: string,
  o: Readonly<{ storeKey: Uint8Array; facts: KeyFacts }>,
): KeyObject {
  const bytes = Uint8Array.from(Buffer.from(sealed, 'base64'));
  if (bytes.length <= ivBytes + tagBytes)
    throw new ComityError('KEY_FILE_INVALID', `\`${path}\` is cut short`);
  const decipher = createDecipheriv('aes-256-gcm', o.storeKey, bytes.subarray(0, ivBytes), {
    authTagLength: tagBytes,
  })
    .setAAD(bindingOf(o.facts))
    .setAuthTag(bytes.subarray(-tagBytes));
  try {
    const der = Buffer.concat([decipher.update(bytes.subarray(ivBytes, -tagBytes)), decipher.final()]);
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } catch (error) {
    throw new ComityError('STORE_KEY_WRONG', `the store key does not open \`${path}\``, { cause: error });
  }
}

type KeyFacts = Readonly<{ use: KeyUse; notBeforeMs: number; notAfterMs: number; kid: string }>;

/** Use, window and key are bound to the ciphertext, so that no file can be edited into another. */
function bindingOf(facts: KeyFacts): Uint8Array {
  return utf8(
    `comity/message-key/1\n${facts.use}\n${facts.notBeforeMs}\n${facts.notAfterMs}\n${facts.kid}\n`,
  );
}

function isPair(privateKey: KeyObject, jwk: Readonly<{ x: string; y: string }>): boolean {
  const own = createPublicKey(privateKey).export({ format: 'jwk' });
  return own.crv === 'P-256' && own.x === jwk.x && own.y === jwk.y;
}

function fileName(use: KeyUse, fromMs: number): string {
  return `${rfc3339(fromMs).slice(0, 10)}-${use}${suffix}`;
}
