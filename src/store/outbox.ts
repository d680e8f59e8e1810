/** What is to leave, in order, until the hub has it and its recipients have receipted it. */
import type { Clock } from '../clock.ts';
import { limits } from '../limits.ts';
import type { Lane } from '../types.ts';
import type { ChannelIds } from './channel-ids.ts';
import type { Database } from './database.ts';
import type { Envelopes, SealedEnvelope } from './envelopes.ts';
import type { Outbox, OutboxRow } from './port.ts';
import { hubParty, type Reached } from './reached.ts';

type Context = Readonly<{
  database: Database;
  channels: ChannelIds;
  envelopes: Envelopes;
  reached: Reached;
  clock: Clock;
}>;

type Row = SealedEnvelope &
  Readonly<{
    id: number;
    channel: number;
    sequence: number;
    message_id_header: string;
    deliver_by_ms: number;
    bytes: number;
  }>;

type Waiting = { stream: string; lane: Lane; rows: number };
type Marked = Readonly<{ channel: number; sequence: number; stream: string; lane: Lane }>;

export function createOutbox(context: Context): Outbox {
  const { database, channels, envelopes, clock } = context;
  const counts = createCounts(database);
  const insert = database.prepare(
    `INSERT INTO outbox (stream, lane, channel, sequence, envelope, message_id_header, deliver_by_ms, at_ms, bytes, sent)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)`,
  );
  const oldest = database.prepare(
    'SELECT at_ms FROM outbox WHERE sent = 0 AND stream = ? AND lane = ? ORDER BY id LIMIT 1',
  );
  const next = database.prepare(
    `SELECT o.id, o.channel, o.sequence, o.message_id_header, o.deliver_by_ms, o.bytes, e.digest, e.data_key, e.sealed
     FROM outbox o JOIN envelopes e ON e.id = o.envelope
     WHERE o.sent = 0 AND o.stream = ? AND o.lane = ? ORDER BY o.id LIMIT ?`,
  );
  const overdue = database.prepare(
    `SELECT o.channel, o.sequence, e.digest FROM outbox o JOIN envelopes e ON e.id = o.envelope
     WHERE o.sent = 0 AND o.deliver_by_ms < ? ORDER BY o.deliver_by_ms LIMIT ?`,
  );
  const fence = database.prepare('SELECT stream_sequence FROM fences WHERE subject = ?');
  const marking = createMarking(context, counts);
  return {
    append: (row) =>
      database.write(() => {
        counts.ready();
        const id = insert.insert(
          row.stream,
          row.lane,
          channels.of(row.subject, row.epoch),
          row.sequence,
          envelopes.keep(row.digest, row.envelope).id,
          row.messageIdHeader,
          row.deliverByMs,
          clock.nowMs(),
          row.envelope.length,
        );
        counts.add(row.stream, row.lane, 1);
        return id;
      }),
    waiting: () =>
      counts.all().map((row) => ({
        ...row,
        oldestMs: oldest.get<{ at_ms: number }>(row.stream, row.lane)?.at_ms ?? 0,
      })),
    next(stream, lane, rowsMax, bytesMax) {
      const rows: OutboxRow[] = [];
      let bytes = 0;
      for (const row of next.iterate<Row>(stream, lane, rowsMax)) {
        bytes += row.bytes;
        if (rows.length > 0 && bytes > bytesMax) break;
        rows.push({ ...outboxRow(context, row), stream, lane });
      }
      return rows;
    },
    ...marking,
    fence: (subject) => fence.get<{ stream_sequence: number }>(subject)?.stream_sequence,
    unsent: () => counts.all().reduce((sum, row) => sum + row.rows, 0),
    overdue: (nowMs, limit) =>
      overdue
        .all<Pick<Row, 'channel' | 'sequence' | 'digest'>>(nowMs, limit)
        .map(({ channel, sequence, digest }) => ({
          subject: channels.name(channel).subject,
          sequence,
          digest,
        })),
    prune: createPrune(context, counts),
  };
}

function outboxRow({ channels, envelopes }: Context, row: Row): Omit<OutboxRow, 'stream' | 'lane'> {
  const envelope = envelopes.open(row);
  if (envelope === undefined) throw new TypeError(`row ${row.id} of the outbox has lost its envelope`);
  return {
    id: row.id,
    ...channels.name(row.channel),
    sequence: row.sequence,
    digest: row.digest,
    messageIdHeader: row.message_id_header,
    deliverByMs: row.deliver_by_ms,
    envelope,
  };
}

/** Unsent rows by stream and lane, counted once and then kept up. */
function createCounts(database: Database) {
  let counts: Map<string, Waiting> | undefined;
  database.onRollback(() => {
    counts = undefined;
  });
  const load = (): Map<string, Waiting> => {
    if (counts !== undefined) return counts;
    const rows = database
      .prepare('SELECT stream, lane, count(*) AS rows FROM outbox WHERE sent = 0 GROUP BY stream, lane')
      .all<Waiting>();
    counts = new Map(rows.map((row) => [`${row.lane} ${row.stream}`, { ...row }]));
    return counts;
  };
  return {
    /** Called before the first row of an operation changes, so that no row is counted twice. */
    ready: (): void => void load(),
    add(stream: string, lane: Lane, rows: number): void {
      const known = load().get(`${lane} ${stream}`);
      if (known === undefined) load().set(`${lane} ${stream}`, { stream, lane, rows });
      else known.rows += rows;
    },
    all: (): readonly Waiting[] => [...load().values()].filter((row) => row.rows > 0),
  };
}

