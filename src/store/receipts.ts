/**
 * What became of our messages at each recipient, and which receipts we owe. A receipt is cumulative, so
 * applying one writes one row for its channel and one for each exception, however many messages it covers.
 */
import { uuidText } from '../ids.ts';
import type { AgencyId } from '../types.ts';
import type { ChannelIds } from './channel-ids.ts';
import type { Database } from './database.ts';
import { messageIdBytes } from './message-rows.ts';
import type { ReceiptException, Receipts, RecipientState } from './port.ts';
import { hubParty, type Member, type Reached } from './reached.ts';

type Context = Readonly<{ database: Database; channels: ChannelIds; reached: Reached }>;
type Expected = Readonly<{ channel: number; sequence: number; recipients: number; at_ms: number }>;
type Exception = Readonly<{ code: string; at_ms: number }>;

/** The exception that mends an earlier one. */
const mended = 'OK';

export function createReceipts(context: Context): Receipts {
  const { database, channels, reached } = context;
  return {
    expect: createExpect(context),
    recipients: createRecipients(context),
    apply: createApply(context),
    receiptedUpTo(peer, subject, epoch) {
      const channel = channels.find(subject, epoch);
      return channel === undefined ? 0 : reached.upTo(channel, peer);
    },
    ...createDue(context),
    silent: () => silent(database, reached),
  };
}

function requireMessageId(message: string): Uint8Array {
  const id = messageIdBytes(message);
  if (id === undefined) throw new TypeError(`\`${message}\` is not the id of a message: expected a UUIDv7`);
  return id;
}

function createExpect({ database, channels, reached }: Context): Receipts['expect'] {
  const track = database.prepare('INSERT INTO tracked (message) VALUES (?) ON CONFLICT (message) DO NOTHING');
  const tracked = database.prepare('SELECT id FROM tracked WHERE message = ?');
  const select = database.prepare('SELECT recipients FROM expected WHERE channel = ? AND sequence = ?');
  const insert = database.prepare(
    `INSERT INTO expected (channel, sequence, message, recipients, at_ms) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (channel, sequence) DO UPDATE SET recipients = excluded.recipients`,
  );
  const await_ = database.prepare(
    'INSERT INTO expected_peers (channel, peer) VALUES (?, ?) ON CONFLICT (channel, peer) DO NOTHING',
  );
  const awaited = new Set<string>();
  database.onRollback(() => awaited.clear());
  const notePeers = (channel: number, members: readonly Member[]): void => {
    for (const { agency, state } of members) {
      const key = `${channel} ${agency}`;
      if (state !== 'sent' || awaited.has(key)) continue;
      await_.run(channel, agency);
      awaited.add(key);
    }
  };
  return (message, rows, nowMs) =>
    database.write(() => {
      const id = requireMessageId(message);
      track.run(id);
      const number = tracked.get<{ id: number }>(id)?.id ?? 0;
      const places = Map.groupBy(rows, (row) => `${channels.of(row.subject, row.epoch)} ${row.sequence}`);
      for (const [place, members] of places) {
        const [channel = 0, sequence = 0] = place.split(' ').map(Number);
        const known = select.get<Expected>(channel, sequence);
        const all = new Map(
          (known === undefined ? [] : reached.members(known.recipients)).map((row) => [row.agency, row]),
        );
        for (const { agency, fields, state } of members) all.set(agency, { agency, fields, state });
        insert.run(channel, sequence, number, reached.setOf([...all.values()]), nowMs);
        notePeers(channel, members);
      }
    });
}

function createRecipients({ database, reached }: Context): Receipts['recipients'] {
  const places = database.prepare(
    `SELECT x.channel, x.sequence, x.recipients, x.at_ms FROM expected x JOIN tracked t ON t.id = x.message
     WHERE t.message = ? ORDER BY x.channel, x.sequence`,
  );
  const exception = database.prepare(
    'SELECT code, at_ms FROM exceptions WHERE channel = ? AND sequence = ? AND peer = ?',
  );
  const stateOf = (place: Expected, { agency, fields, state }: Member): RecipientState => {
    const { channel, sequence } = place;
    const told = (known: RecipientState['state'], sinceMs: number, code?: string): RecipientState => ({
      agency,
      state: known,
      ...(code === undefined ? {} : { code }),
      sinceMs,
      fields,
    });
    if (state === 'no-keys') return told('no-keys', place.at_ms);
    const reported = exception.get<Exception>(channel, sequence, agency);
    if (reported?.code === mended) return told('arrived', reported.at_ms);
    if (reported !== undefined)
      return told(waits(reported.code) ? 'waiting' : 'refused', reported.at_ms, reported.code);
    const arrived = reached.since(channel, agency, sequence);
    if (arrived !== undefined) return told('arrived', arrived);
    const published = reached.since(channel, hubParty, sequence);
    return published === undefined ? told('sent', place.at_ms) : told('published', published);
  };
  return (message) => {
    const id = messageIdBytes(message);
    if (id === undefined) return [];
    return places
      .all<Expected>(id)
      .flatMap((place) => reached.members(place.recipients).map((member) => stateOf(place, member)))
      .toSorted((a, b) => (a.agency < b.agency ? -1 : 1));
  };
}

/** MISSING is asked for again; what awaits something is judged later. */
function waits(code: string): boolean {
  return code === 'MISSING' || code.startsWith('AWAITING_');
}

