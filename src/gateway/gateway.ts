/** The gateway: both pipelines, what runs beside them, and its life from start to stop. */

import type { Cancel } from '../clock.ts';
import { asComityError, ComityError } from '../errors.ts';
import { limits } from '../limits.ts';
import { placeOf } from '../log.ts';
import type { GatewayContext } from './context.ts';
import { envelope, eventsFor, list, quarantine, receipts, show } from './desk.ts';
import { publishStatement, takeDirectory } from './directory.ts';
import { createEchoes } from './echoes.ts';
import { askedBy } from './facts.ts';
import { createFollower, type Follower } from './follower.ts';
import { type HealthFacts, health, metrics } from './health.ts';
import { createHeartbeat } from './heartbeat.ts';
import { behindOn, ownLast } from './hub-compare.ts';
import { createInbound, type Inbound } from './inbound.ts';
import { createOutbound } from './outbound.ts';
import { createOutboxPublisher } from './outbox-publisher.ts';
import { preview } from './preview.ts';
import { pruneOutbox } from './prune-outbox.ts';
import { createReceiptSender } from './receipt-sender.ts';
import type { GatewayApi } from './views.ts';

const housekeepingMs = 60_000;
const drainMs = 10_000;
/** Claims of peers about our channels that are looked up at the hub at once. */
const suspectsMax = 8;

export interface Gateway extends GatewayApi {
  /** Takes up where the store left off: the same code as in normal operation. */
  start(): Promise<void>;
  /** Takes no more drafts, brings out what waits as far as the hub lets it, and stops. */
  stop(): Promise<void>;
  /** Publishes the statement, when it is a newer one than the hub has. */
  publishStatement(statement: string): Promise<void>;
}

/** Wires the pipelines together. The caller owns store and transport and closes them after `stop`. */
export function createGateway(context: GatewayContext, o: { statement: string }): Gateway {
  const state: State = { behind: undefined, started: false, statement: o.statement };
  const parts = wire(context, state);
  const { outbound, inbound } = parts;
  const facts = (): HealthFacts => ({ behind: state.behind, started: state.started, counts: inbound.counts });
  return {
    agency: context.agency,
    start: () => start(context, state, parts),
    stop: () => stop(context, state, parts),
    async publishStatement(statement) {
      state.statement = statement;
      await publishStatement(context, statement);
    },
    preview: (draft, officer) => previewRecorded(context, draft, officer),
    async submit(draft, officer, idempotencyKey) {
      if (state.behind !== undefined) throw new ComityError('STORE_BEHIND');
      context.trust.requireFresh(context.clock.nowMs());
      return outbound.submit(draft, officer, idempotencyKey);
    },
    list: (query, officer) => list(context, query, officer),
    show: (id, officer) => show(context, id, officer),
    receipts: (id, officer) => receipts(context, id, officer),
    envelope: (id, officer) => envelope(context, id, officer),
    quarantine: (before, limit) => quarantine(context, before, limit),
    events: (officer, o) => eventsFor(context, officer, o),
    lastEventId: () => context.store.events.lastId(),
    onEvents: (run) => context.store.events.onCommit(run),
    health: () => health(context, facts()),
    metrics: () => metrics(context, facts()),
  };
}

type State = { behind: string | undefined; started: boolean; statement: string };

type Parts = Readonly<{
  outbound: ReturnType<typeof createOutbound>;
  inbound: Inbound;
  publisher: ReturnType<typeof createOutboxPublisher>;
  receiptSender: ReturnType<typeof createReceiptSender>;
  heartbeat: ReturnType<typeof createHeartbeat>;
  /** Holds our channels against the hub's: a clone or an old copy is noticed before it sends. */
  compareHeads: () => void;
  /** What to undo at the stop, in reverse order. */
  undo: (() => void)[];
  follow: Follower;
}>;

function wire(context: GatewayContext, state: State): Parts {
  // A store that does not know its own messages must not go on sending: it would fork its channels.
  const onBehind = (subject: string): void => {
    if (state.behind !== undefined) return;
    state.behind = subject;
    context.log.error('store.behind', { subject });
    context.audit.append({ event: 'store.behind', subject });
    void publisher.stop();
  };
  const echoes = createEchoes();
  const publisher = createOutboxPublisher(context, { onBehind, onLeaving: echoes.left });
  const heartbeat = createHeartbeat(context, () => publisher.kick());
  const receiptSender = createReceiptSender(context, () => publisher.kick());
  const compare = (suspects: () => Promise<string | undefined>): void => {
    suspects()
      .then((subject) => subject === undefined || onBehind(subject))
      .catch((error: unknown) => context.log.warn('hub.compare-failed', { code: asComityError(error).code }));
  };
  const suspected = new Set<string>();
  const onSuspect = (subject: string): void => {
    // A claim costs a peer some bytes and the hub a look-up: one at a time for a subject, and few in all.
    if (suspected.has(subject) || suspected.size >= suspectsMax) return;
    suspected.add(subject);
    compare(async () => {
      try {
        const { state: ours } = await ownLast(context, context.layout().streamOf(subject), subject);
        return ours === 'unknown' ? subject : undefined;
      } finally {
        suspected.delete(subject);
      }
    });
  };
  const onCommitted = (): void => receiptSender.schedule();
  const inbound = createInbound(context, { onBehind, onSuspect, onCommitted });
  const outbound = createOutbound(context, () => {
    publisher.kick();
    heartbeat.changed();
  });
  const follow = createFollower(context, async (batch, durable) => {
    if (durable.lane === 'directory') await takeDirectory(context, inbound, batch);
    else await inbound.take(echoes.without(batch));
    // By then the transport has sent the acknowledgements of this batch.
    setImmediate(() => context.reached('inbound.acknowledged'));
  });
  const compareHeads = (): void => compare(() => behindOn(context));
  return { outbound, inbound, publisher, receiptSender, heartbeat, compareHeads, undo: [], follow };
}

