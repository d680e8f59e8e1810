/** Strict reading of the envelope's own messages: nothing unknown, nothing spelt another way. */
import { type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { equalBytes } from '../bytes.ts';
import { ComityError } from '../errors.ts';

/** Throws ENVELOPE_MALFORMED, ENVELOPE_NOT_STRICT, NESTING_TOO_DEEP or FIELDS_TOO_MANY. */
export function readWhole<Desc extends DescMessage>(desc: Desc, bytes: Uint8Array): MessageShape<Desc> {
  try {
    const message = fromBinary(desc, bytes, { readUnknownFields: false });
    if (equalBytes(toBinary(desc, message), bytes)) return message;
  } catch (cause) {
    throw new ComityError('ENVELOPE_MALFORMED', undefined, { cause });
  }
  throw new ComityError('ENVELOPE_NOT_STRICT');
}
