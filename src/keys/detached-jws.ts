/** A detached JWS with an unencoded payload (RFC 7797), in raw bytes instead of base64url. */
import type { KeyObject } from 'node:crypto';
import { base64url, concat, equalBytes, utf8, utf8Text } from '../bytes.ts';
import { ComityError } from '../errors.ts';
import { limits } from '../limits.ts';
import { signEs256, verifyEs256 } from './es256.ts';

const kidPattern = /^[A-Za-z0-9_-]{43}$/;

export type DetachedSignature = Readonly<{ protected: Uint8Array; signature: Uint8Array }>;

/** True for the text form of a SHA-256: a thumbprint or a key id. */
export function isKid(text: unknown): text is string {
  return typeof text === 'string' && kidPattern.test(text);
}

/** `kid` is the thumbprint of the key; `text` is signed as it is. */
export function signDetached(
  o: Readonly<{ key: KeyObject; kid: string; typ: string; text: Uint8Array }>,
): DetachedSignature {
  if (!isKid(o.kid)) throw new TypeError('`kid` is not a thumbprint');
  const header = headerBytes(o.kid, o.typ);
  return { protected: header, signature: signEs256(o.key, signingInput(header, o.text)) };
}

/**
 * The key id that a protected header names, which is a hint. The header has one spelling (members, order,
 * no white space), so it is compared whole: duplicates, `jwk`, `jku`, `x5c`, `x5u` and the like do not
 * match. Throws ALGORITHM_REFUSED for another `alg`, SIGNATURE_HEADER_INVALID for anything else.
 */
export function readDetachedHeader(protectedBytes: Uint8Array, typ: string): { kid: string } {
  const header = parseObject(protectedBytes);
  if (header === undefined || !Object.hasOwn(header, 'alg')) {
    throw new ComityError('SIGNATURE_HEADER_INVALID');
  }
  if (header['alg'] !== 'ES256') throw new ComityError('ALGORITHM_REFUSED');
  const kid = header['kid'];
  if (!isKid(kid) || !equalBytes(headerBytes(kid, typ), protectedBytes)) {
    throw new ComityError('SIGNATURE_HEADER_INVALID');
  }
  return { kid };
}

/** Says only whether the signature is of this key over these bytes; read the header first. */
export function verifyDetached(
  o: Readonly<{ key: KeyObject; protected: Uint8Array; signature: Uint8Array; text: Uint8Array }>,
): boolean {
  return verifyEs256(o.key, signingInput(o.protected, o.text), o.signature);
}

function headerBytes(kid: string, typ: string): Uint8Array {
  return utf8(JSON.stringify({ alg: 'ES256', b64: false, crit: ['b64'], kid, typ }));
}

/** RFC 7797 §3: BASE64URL(protected) ‖ "." ‖ text. */
function signingInput(protectedBytes: Uint8Array, text: Uint8Array): Uint8Array {
  return concat(utf8(`${base64url(protectedBytes)}.`), text);
}

/** The JSON object in bounded bytes; undefined for anything else. */
export function parseObject(bytes: Uint8Array): Record<string, unknown> | undefined {
  if (bytes.length > limits.protectedHeaderBytesMax) return undefined;
  try {
    const value: unknown = JSON.parse(utf8Text(bytes));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return value as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
