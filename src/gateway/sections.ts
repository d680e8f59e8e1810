/** Sections as the store keeps them: with their words for the index, and the class that `read` policy judges. */

import { type MessageFacts, readClassOf } from '../policy/index.ts';
import { decodeSection, type Schema, type SectionDescriptor } from '../schema/index.ts';
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
  schema: Schema;
  sender: AgencyId;
  /** Without knowledge of the sections' own remarks; those are added. */
  facts: MessageFacts;
  contents: readonly SectionContent[];
}>;

/** Decodes what can be read. Errors: SECTION_INVALID, SECTION_NOT_STRICT. */
export function sectionRows(context: GatewayContext, source: SectionSource): SectionRows {
  const sender = agencyFactsOf(context, source.sender);
  const decoded = source.contents.map(({ bytes }) =>
    bytes === undefined || bytes.length === 0 ? undefined : decodeSection(source.schema, bytes),
  );
  const unknownFields = decoded.some((section) => section?.unknownFields === true);
  const facts = { ...source.facts, unknownFields };
  const rows = source.contents.map(({ descriptor, state, bytes, salt }, index): SectionRow => {
    const text = decoded[index]?.text;
    const { field, category, name } = descriptor;
    return {
      field,
      category,
      state,
      readClass: readClassOf({ sender, resource: { ...facts, category, section: name } }),
      ...(bytes === undefined || bytes.length === 0 ? {} : { bytes }),
      ...(text === undefined ? {} : { text }),
      ...(salt === undefined ? {} : { salt }),
    };
  });
  return { rows, unknownFields, remarks: [...new Set(decoded.flatMap((section) => section?.remarks ?? []))] };
}
