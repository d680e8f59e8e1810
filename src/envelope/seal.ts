/** Sealing: sections in, what an envelope carries of them out. */
import { create, toBinary } from '@bufbuild/protobuf';
import { concat, uint32be, utf8 } from '../bytes.ts';
import { ComityError } from '../errors.ts';
import { SealedPartSchema } from '../gen/comity/envelope/v1/envelope_pb.js';
import type { Random } from '../ids.ts';
import { type JweParts, openJwe, type SealKey, sealJwe, sha256 } from '../keys/index.ts';
import { limits } from '../limits.ts';
import { frameSections } from './framing.ts';
import { type Commitment, commitmentsOf, type SectionPlain } from './sections.ts';

/** What a part is bound to before its message has a place in a channel. */
export type SealContext = Readonly<{ federationId: Uint8Array; subject: string; messageId: Uint8Array }>;

/** The sections that one set of recipients may read, and the key that all of them have. */
export type SealGroup = Readonly<{ key: SealKey; fields: readonly number[] }>;

export type SealedContent = Readonly<{
  commitments: readonly Commitment[];
  openSections: readonly Uint8Array[];
  /** Serialised SealedPart messages, in the order of `references`. */
  parts: readonly Uint8Array[];
  references: readonly Readonly<{ kid: Uint8Array; digest: Uint8Array }>[];
}>;

const sealContext = utf8('comity/seal/1');
/** Everything in an envelope but its commitments, references, open sections and parts, generously. */
const envelopeBytesBeside = 4096;
const commitmentBytes = 48;
const referenceBytes = 80;

/**
 * The additional data of a part: SHA-256("comity/seal/1" ‖ federation id ‖ subject ‖ message id ‖ for each
 * commitment uint32be(field) ‖ digest). A part inside a section has no commitments here (ADR 0002).
 */
export function sealAad(o: Readonly<SealContext & { commitments: readonly Commitment[] }>): Uint8Array {
  const committed = o.commitments.flatMap(({ field, digest }) => [uint32be(field), digest]);
  return sha256(sealContext, o.federationId, utf8(o.subject), o.messageId, ...committed);
}

/**
 * Seals each group's sections in one part and leaves the `open` ones readable. A section in no group and not
 * open is withheld from all. `nameOf` gives a field the name that a refusal shows. Throws DRAFT_TOO_LARGE
 * naming the section; TypeError for sections out of order, unknown fields, or a field both open and sealed.
 */
export function sealSections(
  o: Readonly<
    SealContext & {
      sections: readonly SectionPlain[];
      groups: readonly SealGroup[];
      open: readonly number[];
      nameOf?: (field: number) => string;
    }
  >,
  random: Random,
): SealedContent {
  const nameOf = o.nameOf ?? ((field: number) => String(field));
  checkGroups(o);
  checkSectionSizes(o.sections, nameOf);
  const commitments = commitmentsOf(o.sections);
  const aad = sealAad({ ...o, commitments });
  const parts = o.groups.map(({ key, fields }) => {
    const members = o.sections.filter(({ field }) => fields.includes(field) || o.open.includes(field));
    const plaintext = frameSections(
      members.map((section) => ({
        field: section.field,
        salted: o.open.includes(section.field) ? new Uint8Array(0) : saltedOf(section),
      })),
    );
    if (plaintext === undefined) throw tooLarge(members, nameOf);
    return encodePart(sealJwe({ key, plaintext, aad }, random));
  });
  const openSections = o.sections.filter(({ field }) => o.open.includes(field)).map(saltedOf);
  const content: SealedContent = {
    commitments,
    openSections,
    parts,
    references: o.groups.map(({ key }, i) => ({ kid: key.id, digest: sha256(parts[i] ?? noBytes) })),
  };
  if (sizeOf(content) > limits.envelopeBytesMax) throw tooLarge(o.sections, nameOf);
  return content;
}

/** Seals what is private in a gateway's own message, inside its one section (ADR 0002). */
export function sealInner(
  o: Readonly<SealContext & { key: SealKey; plaintext: Uint8Array }>,
  random: Random,
): JweParts {
  return sealJwe({ key: o.key, plaintext: o.plaintext, aad: sealAad({ ...o, commitments: [] }) }, random);
}

/** Opens what sealInner sealed. Throws PART_UNREADABLE. */
export function openInner(o: Readonly<SealContext & { part: JweParts; key: Uint8Array }>): Uint8Array {
  return openJwe(o.part, o.key, sealAad({ ...o, commitments: [] }));
}

const noBytes = new Uint8Array(0);

function encodePart(part: JweParts): Uint8Array {
  return toBinary(SealedPartSchema, create(SealedPartSchema, part));
}

function saltedOf({ salt, bytes }: SectionPlain): Uint8Array {
  return concat(salt, bytes);
}

function checkGroups(
  o: Readonly<{ sections: readonly SectionPlain[]; groups: readonly SealGroup[]; open: readonly number[] }>,
): void {
  const known = new Set(o.sections.map(({ field }) => field));
  const open = new Set(o.open);
  if (!o.open.every((field) => known.has(field))) throw new TypeError('an open field is no section');
  for (const { fields } of o.groups) {
    if (fields.length === 0) throw new TypeError('a group has no fields');
    if (!fields.every((field) => known.has(field))) throw new TypeError('a sealed field is no section');
    if (fields.some((field) => open.has(field))) throw new TypeError('a field is both open and sealed');
  }
  // Without parts nothing says which sections travel open, so all of them do (checkParts).
  if (o.groups.length === 0 && open.size !== known.size) {
    throw new TypeError('without sealed parts every section is open');
  }
  if (o.groups.length > limits.sealedPartsMax) {
    throw new ComityError('DRAFT_TOO_LARGE', `more than ${limits.sealedPartsMax} audiences`);
  }
}

function checkSectionSizes(sections: readonly SectionPlain[], nameOf: (field: number) => string): void {
  const problems = sections
    .filter(({ bytes }) => bytes.length > limits.sectionBytesMax)
    .map(({ field }) => ({
      path: `/${nameOf(field)}`,
      message: `the section exceeds ${limits.sectionBytesMax / 1024} KiB`,
    }));
  if (problems.length > 0) throw new ComityError('DRAFT_TOO_LARGE', undefined, { problems });
}

function tooLarge(sections: readonly SectionPlain[], nameOf: (field: number) => string): ComityError {
  const largest = sections.reduce((a, b) => (b.bytes.length > a.bytes.length ? b : a));
  const message = 'the sections together exceed an envelope, and this one is the largest';
  return new ComityError('DRAFT_TOO_LARGE', undefined, {
    problems: [{ path: `/${nameOf(largest.field)}`, message }],
  });
}

function sizeOf(content: SealedContent): number {
  const carried = [...content.parts, ...content.openSections];
  return carried.reduce(
    (sum, bytes) => sum + bytes.length + 8,
    envelopeBytesBeside +
      content.commitments.length * commitmentBytes +
      content.references.length * referenceBytes,
  );
}
