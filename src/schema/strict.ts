/** Strict reading: bytes that say one thing in exactly one way (docs/wire.md, Strict reading). */
import { type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { equalBytes } from '../bytes.ts';
import { ComityError, type ErrorCode } from '../errors.ts';
import { walk } from './wire-walk.ts';

export type Unknown = 'refuse' | 'keep';

/**
 * Decodes `bytes` as `desc`. With unknown fields set aside, encoding the result gives the same bytes.
 * Throws ENVELOPE_MALFORMED, ENVELOPE_NOT_STRICT (unknown fields too where they are refused),
 * NESTING_TOO_DEEP, FIELDS_TOO_MANY.
 */
export function readStrict<D extends DescMessage>(
  desc: D,
  bytes: Uint8Array,
  o: { unknown: Unknown },
): { message: MessageShape<D>; unknownFields: boolean } {
  const { known, unknownFields } = walk(desc, bytes);
  if (unknownFields && o.unknown === 'refuse') {
    throw new ComityError('ENVELOPE_NOT_STRICT', 'there are fields that the schema does not have');
  }
  const message = decode(desc, known);
  if (!equalBytes(toBinary(desc, message, { writeUnknownFields: false }), known)) {
    throw new ComityError('ENVELOPE_NOT_STRICT', 'a value is not in its one canonical form');
  }
  return { message, unknownFields };
}

/** The same for a section, whose errors have codes of their own. */
export function readSectionStrict<D extends DescMessage>(
  desc: D,
  bytes: Uint8Array,
): { message: MessageShape<D>; unknownFields: boolean } {
  return asSection(() => readStrict(desc, bytes, { unknown: 'keep' }));
}

const sectionCodes: Partial<Record<ErrorCode, ErrorCode>> = {
  ENVELOPE_MALFORMED: 'SECTION_INVALID',
  ENVELOPE_NOT_STRICT: 'SECTION_NOT_STRICT',
};

/** Runs `read` and gives its errors the codes of a section. */
export function asSection<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    const code = error instanceof ComityError ? sectionCodes[error.code] : undefined;
    if (!(error instanceof ComityError) || code === undefined) throw error;
    throw new ComityError(code, error.message, { cause: error });
  }
}

function decode<D extends DescMessage>(desc: D, bytes: Uint8Array): MessageShape<D> {
  try {
    return fromBinary(desc, bytes, { readUnknownFields: false });
  } catch (cause) {
    throw new ComityError('ENVELOPE_MALFORMED', undefined, { cause });
  }
}
