/** ES256 (ECDSA, P-256, SHA-256): the message keys. Signatures are r ‖ s as in RFC 7518 §3.4. */
import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { base64url, fromBase64url, utf8 } from '../bytes.ts';
import { ComityError } from '../errors.ts';
import { plain, sha256 } from './digest.ts';

export type EcPublicJwk = Readonly<{ kty: 'EC'; crv: 'P-256'; x: string; y: string }>;

const signatureBytes = 64;
const coordinateBytes = 32;

/** RFC 7638: the key id of every message key, in base64url (43 characters). */
export function thumbprint(jwk: EcPublicJwk): string {
  return base64url(sha256(utf8(JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y }))));
}

/** A P-256 point as a key. Throws STATEMENT_INVALID for another curve, spelling, or a point off the curve. */
export function publicKeyOf(jwk: EcPublicJwk): KeyObject {
  const coordinates = [fromBase64url(String(jwk.x)), fromBase64url(String(jwk.y))];
  const whole = coordinates.every((coordinate) => coordinate?.length === coordinateBytes);
  if (jwk.kty !== 'EC' || jwk.crv !== 'P-256' || !whole) {
    throw new ComityError('STATEMENT_INVALID', 'a key is not a P-256 key in JWK form');
  }
  try {
    return createPublicKey({ key: { kty: 'EC', crv: 'P-256', x: jwk.x, y: jwk.y }, format: 'jwk' });
  } catch (cause) {
    throw new ComityError('STATEMENT_INVALID', 'a key is not a point of P-256', { cause });
  }
}

/** 64 bytes. Throws TypeError for a key that is not a P-256 private key. */
export function signEs256(key: KeyObject, bytes: Uint8Array): Uint8Array {
  if (key.type !== 'private' || !isP256(key)) throw new TypeError('ES256 signs with a P-256 private key');
  return plain(sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }));
}

/** False for any signature that does not verify. Throws TypeError for a key that is not of P-256. */
export function verifyEs256(key: KeyObject, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (!isP256(key)) throw new TypeError('ES256 verifies with a P-256 key');
  if (signature.length !== signatureBytes) return false;
  return verify('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }, signature);
}

/** The two message key algorithms share the curve, so a key's own type is what pins the algorithm. */
export function isP256(key: KeyObject): boolean {
  return key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
}
