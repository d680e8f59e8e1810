/** Makes the hub's streams and consumers what the layout says, with HUB's credentials. Safe to repeat. */
import {
  AckPolicy,
  type ConsumerInfo,
  DeliverPolicy,
  DiscardPolicy,
  type JetStreamManager,
  ReplayPolicy,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream';
import { ComityError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { HubConnection } from './hub-connection.ts';
import type { ConsumerPlan, HubLayout, StreamPlan } from './layout.ts';

export type ProvisionOptions = Readonly<{
  /** Copies of each stream: 1, or 3 or 5 on a cluster. */
  replicas?: 1 | 3 | 5;
  /** The most that each stream of a form holds, in bytes. */
  streamBytesMax?: Partial<Record<StreamPlan['form'], number>>;
  /** Server tags that a stream is placed by, where its jurisdictions want their data. */
  placement?: Readonly<Record<string, readonly string[]>>;
}>;

export type Provisioned = Readonly<{
  streamsCreated: readonly string[];
  streamsUpdated: readonly string[];
  /** Streams that the layout does not name. They are kept: their content ages out. */
  streamsForeign: readonly string[];
  consumersCreated: readonly string[];
  consumersUpdated: readonly string[];
  consumersRemoved: readonly string[];
}>;

const nanosecondsInMs = 1_000_000;

export function streamBytesMax(form: StreamPlan['form'], options: ProvisionOptions = {}): number {
  return options.streamBytesMax?.[form] ?? limits.hubStreamBytesMax[form];
}

/** What the layout's streams reserve together: JetStream's bound on disk must be no less. */
export function storeBytesOf(layout: HubLayout, options: ProvisionOptions = {}): number {
  return layout.streams.reduce((sum, { form }) => sum + streamBytesMax(form, options), 0);
}

/** Throws HUB_REJECTED with the server's words. */
export async function provisionHub(
  hub: HubConnection,
  layout: HubLayout,
  options: ProvisionOptions = {},
): Promise<Provisioned> {
  try {
    const streams = await provisionStreams(hub.manager, layout, options);
    const consumers = await provisionConsumers(hub.manager, layout, new Set(streams.streamsCreated));
    return { ...streams, ...consumers };
  } catch (cause) {
    if (cause instanceof ComityError) throw cause;
    const reason = cause instanceof Error ? cause.message : 'unknown';
    throw new ComityError('HUB_REJECTED', `the hub was not provisioned: ${reason}`, { cause });
  }
}

async function provisionStreams(
  manager: JetStreamManager,
  layout: HubLayout,
  options: ProvisionOptions,
): Promise<Pick<Provisioned, 'streamsCreated' | 'streamsUpdated' | 'streamsForeign'>> {
  const present = new Map<string, StreamInfo>();
  for await (const info of manager.streams.list()) present.set(info.config.name, info);
  const streamsCreated: string[] = [];
  const streamsUpdated: string[] = [];
  const wanted = layout.streams.map((stream) => streamConfig(stream, options));
  // A jurisdiction that moves to another partition leaves its old stream before it joins the new one.
  const shrinking = wanted.filter(({ name, subjects }) =>
    present.get(name)?.config.subjects.some((subject) => !subjects.includes(subject)),
  );
  for (const config of [...shrinking, ...wanted.filter((config) => !shrinking.includes(config))]) {
    const info = present.get(config.name);
    if (info === undefined) {
      await manager.streams.add(config);
      streamsCreated.push(config.name);
    } else if (differs(info.config, config)) {
      await manager.streams.update(config.name, config);
      streamsUpdated.push(config.name);
    }
  }
  const names = new Set(layout.streams.map(({ name }) => name));
  return {
    streamsCreated,
    streamsUpdated,
    streamsForeign: [...present.keys()].filter((name) => !names.has(name)),
  };
}

type WantedStream = Partial<StreamConfig> & { name: string; subjects: string[] };

function streamConfig({ name, form, subjects }: StreamPlan, options: ProvisionOptions): WantedStream {
  const tags = options.placement?.[name];
  return {
    name,
    subjects: [...subjects],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    num_replicas: options.replicas ?? 1,
    max_bytes: streamBytesMax(form, options),
    max_msg_size: limits.hubPayloadBytesMax,
    duplicate_window: limits.duplicateWindowMs * nanosecondsInMs,
    allow_direct: true,
    allow_rollup_hdrs: false,
    // A message leaves by its age or by a purge of an over-quota sender's prefix, never singly.
    deny_delete: true,
    deny_purge: false,
    ...(tags === undefined ? {} : { placement: { cluster: '', tags: [...tags] } }),
    ...(form === 'directory' ? directoryBounds : agingBounds(form)),
  };
}

const directoryBounds: Partial<StreamConfig> = Object.freeze({
  discard: DiscardPolicy.Old,
  max_age: 0,
  max_msgs_per_subject: limits.directoryMessagesPerSubject,
});

function agingBounds(form: StreamPlan['form']): Partial<StreamConfig> {
  const ageMs = form === 'blob' ? limits.blobAgeMsMax : limits.streamAgeMsMax;
  return { discard: DiscardPolicy.New, max_age: ageMs * nanosecondsInMs, allow_atomic: true };
}

async function provisionConsumers(
  manager: JetStreamManager,
  layout: HubLayout,
  fresh: ReadonlySet<string>,
): Promise<Pick<Provisioned, 'consumersCreated' | 'consumersUpdated' | 'consumersRemoved'>> {
  const consumersCreated: string[] = [];
  const consumersUpdated: string[] = [];
  const consumersRemoved: string[] = [];
  for (const { name } of layout.streams) {
    const wanted = new Map(
      layout.consumers
        .filter(({ stream }) => stream === name)
        .map((consumer) => [consumer.durable, consumer]),
    );
    const present = new Map<string, ConsumerInfo>();
    if (!fresh.has(name)) for await (const info of manager.consumers.list(name)) present.set(info.name, info);
    for (const [durable, consumer] of wanted) {
      const info = present.get(durable);
      if (info === undefined) {
        await manager.consumers.add(name, consumerConfig(consumer, fresh.has(name)));
        consumersCreated.push(`${name}.${durable}`);
      } else if (differs(info.config, changeable(consumer))) {
        await manager.consumers.update(name, durable, changeable(consumer));
        consumersUpdated.push(`${name}.${durable}`);
      }
    }
    for (const durable of present.keys()) {
      if (wanted.has(durable) || !durablePattern.test(durable)) continue;
      await manager.consumers.delete(name, durable);
      consumersRemoved.push(`${name}.${durable}`);
    }
  }
  return { consumersCreated, consumersUpdated, consumersRemoved };
}

/** Only consumers of gateways are removed; the hub's own tools look after theirs. */
const durablePattern = /^[a-z]{2}_[a-z][a-z0-9-]*_(now|day|bulk|blob|directory)$/;

function consumerConfig(consumer: ConsumerPlan, fresh: boolean) {
  return {
    ...changeable(consumer),
    durable_name: consumer.durable,
    ack_policy: AckPolicy.Explicit,
    replay_policy: ReplayPolicy.Instant,
    deliver_policy: deliverPolicy(consumer, fresh),
  };
}

/**
 * A newcomer gets the broadcasts that are published from now on, since nothing older is sealed to it
 * (what is still in force is backfilled by its senders); on a stream that is new itself, all.
 */
function deliverPolicy({ lane, stream }: ConsumerPlan, fresh: boolean): DeliverPolicy {
  if (lane === 'directory') return DeliverPolicy.LastPerSubject;
  return fresh || stream.startsWith('TO_') ? DeliverPolicy.All : DeliverPolicy.New;
}

function changeable({ filters }: ConsumerPlan) {
  return {
    filter_subjects: [...filters],
    // A limit would silently end delivery; the gateway counts tries itself.
    max_deliver: -1,
    ack_wait: limits.ackWaitMs * nanosecondsInMs,
    max_ack_pending: limits.ackPendingMax,
    max_waiting: 16,
  };
}

/** Whether what the server has is other than what is wanted, in what is wanted. */
function differs(present: object, wanted: object): boolean {
  const has = present as Readonly<Record<string, unknown>>;
  return Object.entries(wanted).some(([key, value]) => {
    const own =
      key === 'filter_subjects' ? (has[key] ?? [has['filter_subject']]) : (has[key] ?? absent(value));
    return canonical(own) !== canonical(value);
  });
}

/** The server leaves out what is false, zero or empty. */
function absent(value: unknown): unknown {
  return typeof value === 'boolean' ? false : typeof value === 'number' ? 0 : undefined;
}

function canonical(value: unknown): string {
  return JSON.stringify(Array.isArray(value) ? [...value].sort() : value);
}
