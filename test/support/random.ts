/** Randomness that is the same in every run: SHA-256 of a seed and a counter. */
import { createHash } from 'node:crypto';
import type { Random } from '../../src/ids.ts';

export function seededRandom(seed: string): Random {
  let counter = 0;
  return {
    bytes(length) {
      const blocks = Array.from({ length: Math.ceil(length / 32) }, () =>
        createHash('sha256').update(`${seed}/${counter++}`).digest(),
      );
      return Uint8Array.from(Buffer.concat(blocks).subarray(0, length));
    },
  };
}
