/** Strict reading of the envelope's own messages: nothing unknown, nothing spelt another way. */
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { readStrict } from '../schema/index.ts';

/** Throws ENVELOPE_MALFORMED, ENVELOPE_NOT_STRICT, NESTING_TOO_DEEP or FIELDS_TOO_MANY. */
export function readWhole<Desc extends DescMessage>(desc: Desc, bytes: Uint8Array): MessageShape<Desc> {
  return readStrict(desc, bytes, { unknown: 'refuse' }).message;
}
