/** Schemas: from type and version to codec, JSON form, limits and data categories. Pure. */
export { type Draft, parseDraft } from './draft.ts';
export { checkReference, formatReference } from './references.ts';
export {
  allSchemas,
  kindsDrafted,
  type Schema,
  type SectionDescriptor,
  schemaDigest,
  schemaNamed,
  schemaOfKind,
} from './registry.ts';
export {
  coverJson,
  type DecodedSection,
  decodeCover,
  decodeGatewayBody,
  decodeSection,
  encodeCover,
  encodeSectionField,
  wordsOfOwn,
} from './sections.ts';
export { readStrict } from './strict.ts';
export { draftJsonSchema, payloadJsonSchema, validator } from './validators.ts';
