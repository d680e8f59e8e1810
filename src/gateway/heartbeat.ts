/** What tells peers how far our channels reach: heartbeats for broadcasts, Heads for directed channels after a key change. */
import { create, toBinary } from '@bufbuild/protobuf';
import type { Cancel } from '../clock.ts';
import { HeartbeatBodySchema } from '../gen/comity/beat/v1/beat_pb.js';
import { ChannelHeadsSchema, HeadsBodySchema } from '../gen/comity/control/v1/control_pb.js';
import { limits } from '../limits.ts';
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

  const beat = (): void => {
    soon?.();
    soon = undefined;
    const beats = beatsOf(context);
    if (beats.length > 0) {
      context.store.transaction(() => emit(context, beats));
      onCommitted();
    }
    hourly?.();
    hourly = context.clock.after(limits.beatIntervalMs, beat);
  };

  const followKeys = (): void => {
    const nowMs = context.clock.nowMs();
    const endMs = context.keys
      .publicWindows()
      .signing.find((window) => window.notBeforeMs <= nowMs && nowMs < window.notAfterMs)?.notAfterMs;
    if (endMs === undefined) return;
    rotation = context.clock.after(endMs - nowMs, () => {
      announceHeads(context);
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

/** After a key change: the signed heads of our channels to every peer with messages that it has not receipted. */
function announceHeads(context: GatewayContext): void {
  const nowMs = context.clock.nowMs();
  const peers = context.store.receipts
    .silent()
    .map(({ agency }) => agency)
    .filter(
      (peer) =>
        context.trust.statusAt(peer, nowMs) === 'active' &&
        context.trust.sealingKeyAt(peer, nowMs) !== undefined,
    );
  if (peers.length === 0) return;
  context.store.transaction(() => {
    emit(
      context,
      peers.map((peer) => headsTo(context, peer)),
    );
  });
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
    subject: directedSubject(context.agency, peer, 'now', 'control'),
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
