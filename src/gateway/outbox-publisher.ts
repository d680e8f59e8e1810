/** Brings the outbox to the hub: atomic batches, fenced, one in flight a stream, `now` before `day` before `bulk`. */
import type { Cancel } from '../clock.ts';
import { asComityError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { OutboxRow } from '../store/port.ts';
import type { Outgoing, PublishOutcome } from '../transport/port.ts';
import { type Lane, lanes } from '../types.ts';
import type { GatewayContext } from './context.ts';
import { ownLast } from './hub-compare.ts';

const retryMsMin = 100;
const retryMsMax = 5_000;

export interface OutboxPublisher {
  /** Publishes what waits; called after each commit and when the link comes up. */
  kick(): void;
  /** Resolves when nothing waits or the time is up. */
  drain(timeoutMs: number): Promise<void>;
  /** Resolves when no publish is under way; nothing more is started. */
  stop(): Promise<void>;
}

export type PublisherHooks = Readonly<{
  /** Told when the hub has a message of ours that this store does not know. */
  onBehind: (subject: string) => void;
  /** Told what is about to leave. */
  onLeaving: (rows: readonly OutboxRow[]) => void;
}>;

export function createOutboxPublisher(context: GatewayContext, hooks: PublisherHooks): OutboxPublisher {
  const running = new Map<string, Promise<void>>();
  const waiters = new Set<() => void>();
  let stopped = false;
  let retry: Cancel | undefined;
  let retryMs = retryMsMin;

  const kick = (): void => {
    if (stopped || context.transport.state !== 'connected') return;
    for (const stream of new Set(context.store.outbox.waiting().map((row) => row.stream))) {
      if (running.has(stream)) continue;
      const run = publishStream(stream).finally(() => {
        running.delete(stream);
        if (running.size === 0) for (const wake of waiters) wake();
        else if (context.store.outbox.unsent() === 0) for (const wake of waiters) wake();
      });
      running.set(stream, run);
    }
  };

  const publishStream = async (stream: string): Promise<void> => {
    // What the hub refuses, as after a grant was withdrawn, holds up neither other subjects nor other lanes.
    const held = new Set<Lane>();
    while (!stopped) {
      const rows = nextRows(context, { stream, held });
      const [first] = rows;
      if (first === undefined) return held.size > 0 ? later() : undefined;
      const progress = await tryRows(rows);
      if (progress === 'failed') return later();
      if (progress === 'refused') held.add(first.lane);
      else retryMs = retryMsMin;
    }
  };

  /** A link or a store that fails in the middle leaves the rows waiting, as they were. */
  const tryRows = async (rows: readonly OutboxRow[]): Promise<Progress> => {
    try {
      hooks.onLeaving(rows);
      return await publishRows(context, rows, hooks.onBehind);
    } catch (error) {
      context.log.warn('outbox.publish-failed', { result: 'failed', reason: asComityError(error).code });
      return 'failed';
    }
  };

  const later = (): void => {
    retry?.();
    retry = context.clock.after(retryMs, kick);
    retryMs = Math.min(retryMs * 2, retryMsMax);
  };

  return {
    kick,
    async drain(timeoutMs) {
      kick();
      let expired = false;
      const cancel = context.clock.after(timeoutMs, () => {
        expired = true;
        for (const wake of waiters) wake();
      });
      while (!expired && !stopped && context.store.outbox.unsent() > 0) {
        await new Promise<void>((wake) => {
          waiters.add(wake);
        });
        waiters.clear();
      }
      cancel();
    },
    async stop() {
      stopped = true;
      retry?.();
      for (const wake of waiters) wake();
      await Promise.all(running.values());
    },
  };
}

/** What goes out next on a stream: the most urgent lane's rows, as much as the link carried in the last second. */
function nextRows(
  context: GatewayContext,
  { stream, held }: Readonly<{ stream: string; held: ReadonlySet<Lane> }>,
): readonly OutboxRow[] {
  const carried = Math.max(context.transport.bytesLastSecond, limits.publishBatchBytesFirst);
  const bytesMax = Math.min(carried, limits.publishBatchBytesMax);
  for (const lane of lanes) {
    if (held.has(lane)) continue;
    const rows = context.store.outbox.next(stream, lane, limits.publishBatchMessagesMax, bytesMax);
    if (rows.length > 0) return rows;
  }
  return [];
}

/** sent: something was stored; refused: nothing was, by the hub's decision; failed: nobody knows. */
type Progress = 'sent' | 'refused' | 'failed';

/** Publishes the rows as one batch or, on any batch error, singly. */
async function publishRows(
  context: GatewayContext,
  rows: readonly OutboxRow[],
  onBehind: (subject: string) => void,
): Promise<Progress> {
  if (rows.length > 1 && context.layout().isAtomic(rows[0]?.stream ?? '')) {
    const outcome = await context.transport.publishBatch(fenced(context, rows));
    // Died here: the rows are still waiting; publishing them again is fenced or a duplicate, and counts as sent.
    context.reached('outbound.published');
    if (outcome.result === 'stored') {
      markSent(context, rows, outcome.sequences);
      return 'sent';
    }
    if (outcome.result === 'unknown') return 'failed';
  }
  return publishSingly(context, rows, onBehind);
}

async function publishSingly(
  context: GatewayContext,
  rows: readonly OutboxRow[],
  onBehind: (subject: string) => void,
): Promise<Progress> {
  let stored = false;
  const refused = new Set<string>();
  for (const row of rows) {
    // A channel leaves in order: what follows a refused row on its subject waits behind it.
    if (refused.has(row.subject)) continue;
    const outcome = await context.transport.publishOne(fenced(context, [row])[0] ?? outgoing(row));
    context.reached('outbound.published');
    const settled = await settle(context, row, { outcome, onBehind });
    if (settled === 'refused') refused.add(row.subject);
    else if (settled === 'waits') return stored ? 'sent' : 'failed';
    else stored = true;
    // The rows in hand may be at the hub by now: what still waits is read anew.
    if (settled === 'compared') return 'sent';
  }
  return stored ? 'sent' : 'refused';
}

type Settling = Readonly<{ outcome: PublishOutcome; onBehind: (subject: string) => void }>;

/** sent: the row is at the hub; compared: whatever the hub has is marked, this row or others; refused: it says no. */
type Settled = 'sent' | 'compared' | 'refused' | 'waits';

async function settle(
  context: GatewayContext,
  row: OutboxRow,
  { outcome, onBehind }: Settling,
): Promise<Settled> {
  if (outcome.result === 'stored') {
    markSent(context, [row], outcome.sequences);
    return 'sent';
  }
  if (outcome.result === 'fenced')
    return (await compareWithHub(context, row, onBehind)) ? 'compared' : 'waits';
  context.log.warn('outbox.publish-failed', {
    subject: row.subject,
    result: outcome.result,
    reason: outcome.reason,
  });
  return outcome.result === 'rejected' ? 'refused' : 'waits';
}

/** After a fence mismatch our own last message at the hub says where we are (docs/wire.md, The hub). */
async function compareWithHub(
  context: GatewayContext,
  row: OutboxRow,
  onBehind: (subject: string) => void,
): Promise<boolean> {
  const last = await ownLast(context, row.stream, row.subject);
  if (last.state === 'none') {
    context.store.outbox.setFence(row.subject, 0);
    return false;
  }
  const { header, streamSequence } = last;
  if (last.state === 'unknown') {
    onBehind(row.subject);
    return false;
  }
  if (header.sequence === 0) {
    context.store.outbox.setFence(row.subject, streamSequence);
    return false;
  }
  const fence = context.store.outbox.fence(row.subject);
  context.store.outbox.markSentUpTo(row.subject, header.epoch, header.sequence, streamSequence);
  // A hub that contradicts itself is asked again later, not at once.
  return fence !== streamSequence || header.sequence >= row.sequence;
}

/** The first row of each subject, and no other, carries the fence. */
function fenced(context: GatewayContext, rows: readonly OutboxRow[]): readonly Outgoing[] {
  const seen = new Set<string>();
  return rows.map((row) => {
    if (seen.has(row.subject)) return outgoing(row);
    seen.add(row.subject);
    return { ...outgoing(row), expectLast: context.store.outbox.fence(row.subject) ?? 0 };
  });
}

function outgoing(row: OutboxRow): Outgoing {
  return { subject: row.subject, data: row.envelope, messageId: row.messageIdHeader };
}

function markSent(context: GatewayContext, rows: readonly OutboxRow[], sequences: readonly number[]): void {
  // Died before this: as above; died after it: the rows wait for receipts only.
  context.store.outbox.markSent(
    rows.map((row, index) => ({ id: row.id, subject: row.subject, streamSequence: sequences[index] ?? 0 })),
  );
  context.reached('outbound.marked');
}
