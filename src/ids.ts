/** Randomness as a parameter, and the identifiers drawn from it. */
import { randomFillSync } from 'node:crypto';

export interface Random {
  /** Fresh bytes from a cryptographic source. */
  bytes(length: number): Uint8Array;
}

const drawnAtOnceBytes = 4096;
const smallBytesMax = 64;

/** Small draws, of which a message needs a dozen, share a call of the system; no byte is handed out twice. */
function createSystemRandom(): Random {
  const drawn = new Uint8Array(drawnAtOnceBytes);
  let used = drawn.length;
  return {
    bytes(length) {
      if (length > smallBytesMax) return randomFillSync(new Uint8Array(length));
      if (used + length > drawn.length) {
        randomFillSync(drawn);
        used = 0;
      }
      const bytes = drawn.slice(used, used + length);
      drawn.fill(0, used, used + length);
      used += length;
      return bytes;
    },
  };
}

export const systemRandom: Random = Object.freeze(createSystemRandom());

/** A UUIDv7 (RFC 9562): 48 bits of milliseconds, then random bits. */
export function uuidV7(nowMs: number, random: Random): Uint8Array {
  const id = random.bytes(16);
  new DataView(id.buffer, id.byteOffset).setUint16(0, Math.floor(nowMs / 2 ** 32));
  new DataView(id.buffer, id.byteOffset).setUint32(2, nowMs % 2 ** 32);
  id[6] = 0x70 | ((id[6] ?? 0) & 0x0f);
  id[8] = 0x80 | ((id[8] ?? 0) & 0x3f);
  return id;
}

export function isUuidV7(id: Uint8Array): boolean {
  return id.length === 16 && (id[6] ?? 0) >> 4 === 7 && (id[8] ?? 0) >> 6 === 2;
}

/** The usual text form, 8-4-4-4-12. */
export function uuidText(id: Uint8Array): string {
  const hex = Buffer.from(id).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

export function uuidBytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll('-', ''), 'hex'));
}
