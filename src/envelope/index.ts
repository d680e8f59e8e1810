export {
  checkCommitments,
  type EnvelopeSubject,
  encodeHeader,
  type Header,
  type HeaderFields,
  type PartReference,
  suiteKnown,
  wireVersion,
} from './header.ts';
export { checkParts, type KeyFor, type OpenedSections, openParts } from './open.ts';
export { type Opened, type OpenedPart, parseEnvelope } from './parse.ts';
export {
  openInner,
  type SealContext,
  type SealedContent,
  type SealGroup,
  sealAad,
  sealInner,
  sealSections,
} from './seal.ts';
export { type Commitment, commitmentsOf, type SectionPlain } from './sections.ts';
export { assembleEnvelope, type BatchProof, type SignedHeader, signBatch } from './sign.ts';
export {
  createSignatureMemory,
  type SignatureMemory,
  type Verified,
  type VerifyingTrust,
  type VerifyOptions,
  verifyEnvelope,
} from './verify.ts';
