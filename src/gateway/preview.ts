/** What would happen, before anything leaves: each agency reads these sections, sees that a message exists, or nothing. */
import { Tlp } from '../gen/comity/cover/v1/handling_pb.js';
import { decodeSection, parseDraft } from '../schema/index.ts';
import type { AgencyId } from '../types.ts';
import { keysOf } from './audience.ts';
import type { GatewayContext } from './context.ts';
import { coverField, type Release, release } from './release.ts';
import type { Officer, Preview, PreviewRecipient, PreviewSection } from './views.ts';

/** Errors: those of drafts and addressees. A refusal by policy is a value. */
export function preview(context: GatewayContext, draft: unknown, officer: Officer): Preview {
  const released = release(context, parseDraft(draft), officer);
  const { publish } = released;
  return {
    kind: released.draft.kind,
    lane: released.draft.lane,
    decision: publish.effect,
    reasons: publish.reasons,
    obligations: publish.obligations,
    recipients: released.candidates.map(({ agency, roles }) =>
      recipient(context, released, { agency, roles }),
    ),
    warnings: warningsOf(context, released),
  };
}

function recipient(
  context: GatewayContext,
  released: Release,
  { agency, roles }: { agency: AgencyId; roles: readonly string[] },
): PreviewRecipient {
  const sections = released.sections.map(
    ({ section, present, allowed, refused }): PreviewSection => ({
      field: section.field,
      name: section.name,
      category: section.category,
      present,
      reads: allowed.has(agency),
      reasons: refused.get(agency) ?? [],
    }),
  );
  const keys = keysOf(context, agency);
  const reads = keys !== 'none' && sections.some((section) => section.reads);
  // A broadcast reaches every agency that takes the kind; a directed copy is made for those that may read its cover.
  const exists = released.draft.to === 'all' ? 'existence' : 'nothing';
  return { agency, roles, sees: reads ? 'sections' : exists, keys, sections };
}

type Warning = Preview['warnings'][number];

function warningsOf(context: GatewayContext, released: Release): readonly Warning[] {
  const { draft } = released;
  const warnings: Warning[] = [];
  if (draft.to === 'all' && draft.cover.handling?.tlp === Tlp.RED) {
    warnings.push({
      id: 'tlp-red-to-all',
      text: 'TLP:RED is for named persons, and this goes to every agency',
    });
  }
  for (const agency of released.recipients.filter(
    (recipientId) => keysOf(context, recipientId) === 'grace',
  )) {
    warnings.push({
      id: 'key-in-grace',
      text: `${agency} has not renewed its keys; its last one is used in its days of grace`,
    });
  }
  const names = namesIn(released);
  if (names.length > 0) {
    warnings.push({
      id: 'name-in-narrative',
      text: 'the narrative contains a name that a more closely held section has',
    });
  }
  return warnings;
}

const heldClosely: readonly string[] = ['PERSON', 'VICTIM', 'SOURCE'];

/** Name-like words of closely held sections that stand in the narrative as well. */
function namesIn({ draft }: Release): readonly string[] {
  const textOf = (category: readonly string[]): string =>
    draft.schema.sections
      .filter((section) => section.field !== coverField && category.includes(section.category))
      .map(({ field }) => draft.sections.get(field))
      .map((bytes) => (bytes === undefined ? '' : decodeSection(draft.schema, bytes).text))
      .join(' ');
  const narrative = new Set(words(textOf(['NARRATIVE'])));
  return words(textOf(heldClosely)).filter((word) => narrative.has(word));
}

/** Capitalised words of three letters or more. */
function words(text: string): readonly string[] {
  return text.match(/\p{Lu}\p{L}{2,}/gu) ?? [];
}
