/** The few pieces of protobuf's wire format that are handled as bytes, so that bytes stay as received. */
import { concat } from '../bytes.ts';

const lengthDelimited = 2;
const varintBytesMax = 5;

/** One length-delimited field: tag, length, body. */
export function encodeField(field: number, body: Uint8Array): Uint8Array {
  return concat(encodeVarint(field * 8 + lengthDelimited), encodeVarint(body.length), body);
}

export type LengthDelimited = Readonly<{ field: number; body: Uint8Array; next: number }>;

/** The length-delimited field at `offset`; undefined for any other type, a cut, or a longer spelling. */
export function readField(bytes: Uint8Array, offset: number): LengthDelimited | undefined {
  const tag = readVarint(bytes, offset);
  if (tag === undefined || tag.value % 8 !== lengthDelimited) return undefined;
  const length = readVarint(bytes, tag.next);
  if (length === undefined || length.next + length.value > bytes.length) return undefined;
  const next = length.next + length.value;
  return { field: Math.floor(tag.value / 8), body: bytes.subarray(length.next, next), next };
}

/** An unsigned varint below 2^32 in its shortest spelling. */
export function readVarint(bytes: Uint8Array, offset: number): { value: number; next: number } | undefined {
  let value = 0;
  for (let i = 0; i < varintBytesMax; i += 1) {
    const byte = bytes[offset + i];
    if (byte === undefined || (byte === 0 && i > 0)) return undefined;
    value += (byte % 128) * 2 ** (7 * i);
    if (byte < 128) return value < 2 ** 32 ? { value, next: offset + i + 1 } : undefined;
  }
  return undefined;
}

function encodeVarint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Uint8Array.from([...bytes, rest]);
}
