export {
  type CheckedCertificate,
  certificateDer,
  certificateDigest,
  checkCertificate,
  inspectCertificate,
} from './certificate.ts';
export { type CommandRunner, verifyChain } from './chain.ts';
export {
  type JwsAlgorithm,
  type ProtectedHeader,
  readProtectedHeader,
  signCompact,
  splitCompact,
  verifyCompact,
} from './compact-jws.ts';
export {
  type DetachedSignature,
  readDetachedHeader,
  signDetached,
  verifyDetached,
} from './detached-jws.ts';
export {
  exportPkcs12,
  issueAgencyCertificate,
  issueHubTls,
  issueJurisdictionCa,
  issueRoot,
  issueServerCertificate,
  loadDevelopmentPki,
} from './development.ts';
export type { DevelopmentCa, IssuedCertificate, Validity } from './development-pki.ts';
export { hmacSha256, leafDigest, sha256 } from './digest.ts';
export { type EcPublicJwk, publicKeyOf, signEs256, thumbprint, verifyEs256 } from './es256.ts';
export { issueStatement, type StatementContent } from './issue-statement.ts';
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
export {
  type KeyWindow,
  mergeWindows,
  type PublicWindow,
  type PublicWindows,
  sealingWindowAt,
  windowAt,
  windowStart,
} from './key-windows.ts';
export { type MerkleTree, merklePath, merkleRoot, merkleTree, rootFromPath } from './merkle.ts';
export { openMessageKeys, pruneMessageKeys, rollMessageKeys } from './message-key-files.ts';
export {
  createMessageKeys,
  generateEcKey,
  generateMessageKey,
  generateMessageKeys,
  type KeyUse,
  type MessageKey,
  type MessageKeys,
} from './message-keys.ts';
export { keyId, pairwiseKey, wrapTag } from './pairwise.ts';
export { commonNameOf, readCertificateKey } from './pem.ts';
export { readPrivateFile, writePrivateFile } from './private-file.ts';
export {
  agencyShape,
  ecPublicJwkShape,
  instantShape,
  namesShape,
  sha256HexShape,
  textShape,
  tokenShape,
  versionShape,
} from './shapes.ts';
export {
  type AgencyStatement,
  type OfficerKey,
  parseStatement,
  recallStatement,
  statementTyp,
  type VerifiedStatement,
  verifyStatement,
} from './statement.ts';
export type { Directory } from './statement-shape.ts';
export { createStoreKeyFile, createStoreSaltFile, loadStoreKey, type StoreKeySource } from './store-key.ts';
export { parseStrictJson, readShape } from './strict-json.ts';
