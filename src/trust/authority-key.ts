/** The keys of federation authorities: one ES256 key each, in PKCS#8 PEM. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { ComityError } from '../errors.ts';
import type { Random } from '../ids.ts';
import { ecPublicJwkShape, generateEcKey, readShape } from '../keys/index.ts';
import type { AuthorityKey } from './general-jws.ts';

export function createAuthorityKey(random: Random): AuthorityKey {
  return generateEcKey(random);
}

export function authorityKeyPem(key: AuthorityKey): string {
  return key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** KEY_FILE_INVALID for anything but a P-256 private key. */
export function readAuthorityKey(pem: string): AuthorityKey {
  try {
    const privateKey = createPrivateKey(pem);
    const { kty, crv, x, y } = createPublicKey(privateKey).export({ format: 'jwk' });
    return { privateKey, jwk: readShape(ecPublicJwkShape, { kty, crv, x, y }, 'KEY_FILE_INVALID') };
  } catch (error) {
    throw new ComityError('KEY_FILE_INVALID', 'not a P-256 private key in PEM', { cause: error });
  }
}
