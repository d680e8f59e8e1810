export {
  type DetachedSignature,
  readDetachedHeader,
  signDetached,
  verifyDetached,
} from './detached-jws.ts';
export { hmacSha256, leafDigest, sha256 } from './digest.ts';
export { type EcPublicJwk, publicKeyOf, signEs256, thumbprint, verifyEs256 } from './es256.ts';
export {
  type JweHeader,
  type JweParts,
  openJwe,
  readJweHeader,
  type SealKey,
  sealJwe,
  unwrapKey,
  wrapKey,
} from './jwe.ts';
export { type MerkleTree, merklePath, merkleRoot, merkleTree, rootFromPath } from './merkle.ts';
export { keyId, pairwiseKey, wrapTag } from './pairwise.ts';
