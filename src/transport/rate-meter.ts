/** How many bytes passed in the last second, in tenths of it. */
const slots = 10;
const slotMs = 100;

export interface RateMeter {
  add(bytes: number, nowMs: number): void;
  lastSecond(nowMs: number): number;
}

export function createRateMeter(): RateMeter {
  const bytesIn = new Array<number>(slots).fill(0);
  const slotOf = new Array<number>(slots).fill(-1);
  return {
    add(bytes, nowMs) {
      const slot = Math.floor(nowMs / slotMs);
      const index = slot % slots;
      bytesIn[index] = (slotOf[index] === slot ? (bytesIn[index] ?? 0) : 0) + bytes;
      slotOf[index] = slot;
    },
    lastSecond(nowMs) {
      const oldest = Math.floor(nowMs / slotMs) - slots + 1;
      return bytesIn.reduce((sum, bytes, index) => ((slotOf[index] ?? -1) >= oldest ? sum + bytes : sum), 0);
    },
  };
}
