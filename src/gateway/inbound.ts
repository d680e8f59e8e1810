/**
 * The inbound pipeline: what the hub delivers is judged, settled in one transaction a batch, and only
 * then acknowledged. A batch shares a transaction, never a verdict.
 */
import { equalBytes } from '../bytes.ts';
import { createSignatureMemory, type Opened, parseEnvelope } from '../envelope/index.ts';
import { asComityError } from '../errors.ts';
import { placeOf } from '../log.ts';
import type { ParkedMessage } from '../store/port.ts';
import type { Delivery } from '../transport/port.ts';
import type { AgencyId } from '../types.ts';
import { parkedChain } from './anchors.ts';
import type { GatewayContext } from './context.ts';
import { judge } from './judge.ts';
import type { Arrival, Awaited, Judgement } from './judgement.ts';
import type { Judging } from './judging.ts';
import { type Counts, settle } from './settle.ts';

const signaturesRemembered = 4096;
/** After so many deliveries a message that fails for reasons of ours goes to quarantine as it is. */
export const triesMax = 5;

export interface Inbound {
  /** Resolves when the batch is durable; rejects when none of it is. */
  take(batch: readonly Delivery[]): Promise<void>;
  /** Judges again what waited for something that has come. */
  wake(came: Awaited): void;
  /** Judges again what waits of one sender: a newer statement may name the keys that are missing. */
  wakeSender(sender: AgencyId): void;
  /** Judges again all that waits, as after a start: the same code as in normal operation. */
  wakeAll(): void;
  /** Moves what waited too long to quarantine. */
  expire(): void;
  readonly counts: ReadonlyMap<string, number>;
}

export type InboundHooks = Readonly<{
  onBehind: (subject: string) => void;
  onSuspect: (subject: string) => void;
  onCommitted: () => void;
}>;

export function createInbound(context: GatewayContext, hooks: InboundHooks): Inbound {
  const counts: Counts = new Map();
  const anchored = new Set<string>();
  const judging: Judging = {
    context,
    memory: createSignatureMemory(signaturesRemembered),
    anchored,
    onBehind: hooks.onBehind,
    onSuspect: hooks.onSuspect,
  };
  const pipeline: Pipeline = { context, judging, anchored, counts };

  const inTransaction = (work: () => void): void => {
    context.store.transaction(work);
    hooks.onCommitted();
  };
  const retryAll = (parked: readonly ParkedMessage[]): void => {
    if (parked.length > 0) inTransaction(() => retry(pipeline, parked, false));
  };

  const wakeSender = (sender: AgencyId): void => {
    retryAll(context.store.parking.bySender(sender).filter(({ reason }) => reason !== 'AWAITING_HEAD'));
    for (const { subject, epoch, announced } of context.store.positions.channelsOf(sender)) {
      if (announced === undefined) continue;
      inTransaction(() => retry(pipeline, parkedChain(context, { subject, epoch, ...announced }), true));
    }
  };

  return {
    counts,
    async take(batch) {
      // Died before the commit: nothing is taken, the hub delivers again.
      context.reached('inbound.delivered');
      takeBatch(pipeline, batch);
      // Died here: the hub delivers again, and every message is a duplicate.
      context.reached('inbound.committed');
      hooks.onCommitted();
    },
    wake: ({ code, awaits }) => retryAll(context.store.parking.awaiting(code, awaits)),
    wakeSender,
    wakeAll() {
      for (const sender of new Set(context.store.parking.summary().map((row) => row.sender)))
        wakeSender(sender);
    },
    expire() {
      const late = context.store.parking.expired(context.clock.nowMs());
      if (late.length > 0) inTransaction(() => expireParked(pipeline, late));
    },
  };
}

type Pipeline = Readonly<{
  context: GatewayContext;
  judging: Judging;
  anchored: Set<string>;
  counts: Counts;
}>;

