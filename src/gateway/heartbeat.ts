/** What tells peers how far our channels reach: heartbeats for broadcasts, Heads for directed channels after a key change. */
import { create, toBinary } from '@bufbuild/protobuf';
import type { Cancel } from '../clock.ts';
import { asComityError } from '../errors.ts';
import { HeartbeatBodySchema } from '../gen/comity/beat/v1/beat_pb.js';
import { ChannelHeadsSchema, HeadsBodySchema } from '../gen/comity/control/v1/control_pb.js';
import type { PublicWindow } from '../keys/index.ts';
import { limits } from '../limits.ts';
import { placeOf } from '../log.ts';
import { beatSubject, directedSubject, parseSubject } from '../subjects.ts';
import type { AgencyId, Kind } from '../types.ts';
import type { GatewayContext } from './context.ts';
import { emit, type Sealed } from './emit.ts';
import { ownMessage, ownSchemas } from './own-message.ts';

export interface Heartbeat {
  /** Follows the clock from now on. */
  start(): void;
  /** Notes that a broadcast channel moved: a beat is due within ten minutes. */
  changed(): void;
  stop(): void;
}

/** Half of the bound, so that a busy machine stays within it. */
const afterChangeMs = limits.beatAfterChangeMs / 2;

export function createHeartbeat(context: GatewayContext, onCommitted: () => void): Heartbeat {
  let soon: Cancel | undefined;
  let hourly: Cancel | undefined;
  let rotation: Cancel | undefined;

  /** A store that is full, or keys that have ended, keep a gateway from speaking and not from living. */
  const attempt = (send: () => boolean): void => {
    try {
      if (send()) onCommitted();
    } catch (error) {
      context.log.error('heartbeat.failed', { code: asComityError(error).code, place: placeOf(error) });
    }
  };

  const beat = (): void => {
    soon?.();
    soon = undefined;
    attempt(() => {
      const beats = beatsOf(context);
      if (beats.length === 0) return false;
      context.store.transaction(() => emit(context, beats));
      return true;
    });
    hourly?.();
    hourly = context.clock.after(limits.beatIntervalMs, beat);
  };

  const followKeys = (): void => {
    // Also at a start: the key may have changed while nothing ran here.
    attempt(() => announceHeads(context));
    const endMs = windowNow(context)?.notAfterMs;
    if (endMs === undefined) return;
    rotation = context.clock.after(endMs - context.clock.nowMs(), () => {
      beat();
      followKeys();
    });
  };

  return {
    start() {
      beat();
      followKeys();
    },
    changed() {
      soon ??= context.clock.after(afterChangeMs, beat);
    },
    stop() {
      soon?.();
      hourly?.();
      rotation?.();
    },
  };
}

/** One beat for each kind in use. */
function beatsOf(context: GatewayContext): readonly Sealed[] {
  const heads = context.store.channels.heads().flatMap(({ subject, head }) => {
    const parsed = parseSubject(subject);
    return parsed?.form === 'message' && parsed.to === undefined
      ? [{ kind: parsed.kind, subject, head }]
      : [];
  });
  return [...new Set(heads.map(({ kind }) => kind))].map((kind) =>
    beatOf(
      context,
      kind,
      heads.filter((row) => row.kind === kind),
    ),
  );
}

type OwnHead = ReturnType<GatewayContext['store']['channels']['heads']>[number];

function beatOf(context: GatewayContext, kind: Kind, heads: readonly OwnHead[]): Sealed {
  return ownMessage(context, {
    subject: beatSubject(context.agency, kind),
    lane: 'now',
    schema: ownSchemas.beat,
    body: HeartbeatBodySchema,
    chained: false,
    content: () => ({ heads: wireHeads(context, heads), trustVersion: BigInt(context.trust.list().version) }),
  });
}

function windowNow(context: GatewayContext): PublicWindow | undefined {
  const nowMs = context.clock.nowMs();
  return context.keys
    .publicWindows()
    .signing.find(({ notBeforeMs, notAfterMs }) => notBeforeMs <= nowMs && nowMs < notAfterMs);
}

/**
 * After a key change: the signed heads of our channels to every peer that may not have judged yet what
 * the former key signed. True where something was sent.
 */
function announceHeads(context: GatewayContext): boolean {
  const nowMs = context.clock.nowMs();
  const peers = peersToTell(context).filter(
    (peer) =>
      context.trust.statusAt(peer, nowMs) === 'active' &&
      context.trust.sealingKeyAt(peer, nowMs) !== undefined,
  );
  if (peers.length === 0) return false;
  context.store.transaction(() => {
    emit(
      context,
      peers.map((peer) => headsTo(context, peer)),
    );
  });
  return true;
}

/** Peers that were not told in this window, and have a channel of ours from before it that is not all receipted. */
function peersToTell(context: GatewayContext): readonly AgencyId[] {
  const { channels, receipts, epoch } = context.store;
  const startMs = windowNow(context)?.notBeforeMs;
  if (startMs === undefined) return [];
  const peers = new Set<AgencyId>();
  for (const { subject, head } of channels.heads()) {
    const parsed = parseSubject(subject);
    if (parsed?.form !== 'message' || parsed.to === undefined || head.createdMs >= startMs) continue;
    const toldMs = channels.head(headsSubject(context, parsed.to))?.createdMs ?? 0;
    if (toldMs >= startMs) continue;
    // Nobody receipts receipts: one that came after the last Heads may still be under way.
    const open =
      parsed.kind === 'receipt'
        ? head.createdMs > toldMs
        : receipts.receiptedUpTo(parsed.to, subject, epoch) < head.sequence;
    if (open) peers.add(parsed.to);
  }
  return [...peers];
}

function headsSubject(context: GatewayContext, peer: AgencyId): string {
  return directedSubject(context.agency, peer, 'now', 'control');
}

function headsTo(context: GatewayContext, peer: AgencyId): Sealed {
  const heads = context.store.channels.heads().filter(({ subject }) => {
    const parsed = parseSubject(subject);
    return parsed?.form === 'message' && parsed.to === peer;
  });
  const plain = toBinary(
    ChannelHeadsSchema,
    create(ChannelHeadsSchema, { heads: wireHeads(context, heads) }),
  );
  const pair = context.pairs.to(peer, context.clock.nowMs());
  return ownMessage(context, {
    subject: headsSubject(context, peer),
    lane: 'now',
    schema: ownSchemas.heads,
    body: HeadsBodySchema,
    chained: true,
    content: (sealInside) => ({ channels: sealInside(pair, plain) }),
  });
}

function wireHeads(
  context: GatewayContext,
  heads: readonly OwnHead[],
): { subject: string; epoch: Uint8Array; sequence: bigint; digest: Uint8Array }[] {
  return heads.map(({ subject, head }) => ({
    subject,
    epoch: context.store.epoch,
    sequence: BigInt(head.sequence),
    digest: head.digest,
  }));
}
