export { authorityKeyPem, createAuthorityKey, readAuthorityKey } from './authority-key.ts';
export { createTrustBook, type TrustBook, type TrustChange } from './book.ts';
export { createMemoryVersions, openFileVersions, type RecordFile, recordFileAt } from './file-versions.ts';
export { foundFederation, type ListChanges, type NamedAuthority, nextTrustList, withState } from './found.ts';
export { type AuthorityKey, joinSignatures } from './general-jws.ts';
export {
  type AgencyState,
  createTrustList,
  type Membership,
  mayPublish,
  mayReceive,
  parseList,
  partitionOf,
  signTrustList,
  stateAt,
  type TrustList,
} from './list.ts';
export { isPinned, pinTrust } from './records.ts';
export {
  type Authority,
  type AuthoritySet,
  createRoot,
  federationIdOf,
  parseRoot,
  signRoot,
  type TrustRoot,
} from './root.ts';
