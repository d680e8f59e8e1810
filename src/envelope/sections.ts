/** Sections and their commitments (docs/wire.md, Sections). */
import { equalBytes } from '../bytes.ts';
import { ComityError } from '../errors.ts';
import { sha256 } from '../keys/index.ts';
import { limits } from '../limits.ts';
import { readField } from './wire.ts';

/** `bytes` is the encoded field (tag, length, body), empty when the section is absent; `salt` 32 bytes. */
export type SectionPlain = Readonly<{ field: number; salt: Uint8Array; bytes: Uint8Array }>;

/** `digest` is SHA-256(salt ‖ field bytes). */
export type Commitment = Readonly<{ field: number; digest: Uint8Array }>;

/** One for each section; throws TypeError unless they are in ascending field order, each with its salt. */
export function commitmentsOf(sections: readonly SectionPlain[]): Commitment[] {
  let before = 0;
  return sections.map(({ field, salt, bytes }) => {
    if (field <= before) throw new TypeError('sections are given in ascending field order');
    if (salt.length !== limits.saltBytes) throw new TypeError(`a salt is ${limits.saltBytes} bytes`);
    before = field;
    return { field, digest: sha256(salt, bytes) };
  });
}

/** The section that salt ‖ field bytes are, if `commitment` is theirs; throws else. */
export function committedSection(commitment: Commitment | undefined, salted: Uint8Array): SectionPlain {
  if (commitment === undefined || !equalBytes(commitment.digest, sha256(salted))) {
    throw new ComityError('COMMITMENT_MISMATCH');
  }
  const salt = salted.subarray(0, limits.saltBytes);
  const bytes = salted.subarray(limits.saltBytes);
  if (bytes.length > 0 && checkField(bytes) !== commitment.field) {
    throw new ComityError('COMMITMENT_MISMATCH', 'a section carries another field than it was committed as');
  }
  return Object.freeze({ field: commitment.field, salt, bytes });
}

/**
 * The open sections by their fields, in the envelope's order, which is that of the fields. A present one
 * names its field in its tag; an absent one is its salt alone, so its digest finds its commitment.
 */
export function readOpenSections(
  open: readonly Uint8Array[],
  commitments: readonly Commitment[],
): SectionPlain[] {
  let before = 0;
  return open.map((salted) => {
    const section = committedSection(commitmentOf(salted, commitments), salted);
    if (section.field <= before) {
      throw new ComityError('ENVELOPE_NOT_STRICT', 'open sections are not in ascending field order');
    }
    before = section.field;
    return section;
  });
}

function commitmentOf(salted: Uint8Array, commitments: readonly Commitment[]): Commitment | undefined {
  if (salted.length > limits.saltBytes) {
    const field = checkField(salted.subarray(limits.saltBytes));
    return commitments.find((commitment) => commitment.field === field);
  }
  const digest = sha256(salted);
  return commitments.find((commitment) => equalBytes(commitment.digest, digest));
}

/** The number of the one length-delimited field that the bytes are. */
function checkField(bytes: Uint8Array): number {
  if (bytes.length > limits.sectionBytesMax) {
    throw new ComityError('SECTION_INVALID', 'a section exceeds its bound');
  }
  const read = readField(bytes, 0);
  if (read === undefined || read.next !== bytes.length || read.field === 0) {
    throw new ComityError('SECTION_INVALID', 'a section is not exactly one field');
  }
  return read.field;
}
