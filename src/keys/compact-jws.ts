/** Compact JWS (RFC 7515 §7.1) with a protected header that says no more than it must. */
import { constants, type KeyObject, sign, verify } from 'node:crypto';
import { z } from 'zod';
import { base64url, fromBase64url, utf8, utf8Text } from '../bytes.ts';
import { ComityError } from '../errors.ts';
import { limits } from '../limits.ts';
import { signEs256, verifyEs256 } from './es256.ts';
import { parseStrictJson, readShape } from './strict-json.ts';

export type JwsAlgorithm = 'ES256' | 'PS256';

export type ProtectedHeader = Readonly<{
  alg: string;
  kid: string;
  typ: string;
  'x5t#S256'?: string | undefined;
}>;

// Closed: `jwk`, `jku`, `x5u`, `x5c`, `crit` and `zip` are unknown members and so refused. Keys come
// from the pin, never from a message.
const headerShape = z.strictObject({
  alg: z.string(),
  kid: z.string().min(1).max(200),
  typ: z.string(),
  'x5t#S256': z.string().max(64).optional(),
});

/** Reads a protected header by the algorithm and type that the caller pins. SIGNATURE_HEADER_INVALID, ALGORITHM_REFUSED. */
export function readProtectedHeader(
  bytes: Uint8Array,
  pinned: Readonly<{ algorithm: JwsAlgorithm; typ: string }>,
): ProtectedHeader {
  if (bytes.length > limits.protectedHeaderBytesMax) {
    throw new ComityError('SIGNATURE_HEADER_INVALID', 'the protected header exceeds its bound');
  }
  const json = parseStrictJson(bytes, 'SIGNATURE_HEADER_INVALID');
  refuseOtherAlgorithm(json, pinned.algorithm);
  const header = readShape(headerShape, json, 'SIGNATURE_HEADER_INVALID');
  if (header.typ !== pinned.typ) {
    throw new ComityError(
      'SIGNATURE_HEADER_INVALID',
      `type \`${header.typ}\` where \`${pinned.typ}\` is due`,
    );
  }
  return header;
}

function refuseOtherAlgorithm(json: unknown, algorithm: JwsAlgorithm): void {
  const named = typeof json === 'object' && json !== null && 'alg' in json ? json.alg : undefined;
  if (typeof named === 'string' && named !== algorithm) {
    throw new ComityError('ALGORITHM_REFUSED', `algorithm \`${named}\` where \`${algorithm}\` is pinned`);
  }
}

/** Signs; `x5t` is the base64url SHA-256 of the signer's certificate, a hint. */
export function signCompact(
  o: Readonly<{
    payload: Uint8Array;
    typ: string;
    kid: string;
    key: KeyObject;
    alg: JwsAlgorithm;
    x5t?: string;
  }>,
): string {
  const header = {
    alg: o.alg,
    kid: o.kid,
    typ: o.typ,
    ...(o.x5t === undefined ? {} : { 'x5t#S256': o.x5t }),
  };
  const input = `${base64url(utf8(JSON.stringify(header)))}.${base64url(o.payload)}`;
  return `${input}.${base64url(signBytes(o.key, o.alg, utf8(input)))}`;
}

/** The payload, once header and signature hold. The algorithm is the caller's, never the message's. */
export function verifyCompact(
  o: Readonly<{ jws: string | Uint8Array; typ: string; algorithm: JwsAlgorithm; key: KeyObject }>,
): Uint8Array {
  const parts = splitCompact(o.jws);
  readProtectedHeader(parts.header, o);
  if (!verifyBytes(o.key, o.algorithm, parts)) throw new ComityError('SIGNATURE_INVALID');
  return parts.payload;
}

export type CompactParts = Readonly<{
  header: Uint8Array;
  payload: Uint8Array;
  signature: Uint8Array;
  /** What is signed: the first two parts as they stand. */
  input: Uint8Array;
}>;

/** Takes a compact JWS apart without judging it. The caller bounds the size. */
export function splitCompact(jws: string | Uint8Array): CompactParts {
  const text = typeof jws === 'string' ? jws : asText(jws);
  const [header, payload, signature, ...more] = text.split('.').map(fromBase64url);
  if (!header || !payload || !signature || more.length > 0) {
    throw new ComityError('SIGNATURE_HEADER_INVALID', 'not a compact JWS');
  }
  return { header, payload, signature, input: utf8(text.slice(0, text.lastIndexOf('.'))) };
}

function asText(bytes: Uint8Array): string {
  try {
    return utf8Text(bytes);
  } catch (error) {
    throw new ComityError('SIGNATURE_HEADER_INVALID', 'not a compact JWS', { cause: error });
  }
}

function signBytes(key: KeyObject, algorithm: JwsAlgorithm, bytes: Uint8Array): Uint8Array {
  if (algorithm === 'ES256') return signEs256(key, bytes);
  return sign('sha256', bytes, pss(key));
}

function verifyBytes(key: KeyObject, algorithm: JwsAlgorithm, parts: CompactParts): boolean {
  const type = algorithm === 'ES256' ? 'ec' : 'rsa';
  if (key.type !== 'public' || key.asymmetricKeyType !== type)
    throw new TypeError(`${algorithm} takes a public ${type} key`);
  if (algorithm === 'ES256') return verifyEs256(key, parts.input, parts.signature);
  return verify('sha256', parts.input, pss(key), parts.signature);
}

/** RFC 7518 §3.5: the salt is as long as the digest. */
function pss(key: KeyObject) {
  return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
}
