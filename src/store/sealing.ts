/**
 * How the store keeps content secret.
 *
 * The store key wraps one root key, drawn at creation, so that a new store key rewraps one row. From the
 * root come three keys (HKDF-SHA-256): one wraps the data keys (RFC 3394), one seals single rows, one
 * makes the tokens by which sealed values are found. Content of a message is sealed by AES-256-GCM under
 * the message's own data key; erasing a message is destroying the wrapped data key. The additional data
 * names the row, so that no sealed value passes for another.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import { concat } from '../bytes.ts';
import { ComityError } from '../errors.ts';
import type { Random } from '../ids.ts';

const keyBytes = 32;
const nonceBytes = 12;
/** Keys and nonces are drawn many at a time: a draw costs the same for 32 bytes as for a thousand. */
const drawnAtOnce = 64;
const tagBytes = 16;
const tokenBytes = 16;
/** RFC 3394, section 2.2.3.1. */
const wrapVector = Buffer.alloc(8, 0xa6);

/** A data key, and its wrapped form for the database. */
export type DataKey = Readonly<{ key: KeyObject; wrapped: Uint8Array }>;

export interface Vault {
  newDataKey(): DataKey;
  unwrap(wrapped: Uint8Array): KeyObject;
  /** Seals `plain` as nonce ‖ ciphertext ‖ tag; `name` says which row it is. */
  seal(key: KeyObject, name: string, plain: Uint8Array): Uint8Array;
  open(key: KeyObject, name: string, sealed: Uint8Array): Uint8Array;
  /** Seals a value that belongs to no message, under a key of the store. */
  sealRow(name: string, plain: Uint8Array): Uint8Array;
  openRow(name: string, sealed: Uint8Array): Uint8Array;
  /** Finds a sealed value again without telling it: 16 bytes of an HMAC. */
  token(purpose: string, value: string | Uint8Array): Uint8Array;
}

/** Draws a root key and wraps it under the store key. */
export function newRoot(storeKey: Uint8Array, random: Random): Uint8Array {
  return wrap(createSecretKey(storeKey), random.bytes(keyBytes));
}

/** Opens the root with the store key. Throws STORE_KEY_WRONG. */
export function openVault(storeKey: Uint8Array, wrappedRoot: Uint8Array, random: Random): Vault {
  const root = unwrap(createSecretKey(storeKey), wrappedRoot);
  if (root === undefined) throw new ComityError('STORE_KEY_WRONG');
  // Key objects, since node takes a key given as bytes apart anew at each use, at four times the cost.
  const derive = (purpose: string) =>
    createSecretKey(Buffer.from(hkdfSync('sha256', root, '', `comity/store/1/${purpose}`, keyBytes)));
  const wrapKey = derive('wrap');
  const rowKey = derive('row');
  const tokenKey = derive('token');
  root.fill(0);
  const nextNonce = createDraws(random, nonceBytes);
  const nextKey = createDraws(random, keyBytes);
  const sealNow = (key: KeyObject, name: string, plain: Uint8Array) =>
    seal(key, name, { nonce: nextNonce(), plain });
  return {
    newDataKey() {
      const key = nextKey();
      const made = { key: createSecretKey(key), wrapped: wrap(wrapKey, key) };
      key.fill(0);
      return made;
    },
    unwrap(wrapped) {
      const key = unwrap(wrapKey, wrapped);
      return key === undefined ? unreadable('a data key') : createSecretKey(key);
    },
    seal: sealNow,
    open,
    sealRow: (name, plain) => sealNow(rowKey, name, plain),
    openRow: (name, sealed) => open(rowKey, name, sealed),
    token: (purpose, value) =>
      createHmac('sha256', tokenKey).update(`${purpose}\n`).update(value).digest().subarray(0, tokenBytes),
  };
}

/** Random values of one length, each handed out once. */
function createDraws(random: Random, length: number): () => Uint8Array {
  let drawn = new Uint8Array(0);
  let used = 0;
  return () => {
    if (used === drawn.length) {
      drawn = new Uint8Array(random.bytes(length * drawnAtOnce));
      used = 0;
    }
    used += length;
    return drawn.subarray(used - length, used);
  };
}

function wrap(key: KeyObject, secret: Uint8Array): Uint8Array {
  const cipher = createCipheriv('id-aes256-wrap', key, wrapVector);
  return concat(cipher.update(secret), cipher.final());
}

function unwrap(key: KeyObject, wrapped: Uint8Array): Uint8Array | undefined {
  try {
    const decipher = createDecipheriv('id-aes256-wrap', key, wrapVector);
    return concat(decipher.update(wrapped), decipher.final());
  } catch {
    return undefined;
  }
}

function additional(name: string): Uint8Array {
  return Buffer.from(`comity/store/1 ${name}`);
}

function seal(
  key: KeyObject,
  name: string,
  o: Readonly<{ nonce: Uint8Array; plain: Uint8Array }>,
): Uint8Array {
  const cipher = createCipheriv('aes-256-gcm', key, o.nonce);
  cipher.setAAD(additional(name));
  const body = cipher.update(o.plain);
  cipher.final();
  return concat(o.nonce, body, cipher.getAuthTag());
}

function open(key: KeyObject, name: string, sealed: Uint8Array): Uint8Array {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonceBytes), {
      authTagLength: tagBytes,
    });
    decipher.setAAD(additional(name));
    decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
    return concat(decipher.update(sealed.subarray(nonceBytes, sealed.length - tagBytes)), decipher.final());
  } catch (error) {
    return unreadable(name, error);
  }
}

function unreadable(what: string, cause?: unknown): never {
  throw new ComityError('STORE_FAILED', `the store holds ${what} and cannot open it: it was changed`, {
    cause,
  });
}
