/** Sections as the store keeps them: with their words for the index, and the class that `read` policy judges. */

import { type MessageFacts, readClassesOf } from '../policy/index.ts';
import {
  type DecodedSection,
  decodeSection,
  type Schema,
  type SectionDescriptor,
  wordsOfOwn,
} from '../schema/index.ts';
import type { SectionRow, SectionState } from '../store/port.ts';
import type { AgencyId } from '../types.ts';
import type { GatewayContext } from './context.ts';
import { agencyFactsOf } from './facts.ts';

export type SectionContent = Readonly<{
  descriptor: SectionDescriptor;
  state: SectionState;
  bytes?: Uint8Array;
  salt?: Uint8Array;
}>;

export type SectionRows = Readonly<{
  rows: readonly SectionRow[];
  unknownFields: boolean;
  remarks: readonly string[];
}>;

export type SectionSource = Readonly<{
  sender: AgencyId;
  /** Of a received message without knowledge of unknown fields, which is added. */
  facts: MessageFacts;
  contents: readonly SectionContent[];
}>;

/** `decoded`: a section that was decoded before. */
export type ReceivedSource = SectionSource & Readonly<{ decoded: DecodedSection | undefined }>;

/** Decodes what can be read. Errors: SECTION_INVALID, SECTION_NOT_STRICT. */
export function sectionRows(context: GatewayContext, schema: Schema, source: ReceivedSource): SectionRows {
  const decoded = source.contents.map(({ bytes, descriptor }) => {
    if (!isThere(bytes)) return undefined;
    return descriptor.field === source.decoded?.field ? source.decoded : decodeSection(schema, bytes);
  });
  const unknownFields = decoded.some((section) => section?.unknownFields === true);
  const rowOf = rowsFor(context, { ...source, facts: { ...source.facts, unknownFields } });
  return {
    rows: source.contents.map((content, index) => rowOf(content, decoded[index]?.text)),
    unknownFields,
    remarks: [...new Set(decoded.flatMap((section) => section?.remarks ?? []))],
  };
}

/** The rows of sections that were encoded here. */
export function ownSectionRows(context: GatewayContext, source: SectionSource): readonly SectionRow[] {
  const rowOf = rowsFor(context, source);
  return source.contents.map((content) => {
    const { bytes, descriptor } = content;
    return rowOf(content, isThere(bytes) ? wordsOfOwn(descriptor, bytes) : undefined);
  });
}

function isThere(bytes: Uint8Array | undefined): bytes is Uint8Array {
  return bytes !== undefined && bytes.length > 0;
}

function rowsFor(
  context: GatewayContext,
  { sender, facts }: SectionSource,
): (content: SectionContent, text: string | undefined) => SectionRow {
  const readClass = readClassesOf({ sender: agencyFactsOf(context, sender), message: facts });
  return ({ descriptor, state, bytes, salt }, text) => {
    const { field, category, name } = descriptor;
    return {
      field,
      category,
      state,
      readClass: readClass({ category, section: name }),
      ...(isThere(bytes) ? { bytes } : {}),
      ...(text === undefined ? {} : { text }),
      ...(salt === undefined ? {} : { salt }),
    };
  };
}