/** All in one transaction or, where one message fails for reasons of ours, each in its own. */
function takeBatch(pipeline: Pipeline, batch: readonly Delivery[]): void {
  const { context } = pipeline;
  try {
    context.store.transaction(() => {
      for (const delivery of batch) takeOne(pipeline, arrivalOf(context, delivery));
      context.reached('inbound.written');
    });
  } catch (error) {
    if (['STORE_FULL', 'STORE_FAILED'].includes(asComityError(error).code)) throw error;
    for (const delivery of batch) takeAlone(pipeline, delivery);
  }
}

function takeAlone(pipeline: Pipeline, delivery: Delivery): void {
  const { context } = pipeline;
  const arrival = arrivalOf(context, delivery);
  try {
    context.store.transaction(() => takeOne(pipeline, arrival));
  } catch (error) {
    const { subject, delivered } = delivery;
    context.log.error('inbound.failed', { subject, delivered, place: placeOf(error) });
    if (delivery.delivered < triesMax) throw error;
    context.store.transaction(() =>
      settle(context, arrival, { verdict: 'refused', code: 'INTERNAL', reasons: [] }),
    );
  }
}

function arrivalOf(context: GatewayContext, { subject, data }: Delivery): Arrival {
  return { subject, data, arrivedMs: context.clock.nowMs(), retried: false };
}

/** Judges and settles one message, and before it what hangs on it, so that a channel is taken in order. */
function takeOne(pipeline: Pipeline, arrival: Arrival): void {
  const { context, judging, counts } = pipeline;
  let judgement = judge(judging, arrival);
  const behind = chainBehind(context, judgement);
  if (behind.length > 0) {
    retry(pipeline, behind, true);
    judgement = judge(judging, arrival);
  }
  count(counts, judgement);
  for (const wake of settle(context, arrival, judgement)) {
    if ('vouched' in wake) retry(pipeline, parkedChain(context, wake.vouched), true);
    else retry(pipeline, context.store.parking.awaiting(wake.code, wake.awaits), false);
  }
}

/** Parked messages that this one's `previous` vouches for. */
function chainBehind(context: GatewayContext, judgement: Judgement): readonly ParkedMessage[] {
  if (judgement.verdict === 'duplicate' || judgement.placed === undefined) return [];
  if (judgement.verdict === 'refused' && judgement.code === 'AGENCY_REVOKED') return [];
  const { subject, epoch, sequence, previous } = judgement.placed.header;
  return parkedChain(context, { subject, epoch, sequence: sequence - 1, digest: previous });
}

/** `vouched`: they are one chain, behind something that counts. */
function retry(pipeline: Pipeline, parked: readonly ParkedMessage[], vouched: boolean): void {
  const { context, anchored } = pipeline;
  if (vouched) for (const { digest } of parked) anchored.add(digest);
  for (const { id, subject, envelope, parkedMs } of parked) {
    context.store.parking.remove(id);
    takeOne(pipeline, { subject, data: envelope, arrivedMs: parkedMs, retried: true });
  }
  for (const { digest } of parked) anchored.delete(digest);
}

function expireParked({ context, counts }: Pipeline, late: readonly ParkedMessage[]): void {
  for (const { id, subject, envelope, parkedMs, reason, sender } of late) {
    context.store.parking.remove(id);
    const opened = parseEnvelope(envelope);
    const judgement: Judgement = { verdict: 'refused', code: reason, sender, opened, reasons: [] };
    count(counts, judgement);
    settle(context, { subject, data: envelope, arrivedMs: parkedMs, retried: true }, judgement);
    closePosition(context, opened, sender);
  }
}

/** What waited in its position ends in it, and its sender is told. */
function closePosition(context: GatewayContext, { header, digest }: Opened, sender: AgencyId): void {
  const { subject, epoch, sequence } = header;
  const held = context.store.positions.at(subject, epoch, sequence);
  if (held === undefined || !equalBytes(held.digest, digest)) return;
  context.store.positions.judge(subject, epoch, sequence, 'DELIVERY_EXPIRED');
  context.store.receipts.note(sender, subject, epoch, { sequence, code: 'DELIVERY_EXPIRED' });
}

function count(counts: Counts, judgement: Judgement): void {
  const name = 'code' in judgement ? judgement.code : judgement.verdict;
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
