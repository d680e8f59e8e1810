/** The plaintext of a sealed part: sections one after the other, padded so that lengths say little. */
import { concat, equalBytes, uint32be } from '../bytes.ts';
import { ComityError } from '../errors.ts';
import { limits } from '../limits.ts';

/** `salted` is salt ‖ field bytes; empty for a section that the envelope carries open. */
export type FramedSection = Readonly<{ field: number; salted: Uint8Array }>;

const entryHeadBytes = 8;

/** Undefined where the sections exceed the largest bucket. */
export function frameSections(sections: readonly FramedSection[]): Uint8Array | undefined {
  const framed = concat(
    ...sections.flatMap(({ field, salted }) => [uint32be(field), uint32be(salted.length), salted]),
  );
  const bucket = limits.sealedBucketsBytes.find((size) => size >= framed.length);
  if (bucket === undefined) return undefined;
  const padded = new Uint8Array(bucket);
  padded.set(framed);
  return padded;
}

export function isBucket(length: number): boolean {
  return limits.sealedBucketsBytes.includes(length);
}

/**
 * The sections of a part, in ascending field order. Only one spelling is read: a plaintext of exactly a
 * bucket's length, entries in order, zeros after the last. Throws PART_UNREADABLE.
 */
export function unframeSections(plaintext: Uint8Array): FramedSection[] {
  if (!isBucket(plaintext.length)) throw misframed('its length is none of the buckets');
  const view = new DataView(plaintext.buffer, plaintext.byteOffset, plaintext.byteLength);
  const sections: FramedSection[] = [];
  let offset = 0;
  let before = 0;
  while (plaintext.length - offset >= entryHeadBytes) {
    const field = view.getUint32(offset);
    if (field === 0) break;
    const length = view.getUint32(offset + 4);
    const start = offset + entryHeadBytes;
    if (field <= before) throw misframed('its sections are not in ascending order');
    if (length > plaintext.length - start || (length > 0 && length < limits.saltBytes)) {
      throw misframed('a section is cut');
    }
    sections.push({ field, salted: plaintext.subarray(start, start + length) });
    before = field;
    offset = start + length;
  }
  const padding = plaintext.subarray(offset);
  if (!equalBytes(padding, new Uint8Array(padding.length))) throw misframed('its padding is not zero');
  return sections;
}

function misframed(what: string): ComityError {
  return new ComityError('PART_UNREADABLE', `a sealed part is not laid out as specified: ${what}`);
}
