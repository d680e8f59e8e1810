/** The keys that seal: audience keys by their ids, and the key that two agencies share without a message. */
import { diffieHellman, hkdfSync, type KeyObject } from 'node:crypto';
import { hex, utf8 } from '../bytes.ts';
import { hmacSha256, sha256 } from './digest.ts';
import { isP256 } from './es256.ts';

const keyIdContext = utf8('comity/audience/1');
const noSalt = new Uint8Array(0);
const keyBytes = 32;
const tagBytes = 16;

/** SHA-256("comity/audience/1" ‖ key): all who hold the id's key provably hold the same one. */
export function keyId(key: Uint8Array): Uint8Array {
  return sha256(keyIdContext, key);
}

/**
 * The key from one agency to another, 32 bytes: HKDF-SHA-256 of the ECDH secret of their sealing keys
 * (docs/wire.md, Pairwise keys). Both derive the same from their own private key and the other's public
 * one; the other direction has another key, since the sender's kid comes first.
 */
export function pairwiseKey(
  o: Readonly<{
    ownPrivate: KeyObject;
    peerPublic: KeyObject;
    federationId: Uint8Array;
    senderKid: string;
    recipientKid: string;
  }>,
): Uint8Array {
  if (!isP256(o.ownPrivate) || !isP256(o.peerPublic)) throw new TypeError('sealing keys are P-256 keys');
  const secret = diffieHellman({ privateKey: o.ownPrivate, publicKey: o.peerPublic });
  const info = utf8(`comity/pair/1\n${hex(o.federationId)}\n${o.senderKid}\n${o.recipientKid}\n`);
  return new Uint8Array(hkdfSync('sha256', secret, noSalt, info, keyBytes));
}

/** Finds a member's wrap without naming the member: HMAC(pairwise key, key id), the first 16 bytes. */
export function wrapTag(pairwise: Uint8Array, id: Uint8Array): Uint8Array {
  return hmacSha256(pairwise, id).slice(0, tagBytes);
}