type Counts = ReturnType<typeof createCounts>;

function createMarking(context: Context, counts: Counts) {
  const { database, channels, reached, clock } = context;
  const mark = database.prepare(
    'UPDATE outbox SET sent = 1 WHERE id = ? AND sent = 0 RETURNING channel, sequence, stream, lane',
  );
  const markUpTo = database.prepare(
    `UPDATE outbox SET sent = 1 WHERE channel = ? AND sequence <= ? AND sent = 0
     RETURNING channel, sequence, stream, lane`,
  );
  const setFence = database.prepare(
    `INSERT INTO fences (subject, stream_sequence) VALUES (?, ?)
     ON CONFLICT (subject) DO UPDATE SET stream_sequence = excluded.stream_sequence`,
  );
  const note = (marked: readonly Marked[]): void => {
    const highest = new Map<number, number>();
    for (const { channel, sequence, stream, lane } of marked) {
      counts.add(stream, lane, -1);
      highest.set(channel, Math.max(highest.get(channel) ?? 0, sequence));
    }
    for (const [channel, sequence] of highest) {
      if (sequence > 0) reached.advance(channel, hubParty, { upTo: sequence, nowMs: clock.nowMs() });
    }
  };
  const markSent: Outbox['markSent'] = (rows) =>
    database.write(() => {
      counts.ready();
      const fences = new Map<string, number>();
      const marked: Marked[] = [];
      for (const row of rows) {
        const found = mark.get<Marked>(row.id);
        if (found !== undefined) marked.push(found);
        fences.set(row.subject, Math.max(fences.get(row.subject) ?? 0, row.streamSequence));
      }
      for (const [subject, sequence] of fences) setFence.run(subject, sequence);
      note(marked);
    });
  return {
    markSent,
    markSentUpTo: (subject: string, epoch: Uint8Array, sequence: number, streamSequence: number): void =>
      database.write(() => {
        counts.ready();
        note(markUpTo.all<Marked>(channels.of(subject, epoch), sequence));
        setFence.run(subject, streamSequence);
      }),
    setFence: (subject: string, streamSequence: number): void => {
      database.write(() => setFence.run(subject, streamSequence));
    },
  };
}

type PruneRow = Readonly<{ id: number; envelope: number; sent: number; stream: string; lane: Lane }>;

/**
 * A row stays while a recipient may still ask for it: one that has not receipted it, or has reported it
 * as missing or waiting. Rows that nobody receipts (receipts, beats) go when they are sent.
 */
function createPrune({ database, envelopes, reached }: Context, counts: Counts): Outbox['prune'] {
  const columns = 'o.id, o.envelope, o.sent, o.stream, o.lane';
  const expired = database.prepare(
    `SELECT ${columns} FROM outbox o WHERE o.deliver_by_ms < ? ORDER BY o.deliver_by_ms LIMIT ?`,
  );
  const unawaited = database.prepare(
    `SELECT ${columns} FROM outbox o WHERE o.channel = ? AND o.sent = 1
       AND NOT EXISTS (SELECT 1 FROM expected x WHERE x.channel = o.channel AND x.sequence = o.sequence) LIMIT ?`,
  );
  const receipted = database.prepare(
    `SELECT ${columns} FROM outbox o JOIN expected x ON x.channel = o.channel AND x.sequence = o.sequence
     WHERE o.channel = ? AND o.sent = 1 AND o.sequence <= ? AND x.recipients = ?
       AND NOT EXISTS (SELECT 1 FROM exceptions e WHERE e.channel = o.channel AND e.sequence = o.sequence
         AND (e.code = 'MISSING' OR e.code LIKE 'AWAITING%')) LIMIT ?`,
  );
  const channelsWithRows = database.prepare('SELECT DISTINCT channel FROM outbox');
  const drop = database.prepare('DELETE FROM outbox WHERE id = ?');
  return (nowMs) =>
    database.write(() => {
      counts.ready();
      let dropped = 0;
      const dropAll = (rows: readonly PruneRow[]): void => {
        for (const row of rows) {
          if (drop.run(row.id) === 0) continue;
          envelopes.release(row.envelope);
          if (row.sent === 0) counts.add(row.stream, row.lane, -1);
          dropped += 1;
        }
      };
      const room = () => limits.outboxPruneRowsMax - dropped;
      dropAll(expired.all<PruneRow>(nowMs, room()));
      for (const { channel } of channelsWithRows.all<{ channel: number }>()) {
        if (room() <= 0) break;
        dropAll(unawaited.all<PruneRow>(channel, room()));
        for (const { recipients, upTo } of reached.floors(channel)) {
          if (room() > 0) dropAll(receipted.all<PruneRow>(channel, upTo, recipients, room()));
        }
      }
      return dropped;
    });
}
