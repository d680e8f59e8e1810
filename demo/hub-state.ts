/** The hub as HUB's own credentials see it, so that what an attack did can be judged by its state. */
import type { Stage } from './story.ts';

type Subjects = Readonly<Record<string, number>>;
type StreamState = Readonly<{ config: string; first: number; deleted: number; subjects: Subjects }>;
type ConsumerState = Readonly<{ config: string; progress: string }>;

export type HubState = Readonly<{
  streams: ReadonlyMap<string, StreamState>;
  /** By `stream consumer`. */
  consumers: ReadonlyMap<string, ConsumerState>;
}>;

export async function readHubState({ hub }: Stage): Promise<HubState> {
  const { manager } = hub.hub.hub;
  const streams = new Map<string, StreamState>();
  const consumers = new Map<string, ConsumerState>();
  const names: string[] = [];
  for await (const name of manager.streams.names()) names.push(name);
  for (const name of names) {
    const { config, state } = await manager.streams.info(name, { subjects_filter: '>' });
    streams.set(name, {
      config: JSON.stringify(config),
      first: state.first_seq,
      deleted: state.num_deleted ?? 0,
      subjects: state.subjects ?? {},
    });
    for await (const info of manager.consumers.list(name)) {
      const { delivered, ack_floor: floor, num_ack_pending: pending, paused } = info;
      consumers.set(`${name} ${info.name}`, {
        config: JSON.stringify(info.config),
        progress: JSON.stringify([delivered, floor.stream_seq, pending, paused ?? false].map(steady)),
      });
    }
  }
  return { streams, consumers };
}

/** Without the times at which something last happened. */
function steady(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'stream_seq' in value ? value.stream_seq : value;
}

export type Suspects = Readonly<{
  /** Whether the hub may have gained a message on this subject meanwhile. */
  mayGrow: (subject: string) => boolean;
  /** Whether this stream's consumers stood still meanwhile. */
  stoodStill: (stream: string) => boolean;
}>;

/** What changed that no honest act explains, in words; empty where nothing did. */
export function harmBetween(before: HubState, after: HubState, suspects: Suspects): string[] {
  return [...streamHarm(before, after, suspects), ...consumerHarm(before, after, suspects)];
}

function streamHarm(before: HubState, after: HubState, { mayGrow }: Suspects): string[] {
  const come = [...after.streams.keys()].filter((name) => !before.streams.has(name));
  const harm = come.map((name) => `stream ${name} came`);
  for (const [name, was] of before.streams) {
    const is = after.streams.get(name);
    if (is === undefined) harm.push(`stream ${name} is gone`);
    else if (is.config !== was.config) harm.push(`stream ${name} was changed`);
    // A stream's first message moves its first sequence from 0 to 1.
    else if (is.first > Math.max(was.first, 1) || is.deleted !== was.deleted)
      harm.push(`stream ${name} lost messages`);
    else harm.push(...subjectHarm(was.subjects, is.subjects, mayGrow));
  }
  return harm;
}

function subjectHarm(was: Subjects, is: Subjects, mayGrow: (subject: string) => boolean): string[] {
  const lost = Object.entries(was).filter(([subject, count]) => (is[subject] ?? 0) < count);
  const more = Object.entries(is).filter(
    ([subject, count]) => count > (was[subject] ?? 0) && !mayGrow(subject),
  );
  return [
    ...lost.map(([subject]) => `${subject} lost messages`),
    ...more.map(([subject]) => `${subject} gained messages`),
  ];
}

function consumerHarm(before: HubState, after: HubState, { stoodStill }: Suspects): string[] {
  const come = [...after.consumers.keys()].filter((name) => !before.consumers.has(name));
  const harm = come.map((name) => `consumer ${name} came`);
  for (const [name, was] of before.consumers) {
    const is = after.consumers.get(name);
    const [stream = ''] = name.split(' ');
    if (is === undefined) harm.push(`consumer ${name} is gone`);
    else if (is.config !== was.config) harm.push(`consumer ${name} was changed`);
    else if (stoodStill(stream) && is.progress !== was.progress) harm.push(`consumer ${name} moved`);
  }
  return harm;
}
