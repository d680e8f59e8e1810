/** Opening what is sealed to us, and holding it against what the header committed to. */
import { base64url, equalBytes } from '../bytes.ts';
import { ComityError } from '../errors.ts';
import { type JweHeader, openJwe, readJweHeader } from '../keys/index.ts';
import { isBucket, unframeSections } from './framing.ts';
import type { Opened, OpenedPart } from './parse.ts';
import { sealAad } from './seal.ts';
import { committedSection, readOpenSections, type SectionPlain } from './sections.ts';
import type { Verified } from './verify.ts';

/** The key of a part; `withheld` if it is not for us; `unknown` if its audience was not announced yet. */
export type KeyFor = (
  part: Readonly<{ kid: Uint8Array; header: JweHeader }>,
) => Uint8Array | 'withheld' | 'unknown';

export type OpenedSections = Readonly<{
  sections: ReadonlyMap<number, SectionPlain>;
  /** Ids of the keys that we may be given yet. */
  awaiting: readonly Uint8Array[];
  /** Sections that the sender left open and this copy lacks. */
  missing: readonly number[];
}>;

/**
 * For a message on its live channel: every part that the header names is there, and nothing else. Throws
 * PART_MISSING or PART_DIGEST_MISMATCH.
 */
export function checkParts({ header, sealed, openSections }: Verified<Opened>): void {
  if (sealed.length !== header.parts.length) throw new ComityError('PART_MISSING');
  for (const [i, { kid, digest }] of header.parts.entries()) {
    const part = sealed[i];
    if (part === undefined || !equalBytes(part.kid, kid)) throw new ComityError('PART_MISSING');
    if (!equalBytes(part.digest, digest)) throw new ComityError('PART_DIGEST_MISMATCH');
  }
  // Without sealed parts every section is open; with parts, each part says which are (openParts).
  if (header.parts.length === 0 && openSections.length !== header.commitments.length) {
    throw new ComityError('PART_MISSING', 'an open section is missing');
  }
}

/**
 * Opens every part that `keyFor` has a key for, and the open sections. Every part is checked as far as
 * anyone can, ours or not, so that recipients agree on the verdict. An open section may be missing from an
 * enclosed `copy` only (ADR 0005). Throws PART_UNREADABLE, PART_DIGEST_MISMATCH, PART_MISSING,
 * COMMITMENT_MISMATCH, SECTION_INVALID or ENVELOPE_NOT_STRICT.
 */
export function openParts(
  verified: Verified<Opened>,
  keyFor: KeyFor,
  o: Readonly<{ copy?: boolean }> = {},
): OpenedSections {
  const { header } = verified;
  const aad = sealAad(header);
  const open = readOpenSections(verified.openSections, header.commitments);
  const sections = new Map(open.map((section) => [section.field, section]));
  const awaiting: Uint8Array[] = [];
  const leftOpen = new Set<number>();
  for (const part of verified.sealed) {
    const key = keyFor({ kid: part.kid, header: checkPart(verified, part) });
    if (key === 'withheld') continue;
    if (key === 'unknown') {
      awaiting.push(part.kid);
      continue;
    }
    const opened = openPart(verified, openJwe(part.parts, key, aad));
    checkOpenFields(open, opened);
    for (const section of opened.sections) sections.set(section.field, section);
    for (const field of opened.openFields) leftOpen.add(field);
  }
  const missing = [...leftOpen].filter((field) => !sections.has(field));
  if (missing.length > 0 && o.copy !== true) {
    throw new ComityError('PART_MISSING', 'an open section is missing');
  }
  return Object.freeze({ sections, awaiting, missing });
}

function checkPart({ header }: Opened, part: OpenedPart): JweHeader {
  const reference = header.parts.find(
    ({ kid, digest }) => equalBytes(kid, part.kid) && equalBytes(digest, part.digest),
  );
  if (reference === undefined) throw new ComityError('PART_DIGEST_MISMATCH');
  if (!isBucket(part.parts.ciphertext.length)) {
    throw new ComityError('PART_UNREADABLE', 'the length of a sealed part is none of the buckets');
  }
  const jwe = readJweHeader(part.parts.protected);
  if (jwe.skid === undefined && jwe.kid !== base64url(part.kid)) {
    throw new ComityError('PART_UNREADABLE', 'a sealed part names two keys');
  }
  return jwe;
}

type PartContent = Readonly<{ sections: readonly SectionPlain[]; openFields: ReadonlySet<number> }>;

function openPart({ header }: Opened, plaintext: Uint8Array): PartContent {
  const framed = unframeSections(plaintext);
  const committed = new Map(header.commitments.map((commitment) => [commitment.field, commitment]));
  return {
    sections: framed
      .filter(({ salted }) => salted.length > 0)
      .map(({ field, salted }) => committedSection(committed.get(field), salted)),
    openFields: new Set(framed.filter(({ salted }) => salted.length === 0).map(({ field }) => field)),
  };
}

/** A section is open only if the sender left it open: nobody opens one for others on the way. */
function checkOpenFields(open: readonly SectionPlain[], { openFields }: PartContent): void {
  if (open.some(({ field }) => !openFields.has(field))) {
    throw new ComityError('PART_MISSING', 'an open section is not one that its sender left open');
  }
}
