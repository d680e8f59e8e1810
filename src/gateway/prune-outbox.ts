/** What leaves the outbox for good; what leaves it unsent is on record and told of. */
import { hex } from '../bytes.ts';
import { limits } from '../limits.ts';
import type { GatewayContext } from './context.ts';

/** Drops what is receipted or past its delivery time, a bounded number at a time. */
export function pruneOutbox(context: GatewayContext): void {
  const nowMs = context.clock.nowMs();
  const { store, audit } = context;
  store.transaction(() => {
    for (const { subject, sequence, digest } of store.outbox.overdue(nowMs, limits.outboxPruneRowsMax)) {
      const message = store.messages.byDigest(digest)?.facts;
      audit.append({
        event: 'message.expired',
        subject,
        sequence,
        digest: hex(digest),
        ...(message === undefined ? {} : { message: message.id, kind: message.kind, lane: message.lane }),
      });
      if (message === undefined) continue;
      const { id, kind, lane } = message;
      store.events.append({ type: 'message.expired', message: id, kind, lane, facts: {}, atMs: nowMs });
      context.log.warn('message.expired', { subject, sequence });
    }
    store.outbox.prune(nowMs);
  });
}
