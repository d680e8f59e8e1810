/**
 * A walk of encoded protobuf by its schema, before anything is decoded: it bounds what decoding could
 * cost and sets unknown fields aside (docs/wire.md, Strict reading).
 */
import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { ComityError } from '../errors.ts';
import { limits } from '../limits.ts';

/** `known` is the input without its unknown fields: the very same bytes where there were none. */
export type Walked = Readonly<{ known: Uint8Array; unknownFields: boolean }>;

type State = { readonly bytes: Uint8Array; offset: number; fields: number };
type WireType = 0 | 1 | 2 | 5;
type Expected = Readonly<{
  wireType: WireType;
  repeated: boolean;
  oneof: string | undefined;
  message: DescMessage | undefined;
  /** Wire type of the items of a packed list. */
  packed: WireType | undefined;
}>;

/** Throws ENVELOPE_MALFORMED, ENVELOPE_NOT_STRICT, NESTING_TOO_DEEP, FIELDS_TOO_MANY. */
export function walk(desc: DescMessage, bytes: Uint8Array): Walked {
  const state: State = { bytes, offset: 0, fields: 0 };
  const known = walkMessage(state, desc, { end: bytes.length, depth: 1 });
  return { known: known ?? bytes, unknownFields: known !== undefined };
}

/** Reads one varint in its shortest form, of at most 64 bits; moves the offset behind it. */
export function readVarint(state: { readonly bytes: Uint8Array; offset: number }, end: number): number {
  let value = 0;
  for (let length = 0; length < 10; length++) {
    const byte = state.offset < end ? state.bytes[state.offset] : undefined;
    if (byte === undefined) throw malformed('a number is cut short');
    state.offset++;
    value += (byte & 0x7f) * 2 ** (7 * length);
    if (byte < 0x80) {
      if (byte === 0 && length > 0) throw notStrict('a number is longer than it needs to be');
      return value;
    }
  }
  throw malformed('a number is longer than 64 bits');
}

// Returns the message without its unknown fields, or undefined where it has none.
function walkMessage(
  state: State,
  desc: DescMessage,
  within: { end: number; depth: number },
): Uint8Array | undefined {
  if (within.depth > limits.wireNestingMax) throw new ComityError('NESTING_TOO_DEEP');
  const expected = expectedFields(desc);
  const start = state.offset;
  const pieces: Uint8Array[] = [];
  const arms = new Set<string>();
  let kept = start;
  let last = 0;
  while (state.offset < within.end) {
    const tagAt = state.offset;
    const tag = readTag(state, within.end);
    const field = expected.get(tag.number);
    countFields(state, 1);
    if (field === undefined) {
      skipValue(state, tag.wireType, within.end);
      pieces.push(state.bytes.subarray(kept, tagAt));
      kept = state.offset;
      continue;
    }
    checkOrder({ field, number: tag.number, last, arms });
    last = tag.number;
    if (tag.wireType !== field.wireType) throw notStrict(`field ${tag.number} has another wire type`);
    const bodyAt = state.offset;
    const replaced = walkValue(state, field, within);
    if (replaced !== undefined) {
      pieces.push(state.bytes.subarray(kept, bodyAt), varint(replaced.length), replaced);
      kept = state.offset;
    }
  }
  if (pieces.length === 0) return undefined;
  pieces.push(state.bytes.subarray(kept, within.end));
  return joined(pieces);
}

// Not `concat`: there are more pieces than a call takes arguments.
function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}

function walkValue(
  state: State,
  field: Expected,
  within: { end: number; depth: number },
): Uint8Array | undefined {
  if (field.wireType !== 2) {
    skipValue(state, field.wireType, within.end);
    return undefined;
  }
  const end = readLength(state, within.end);
  if (field.message !== undefined) {
    return walkMessage(state, field.message, { end, depth: within.depth + 1 });
  }
  if (field.packed !== undefined) countFields(state, packedItems(state, field.packed, end));
  state.offset = end;
  return undefined;
}

function checkOrder(o: { field: Expected; number: number; last: number; arms: Set<string> }): void {
  if (o.number < o.last) throw notStrict(`field ${o.number} stands behind field ${o.last}`);
  if (o.number === o.last && !(o.field.repeated && o.field.packed === undefined)) {
    throw notStrict(`field ${o.number} stands twice`);
  }
  if (o.field.oneof === undefined) return;
  if (o.arms.has(o.field.oneof)) throw notStrict(`more than one of \`${o.field.oneof}\` is given`);
  o.arms.add(o.field.oneof);
}

function countFields(state: State, count: number): void {
  state.fields += count;
  if (state.fields > limits.wireFieldsMax) throw new ComityError('FIELDS_TOO_MANY');
}

function readTag(state: State, end: number): { number: number; wireType: WireType } {
  const tag = readVarint(state, end);
  const number = Math.floor(tag / 8);
  const wireType = tag % 8;
  if (number === 0 || tag > 0xffff_ffff) throw malformed('a field number is out of range');
  if (wireType !== 0 && wireType !== 1 && wireType !== 2 && wireType !== 5) {
    throw malformed(`field ${number} is a group or has an unknown wire type`);
  }
  return { number, wireType };
}

function readLength(state: State, end: number): number {
  const length = readVarint(state, end);
  if (length > end - state.offset) throw malformed('a field is longer than what holds it');
  return state.offset + length;
}

function skipValue(state: State, wireType: WireType, end: number): void {
  if (wireType === 0) readVarint(state, end);
  else if (wireType === 2) state.offset = readLength(state, end);
  else {
    state.offset += wireType === 1 ? 8 : 4;
    if (state.offset > end) throw malformed('a field is cut short');
  }
}

function packedItems(state: State, wireType: WireType, end: number): number {
  if (wireType !== 0) return Math.ceil((end - state.offset) / (wireType === 1 ? 8 : 4));
  const item = { bytes: state.bytes, offset: state.offset };
  let count = 0;
  while (item.offset < end) {
    readVarint(item, end);
    if (++count > limits.wireFieldsMax) break;
  }
  return count;
}

// A memo of a pure function of the immutable descriptors.
const memo = new WeakMap<DescMessage, ReadonlyMap<number, Expected>>();

function expectedFields(desc: DescMessage): ReadonlyMap<number, Expected> {
  const found = memo.get(desc);
  if (found !== undefined) return found;
  const expected = new Map(desc.fields.map((field) => [field.number, expectedField(field)]));
  memo.set(desc, expected);
  return expected;
}

function expectedField(field: DescField): Expected {
  const repeated = field.fieldKind === 'list';
  const item = itemWireType(field);
  const packed = repeated && field.packed;
  return {
    wireType: packed ? 2 : item,
    repeated,
    oneof: field.oneof?.name,
    message: field.fieldKind === 'map' ? undefined : field.message,
    packed: packed ? item : undefined,
  };
}

function itemWireType(field: DescField): WireType {
  if (field.fieldKind === 'map') throw new TypeError(`${field.toString()} is a map`);
  if (field.message !== undefined) return 2;
  switch (field.scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return 2;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return 1;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return 5;
    default:
      return 0;
  }
}

/** The shortest varint of a whole number below 2^53. */
export function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

function malformed(what: string): ComityError {
  return new ComityError('ENVELOPE_MALFORMED', what);
}

function notStrict(what: string): ComityError {
  return new ComityError('ENVELOPE_NOT_STRICT', what);
}
