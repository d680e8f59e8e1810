/** A broadcast comes back to its sender. What comes back byte for byte as it left needs no judging. */
import { base64 } from '../bytes.ts';
import { sha256 } from '../keys/index.ts';
import { limits } from '../limits.ts';
import type { Delivery } from '../transport/port.ts';

export interface Echoes {
  /** Notes what is about to leave. */
  left(rows: readonly Readonly<{ subject: string; envelope: Uint8Array }>[]): void;
  /** The batch without what left from here a moment ago; the rest is judged, our own from longer ago too. */
  without(batch: readonly Delivery[]): readonly Delivery[];
}

/** Holds digests only, and forgets the oldest. */
export function createEchoes(): Echoes {
  const subjectsByDigest = new Map<string, string>();
  return {
    left(rows) {
      for (const { subject, envelope } of rows) subjectsByDigest.set(base64(sha256(envelope)), subject);
      for (const digest of subjectsByDigest.keys()) {
        if (subjectsByDigest.size <= limits.echoesMax) return;
        subjectsByDigest.delete(digest);
      }
    },
    without(batch) {
      if (subjectsByDigest.size === 0) return batch;
      return batch.filter(({ subject, data }) => subjectsByDigest.get(base64(sha256(data))) !== subject);
    },
  };
}