async function start(context: GatewayContext, state: State, parts: Parts): Promise<void> {
  const { transport, trust, audit, policy, agency } = context;
  audit.append({
    event: 'gateway.started',
    agency,
    policyVersion: policy.version,
    trustVersion: trust.list().version,
  });
  parts.undo.push(trust.onChange((change) => onTrustChange(context, parts, change)));
  parts.undo.push(
    transport.onState((link) => {
      if (link !== 'connected') return;
      parts.compareHeads();
      parts.publisher.kick();
      void tryStatement(context, state);
    }),
  );
  if (transport.state === 'connected') {
    parts.compareHeads();
    await tryStatement(context, state);
  }
  attempt(context, () => parts.inbound.wakeAll());
  parts.receiptSender.schedule();
  parts.heartbeat.start();
  keepHouse(context, parts);
  parts.publisher.kick();
  await parts.follow.start();
  state.started = true;
  context.log.info('gateway.started', { agency });
}

/** A hub that does not answer gets the statement when the link comes up again. */
async function tryStatement(context: GatewayContext, { statement }: State): Promise<void> {
  await publishStatement(context, statement).catch((error: unknown) =>
    context.log.warn('statement.publish-failed', { cause: String(error) }),
  );
}

type TrustChange = Parameters<Parameters<GatewayContext['trust']['onChange']>[0]>[0];

/** A newer list or statement may be what something waits for, and may change what we follow. */
function onTrustChange(context: GatewayContext, parts: Parts, change: TrustChange): void {
  const { what, agency } = change;
  // A root can end the line of lists: the list that encloses it follows, and is told of by itself.
  if (what === 'root' && !context.trust.hasList()) return;
  const { version } = context.trust.list();
  if (what === 'statement' && agency !== undefined) {
    context.audit.append({
      event: 'statement.applied',
      sender: agency,
      trustVersion: version,
    });
    // The trust book calls back in the middle of its own step; what waits is judged after it.
    setImmediate(() => {
      attempt(context, () => parts.inbound.wakeSender(agency));
      parts.receiptSender.schedule();
    });
    return;
  }
  context.audit.append({ event: 'trust.applied', trustVersion: version });
  context.store.events.append({ type: 'trust.applied', facts: { version }, atMs: context.clock.nowMs() });
  setImmediate(() => {
    attempt(context, () => parts.inbound.wake({ code: 'AWAITING_TRUST', awaits: 'list' }));
    parts.follow.refresh();
  });
}

/** A step that nobody waits for: what fails is logged and tried again at its next turn, and ends nothing else. */
function attempt(context: GatewayContext, step: () => unknown): void {
  try {
    step();
  } catch (error) {
    context.log.error('gateway.step-failed', { code: asComityError(error).code, place: placeOf(error) });
  }
}

function keepHouse(context: GatewayContext, parts: Parts): void {
  let next: Cancel | undefined;
  const round = (): void => {
    const nowMs = context.clock.nowMs();
    attempt(context, () => parts.inbound.expire());
    attempt(context, () => pruneOutbox(context));
    attempt(context, () => context.store.idempotency.forgetBefore(nowMs - limits.idempotencyKeptMs));
    next = context.clock.after(housekeepingMs, round);
  };
  round();
  parts.undo.push(() => next?.());
}

async function stop(context: GatewayContext, state: State, parts: Parts): Promise<void> {
  await parts.outbound.stop();
  await parts.follow.stop();
  if (state.behind === undefined) {
    parts.receiptSender.flush();
    // Without a hub nothing comes out by waiting; the rows are on disk.
    if (context.transport.state === 'connected') await parts.publisher.drain(drainMs);
  }
  parts.receiptSender.stop();
  parts.heartbeat.stop();
  await parts.publisher.stop();
  for (const undo of parts.undo.reverse()) undo();
  if (state.started) context.audit.append({ event: 'gateway.stopped', agency: context.agency });
  state.started = false;
}

function previewRecorded(
  context: GatewayContext,
  draft: unknown,
  officer: Parameters<GatewayApi['preview']>[1],
): ReturnType<GatewayApi['preview']> {
  const shown = preview(context, draft, officer);
  context.audit.append({
    event: 'preview.made',
    ...askedBy(officer),
    kind: shown.kind,
    lane: shown.lane,
    policyVersion: context.policy.version,
  });
  return shown;
}
