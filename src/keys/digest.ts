/** SHA-256 and what is built from it; every digest in Comity is one of these. */
import { createHash, createHmac } from 'node:crypto';

/** SHA-256 of the parts, one after the other; 32 bytes. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return plain(hash.digest());
}

/** HMAC-SHA-256 of the parts, one after the other; 32 bytes. */
export function hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const hmac = createHmac('sha256', key);
  for (const part of parts) hmac.update(part);
  return plain(hmac.digest());
}

const leafPrefix = Uint8Array.of(0);

/** The digest of a leaf, SHA-256(0x00 ‖ bytes), RFC 6962 §2.1. Of a header it is the digest of the message. */
export function leafDigest(bytes: Uint8Array): Uint8Array {
  return sha256(leafPrefix, bytes);
}

/** The same memory without Buffer's methods, so that `slice` copies everywhere. */
export function plain(bytes: Buffer): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