function createApply({ database, channels, reached }: Context): Receipts['apply'] {
  const covered = database.prepare(
    `SELECT t.message, x.recipients FROM expected x JOIN tracked t ON t.id = x.message
     WHERE x.channel = ? AND x.sequence > ? AND x.sequence <= ? ORDER BY x.sequence`,
  );
  const at = database.prepare(
    `SELECT t.message, x.recipients FROM expected x JOIN tracked t ON t.id = x.message
     WHERE x.channel = ? AND x.sequence = ?`,
  );
  const put = database.prepare(
    `INSERT INTO exceptions (channel, sequence, peer, code, at_ms) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (channel, sequence, peer) DO UPDATE SET code = excluded.code, at_ms = excluded.at_ms
     WHERE code <> excluded.code`,
  );
  type Row = Readonly<{ message: Uint8Array; recipients: number }>;
  const awaits = (row: Row, peer: AgencyId): boolean =>
    reached.members(row.recipients).some(({ agency, state }) => agency === peer && state === 'sent');
  return (peer, o, exceptions, nowMs) =>
    database.write(() => {
      const changed = new Set<string>();
      const channel = channels.find(o.subject, o.epoch);
      if (channel !== undefined && o.upTo > reached.upTo(channel, peer)) {
        const former = reached.advance(channel, peer, { upTo: o.upTo, nowMs });
        for (const row of covered.all<Row>(channel, former, o.upTo)) {
          if (awaits(row, peer)) changed.add(uuidText(row.message));
        }
      }
      for (const { subject, epoch, sequence, code } of exceptions) {
        // What the peer was never sent it cannot report on: nothing is kept of it.
        const place = channels.find(subject, epoch);
        const row = place === undefined ? undefined : at.get<Row>(place, sequence);
        if (place === undefined || row === undefined || !awaits(row, peer)) continue;
        if (put.run(place, sequence, peer, code, nowMs) > 0) changed.add(uuidText(row.message));
      }
      return [...changed];
    });
}

type Due = Pick<Receipts, 'due' | 'note' | 'takeDue'>;

function createDue({ database, channels }: Context): Due {
  const due = database.prepare(
    'SELECT peer FROM due_channels UNION SELECT peer FROM due_exceptions ORDER BY peer',
  );
  const note = database.prepare(
    'INSERT INTO due_channels (peer, channel) VALUES (?, ?) ON CONFLICT (peer, channel) DO NOTHING',
  );
  const except = database.prepare(
    `INSERT INTO due_exceptions (peer, channel, sequence, code) VALUES (?, ?, ?, ?)
     ON CONFLICT (peer, channel, sequence) DO UPDATE SET code = excluded.code`,
  );
  const channelsDue = database.prepare(
    'SELECT channel FROM due_channels WHERE peer = ? ORDER BY channel LIMIT ?',
  );
  const dropChannel = database.prepare('DELETE FROM due_channels WHERE peer = ? AND channel = ?');
  const exceptions = database.prepare(
    'SELECT channel, sequence, code FROM due_exceptions WHERE peer = ? ORDER BY channel, sequence LIMIT ?',
  );
  const drop = database.prepare('DELETE FROM due_exceptions WHERE peer = ? AND channel = ? AND sequence = ?');
  type Row = Readonly<{ channel: number; sequence: number; code: string }>;
  const named = (row: Row): ReceiptException => ({
    ...channels.name(row.channel),
    sequence: row.sequence,
    code: row.code,
  });
  return {
    due: () => due.all<{ peer: AgencyId }>().map(({ peer }) => peer),
    note: (peer, subject, epoch, exception) =>
      database.write(() => {
        const channel = channels.of(subject, epoch);
        note.run(peer, channel);
        if (exception !== undefined) except.run(peer, channel, exception.sequence, exception.code);
      }),
    takeDue: (peer, limit) =>
      database.write(() => {
        const taken = exceptions.all<Row>(peer, limit);
        for (const row of taken) drop.run(peer, row.channel, row.sequence);
        const told = new Set(taken.map(({ channel }) => channel));
        for (const { channel } of channelsDue.all<{ channel: number }>(peer, limit)) {
          if (told.size < limit) told.add(channel);
        }
        for (const channel of told) dropChannel.run(peer, channel);
        return { channels: [...told].map(channels.name), exceptions: taken.map(named) };
      }),
  };
}

function silent(database: Database, reached: Reached): ReturnType<Receipts['silent']> {
  const pairs = database.prepare('SELECT channel, peer FROM expected_peers ORDER BY peer, channel');
  const unreceipted = database.prepare(
    `SELECT recipients, count(*) AS messages, min(sequence) AS oldest FROM expected
     WHERE channel = ? AND sequence > ? AND sequence <= ? GROUP BY recipients`,
  );
  const found = new Map<AgencyId, { messages: number; oldestMs: number }>();
  for (const { channel, peer } of pairs.all<{ channel: number; peer: AgencyId }>()) {
    const from = reached.upTo(channel, peer);
    const to = reached.upTo(channel, hubParty);
    if (from >= to) continue;
    for (const row of unreceipted.all<{ recipients: number; messages: number; oldest: number }>(
      channel,
      from,
      to,
    )) {
      if (!reached.members(row.recipients).some(({ agency, state }) => agency === peer && state === 'sent'))
        continue;
      const atMs = reached.since(channel, hubParty, row.oldest) ?? 0;
      const known = found.get(peer) ?? { messages: 0, oldestMs: atMs };
      found.set(peer, { messages: known.messages + row.messages, oldestMs: Math.min(known.oldestMs, atMs) });
    }
  }
  return [...found].map(([agency, row]) => ({ agency, ...row }));
}
