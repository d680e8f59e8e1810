/** The bare peers: the same bytes with the same durability, and nothing else. */

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AckPolicy, type JsMsg, StorageType } from '@nats-io/jetstream';
import type { DevelopmentHub } from '../src/transport/index.ts';
import { inFlight } from './measure.ts';

const stream = 'BENCH_PEER';
const subject = 'bench.peer';

/** A stream like those of the layout: a file, synced before each acknowledgement by the server's configuration. */
export async function addPeerStream({ hub }: DevelopmentHub): Promise<void> {
  await hub.manager.streams.add({
    name: stream,
    subjects: [subject],
    storage: StorageType.File,
    allow_direct: true,
    max_bytes: 1024 * 1024 * 1024,
  });
}

export type BarePublishing = Readonly<{ data: Uint8Array; count: number; window: number; round: string }>;

/** Single publishes with a message id; messages a second. */
export async function barePublish({ hub }: DevelopmentHub, o: BarePublishing): Promise<number> {
  const start = performance.now();
  await inFlight(o.count, o.window, (index) =>
    hub.jetstream.publish(subject, o.data, { msgID: `${o.round}-${index}`, timeout: 20_000 }),
  );
  return o.count / ((performance.now() - start) / 1000);
}

export type BareConsuming = Readonly<{
  stream: string;
  /** What the consumer takes of the stream. */
  filter: string;
  count: number;
  /** Messages to one transaction. */
  batch: number;
  directory: string;
  round: string;
}>;

/** Consumes, inserts the bytes in batches, each durable before it is acknowledged; messages a second. */
export async function bareReceive({ hub }: DevelopmentHub, o: BareConsuming): Promise<number> {
  const { name } = await hub.manager.consumers.add(o.stream, {
    durable_name: `peer_${o.round}`,
    filter_subject: o.filter,
    ack_policy: AckPolicy.Explicit,
    max_ack_pending: 2048,
  });
  const database = new DatabaseSync(join(o.directory, `peer-${o.round}.sqlite`));
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE messages (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT`);
  const insert = database.prepare('INSERT INTO messages (bytes) VALUES (?)');
  const keep = (held: readonly JsMsg[]): void => {
    database.exec('BEGIN IMMEDIATE');
    for (const { data } of held) insert.run(data);
    database.exec('COMMIT');
    for (const message of held) message.ack();
  };
  const consumer = await hub.jetstream.consumers.get(o.stream, name);
  const start = performance.now();
  const messages = await consumer.consume({ max_messages: Math.max(256, 2 * o.batch) });
  let held: JsMsg[] = [];
  let seen = 0;
  for await (const message of messages) {
    held.push(message);
    seen += 1;
    if (held.length === o.batch || seen === o.count) {
      keep(held);
      held = [];
    }
    if (seen === o.count) break;
  }
  await hub.connection.flush();
  const rate = o.count / ((performance.now() - start) / 1000);
  await messages.close();
  database.close();
  await hub.manager.consumers.delete(o.stream, name);
  return rate;
}

type Pace = (
  count: number,
  work: (index: number) => Promise<{ id: string }>,
) => Promise<readonly Readonly<{ id: string; dueMs: number }>[]>;

/** Milliseconds from each publish to its delivery, both bare, at the pace given. */
export async function bareDelivery(
  { hub }: DevelopmentHub,
  o: Readonly<{ data: Uint8Array; count: number }>,
  atPace: Pace,
): Promise<readonly number[]> {
  const name = 'peer_latency';
  await hub.manager.consumers.add(stream, { durable_name: name, ack_policy: AckPolicy.Explicit });
  const consumer = await hub.jetstream.consumers.get(stream, name);
  const messages = await consumer.consume();
  const arrived = new Map<string, number>();
  const receiving = (async () => {
    for await (const message of messages) {
      arrived.set(message.headers?.get('Nats-Msg-Id') ?? '', performance.now());
      message.ack();
      if (arrived.size === o.count) return;
    }
  })();
  const sent = await atPace(o.count, async (index) => {
    const id = `latency-${index}`;
    await hub.jetstream.publish(subject, o.data, { msgID: id, timeout: 20_000 });
    return { id };
  });
  await receiving;
  await messages.close();
  return sent.map(({ id, dueMs }) => (arrived.get(id) ?? Number.NaN) - dueMs);
}
