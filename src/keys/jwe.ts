/** A JWE (A256KW + A256GCM, RFC 7516) in raw bytes instead of base64url, and the key wrap under it. */
import { createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto';
import { base64url, concat, equalBytes, utf8 } from '../bytes.ts';
import { ComityError } from '../errors.ts';
import type { Random } from '../ids.ts';
import { isKid, parseObject } from './detached-jws.ts';
import { plain } from './digest.ts';
import { keyId } from './pairwise.ts';

/** A key to seal under. With `pair` it is a pairwise key, and the header names both sealing keys. */
export type SealKey = Readonly<{
  id: Uint8Array;
  key: Uint8Array;
  pair?: Readonly<{ senderKid: string; recipientKid: string }>;
}>;

/** `kid` is the id of the key that wraps the content key; the others are the raw members of a JWE. */
export type JweParts = Readonly<{
  kid: Uint8Array;
  protected: Uint8Array;
  encryptedKey: Uint8Array;
  iv: Uint8Array;
  ciphertext: Uint8Array;
  tag: Uint8Array;
}>;

/** `skid` only under a pairwise key: then both are thumbprints, else `kid` is the key id. */
export type JweHeader = Readonly<{ kid: string; skid?: string }>;

// A cipher takes a key object in half the time that it takes bytes.
const wrapCipher = 'id-aes256-wrap';
const wrapIv = new Uint8Array(8).fill(0xa6);
const sealCipher = 'aes-256-gcm';
const keyBytes = 32;
const wrappedKeyBytes = 40;
const ivBytes = 12;
const tagBytes = 16;

/** RFC 3394. Both keys are 32 bytes, the result 40. */
export function wrapKey(kek: Uint8Array, key: Uint8Array): Uint8Array {
  if (kek.length !== keyBytes || key.length !== keyBytes) throw new TypeError('keys are 32 bytes');
  const cipher = createCipheriv(wrapCipher, createSecretKey(kek), wrapIv);
  return concat(cipher.update(key), cipher.final());
}

/** Undefined where `wrapped` was not made under `kek`. */
export function unwrapKey(kek: Uint8Array, wrapped: Uint8Array): Uint8Array | undefined {
  if (kek.length !== keyBytes) throw new TypeError('keys are 32 bytes');
  if (wrapped.length !== wrappedKeyBytes) return undefined;
  try {
    const decipher = createDecipheriv(wrapCipher, createSecretKey(kek), wrapIv);
    return concat(decipher.update(wrapped), decipher.final());
  } catch {
    return undefined;
  }
}

/** Seals under a content key of its own; `aad` is what RFC 7516 calls the JWE AAD, before its encoding. */
export function sealJwe(
  o: Readonly<{ key: SealKey; plaintext: Uint8Array; aad: Uint8Array }>,
  random: Random,
): JweParts {
  const header = jweHeaderBytes(headerOf(o.key));
  const contentKey = random.bytes(keyBytes);
  const iv = random.bytes(ivBytes);
  const cipher = createCipheriv(sealCipher, createSecretKey(contentKey), iv, { authTagLength: tagBytes });
  cipher.setAAD(fullAad(header, o.aad));
  const ciphertext = concat(cipher.update(o.plaintext), cipher.final());
  return {
    kid: o.key.id,
    protected: header,
    encryptedKey: wrapKey(o.key.key, contentKey),
    iv,
    ciphertext,
    tag: plain(cipher.getAuthTag()),
  };
}

/** The header has one spelling and is compared whole (`zip`, `epk`, duplicates…). Throws PART_UNREADABLE. */
export function readJweHeader(protectedBytes: Uint8Array): JweHeader {
  const { kid, skid } = parseObject(protectedBytes) ?? {};
  if (!isKid(kid) || (skid !== undefined && !isKid(skid))) throw unreadable('its protected header');
  const header: JweHeader = skid === undefined ? { kid } : { kid, skid };
  if (!equalBytes(jweHeaderBytes(header), protectedBytes)) throw unreadable('its protected header');
  return header;
}

/** Opens a part under the key that its `kid` is the id of. Throws PART_UNREADABLE, whatever is wrong. */
export function openJwe(parts: JweParts, key: Uint8Array, aad: Uint8Array): Uint8Array {
  const header = readJweHeader(parts.protected);
  if (header.skid === undefined && header.kid !== base64url(parts.kid)) throw unreadable('its key id');
  if (!equalBytes(keyId(key), parts.kid)) throw unreadable('its key id');
  if (parts.iv.length !== ivBytes || parts.tag.length !== tagBytes) throw unreadable('its form');
  const contentKey = unwrapKey(key, parts.encryptedKey);
  if (contentKey === undefined) throw unreadable('its wrapped key');
  try {
    const decipher = createDecipheriv(sealCipher, createSecretKey(contentKey), parts.iv, {
      authTagLength: tagBytes,
    });
    decipher.setAAD(fullAad(parts.protected, aad));
    decipher.setAuthTag(parts.tag);
    return concat(decipher.update(parts.ciphertext), decipher.final());
  } catch (cause) {
    throw new ComityError('PART_UNREADABLE', 'a sealed part is not what was sealed', { cause });
  }
}

function headerOf(key: SealKey): JweHeader {
  if (!equalBytes(keyId(key.key), key.id)) throw new TypeError('`id` is not the id of `key`');
  if (key.pair === undefined) return { kid: base64url(key.id) };
  return { kid: key.pair.recipientKid, skid: key.pair.senderKid };
}

function jweHeaderBytes(header: JweHeader): Uint8Array {
  const { kid, skid } = header;
  return utf8(
    JSON.stringify({ alg: 'A256KW', enc: 'A256GCM', kid, ...(skid === undefined ? {} : { skid }) }),
  );
}

/** RFC 7516 §5.1 step 14: BASE64URL(protected) ‖ "." ‖ BASE64URL(aad). */
function fullAad(protectedBytes: Uint8Array, aad: Uint8Array): Uint8Array {
  return utf8(`${base64url(protectedBytes)}.${base64url(aad)}`);
}

function unreadable(what: string): ComityError {
  return new ComityError('PART_UNREADABLE', `a sealed part does not open: ${what} is not as specified`);
}
