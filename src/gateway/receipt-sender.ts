/** Cumulative receipts: one message a peer, at most one every two seconds, for all that was judged since the last. */
import { create, toBinary } from '@bufbuild/protobuf';
import type { Cancel } from '../clock.ts';
import { asComityError } from '../errors.ts';
import { ReceiptBodySchema, ReceiptExceptionsSchema } from '../gen/comity/receipt/v1/receipt_pb.js';
import { limits } from '../limits.ts';
import type { ReceiptException } from '../store/port.ts';
import { directedSubject } from '../subjects.ts';
import type { AgencyId } from '../types.ts';
import type { GatewayContext } from './context.ts';
import { emit, type Sealed } from './emit.ts';
import { ownMessage, ownSchemas } from './own-message.ts';

export interface ReceiptSender {
  /** Sends what is due as soon as the interval allows. */
  schedule(): void;
  /** Sends what is due now: at a graceful stop. */
  flush(): void;
  stop(): void;
}

export function createReceiptSender(context: GatewayContext, onCommitted: () => void): ReceiptSender {
  let lastMs = Number.NEGATIVE_INFINITY;
  let pending: Cancel | undefined;
  const flush = (): void => {
    pending?.();
    pending = undefined;
    lastMs = context.clock.nowMs();
    try {
      if (!sendDue(context)) return;
      onCommitted();
      // A peer with more than one receipt holds gets the rest in the next.
      if (peersDue(context).length > 0) schedule();
    } catch (error) {
      // What is due stays due: the rows are taken in the transaction that failed.
      context.log.error('receipts.failed', { code: asComityError(error).code });
      schedule();
    }
  };
  const schedule = (): void => {
    if (pending !== undefined) return;
    const waitMs = Math.max(0, lastMs + limits.receiptIntervalMs - context.clock.nowMs());
    pending = context.clock.after(waitMs, flush);
  };
  return { schedule, flush, stop: () => pending?.() };
}

/** True where something was sent. */
function sendDue(context: GatewayContext): boolean {
  const peers = peersDue(context);
  if (peers.length === 0) return false;
  context.store.transaction(() => {
    emit(
      context,
      peers.map((peer) => receiptTo(context, peer)),
    );
  });
  context.reached('inbound.receipted');
  return true;
}

function peersDue(context: GatewayContext): readonly AgencyId[] {
  return context.store.receipts.due().filter((peer) => canSealTo(context, peer));
}

/** A peer that is not active, or whose keys were never seen, gets its receipt when that changes. */
function canSealTo(context: GatewayContext, peer: AgencyId): boolean {
  const nowMs = context.clock.nowMs();
  return (
    context.trust.statusAt(peer, nowMs) === 'active' && context.trust.sealingKeyAt(peer, nowMs) !== undefined
  );
}

function receiptTo(context: GatewayContext, peer: AgencyId): Sealed {
  const { channels, exceptions } = context.store.receipts.takeDue(peer, limits.receiptExceptionsMax);
  const pair = context.pairs.to(peer, context.clock.nowMs());
  return ownMessage(context, {
    subject: directedSubject(context.agency, peer, 'now', 'receipt'),
    lane: 'now',
    schema: ownSchemas.receipt,
    body: ReceiptBodySchema,
    chained: true,
    content: (sealInside) => ({
      channels: channels.map(({ subject, epoch }) => {
        const { sequence, digest } = reachedOn(context, { subject, epoch });
        return { subject, epoch, sequence: BigInt(sequence), digest };
      }),
      ...(exceptions.length === 0
        ? {}
        : { exceptions: sealInside(pair, exceptionBytes(channels, exceptions)) }),
    }),
  });
}

type Channel = Readonly<{ subject: string; epoch: Uint8Array }>;

const nothingReached = Object.freeze({ sequence: 0, digest: new Uint8Array(32) });

/**
 * How far the channel is receipted: everything up to there is taken or was reported. Of more than
 * `limits.receiptExceptionsMax` missing positions the rest is not reported, so it is not covered either.
 */
function reachedOn(
  { store: { positions } }: GatewayContext,
  { subject, epoch }: Channel,
): Readonly<{ sequence: number; digest: Uint8Array }> {
  const state = positions.channel(subject, epoch);
  if (state === undefined) return nothingReached;
  const unreported = positions
    .missing(subject, epoch, limits.receiptExceptionsMax + 1)
    .at(limits.receiptExceptionsMax);
  if (unreported === undefined) return { sequence: state.highest, digest: state.highestDigest };
  return positions.before(subject, epoch, unreported) ?? nothingReached;
}

function exceptionBytes(channels: readonly Channel[], exceptions: readonly ReceiptException[]): Uint8Array {
  const index = (exception: ReceiptException): number =>
    channels.findIndex(
      ({ subject, epoch }) => subject === exception.subject && Buffer.compare(epoch, exception.epoch) === 0,
    );
  const rows = exceptions.map((exception) => ({
    channel: index(exception),
    sequence: BigInt(exception.sequence),
    code: exception.code,
  }));
  return toBinary(
    ReceiptExceptionsSchema,
    create(ReceiptExceptionsSchema, { exceptions: rows.filter(({ channel }) => channel >= 0) }),
  );
}
