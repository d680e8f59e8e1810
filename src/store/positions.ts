/** The channels of others: which positions are taken, by what, and which are missing. */
import { parseSubject } from '../subjects.ts';
import type { AgencyId } from '../types.ts';
import type { ChannelIds } from './channel-ids.ts';
import type { Database } from './database.ts';
import { createGaps, type Gaps } from './gaps.ts';
import type { ChannelState, Position, Positions, Verdict } from './port.ts';

type Context = Readonly<{ database: Database; channels: ChannelIds }>;

type PositionRow = Readonly<{
  sequence: number;
  digest: Uint8Array;
  previous: Uint8Array;
  created_ms: number;
  verdict: Verdict | null;
}>;

type StateRow = Readonly<{
  channel: number;
  first: number;
  highest: number;
  highest_digest: Uint8Array;
  taken: number;
  announced: number | null;
  announced_digest: Uint8Array | null;
}>;

const zeroDigest = new Uint8Array(32);

export function createPositions(context: Context): Positions {
  const { database, channels } = context;
  const gaps = createGaps(database);
  const states = createStates(context, gaps);
  return {
    ...createLookups(context, states),
    ...createTaking(context, gaps, states),
    channel(subject, epoch) {
      const channel = channels.find(subject, epoch);
      return channel === undefined ? undefined : states.of(channel);
    },
    channelsOf: (sender) => states.list('sender = ?', sender),
    all: () => states.list('1 = 1'),
    missing(subject, epoch, limit) {
      const channel = channels.find(subject, epoch);
      const row = channel === undefined ? undefined : states.row(channel);
      return row === undefined ? [] : gaps.list(row.channel, row.highest, limit);
    },
    ...createForks(context),
  };
}

function createLookups(
  { database, channels }: Context,
  states: States,
): Pick<Positions, 'at' | 'before' | 'after'> {
  const columns = 'SELECT sequence, digest, previous, created_ms, verdict FROM positions WHERE channel = ?';
  const statements = {
    at: database.prepare(`${columns} AND sequence = ?`),
    before: database.prepare(`${columns} AND sequence < ? ORDER BY sequence DESC LIMIT 1`),
    after: database.prepare(`${columns} AND sequence > ? ORDER BY sequence LIMIT 1`),
  };
  const look =
    (which: keyof typeof statements) =>
    (subject: string, epoch: Uint8Array, sequence: number): Position | undefined => {
      const channel = channels.find(subject, epoch);
      const highest = channel === undefined ? undefined : states.row(channel)?.highest;
      // Most messages are the next of their channel, and nothing is at or after their place.
      const free = highest === undefined || (which !== 'before' && sequence > highest);
      if (channel === undefined || free) return undefined;
      const row = statements[which].get<PositionRow>(channel, sequence);
      if (row === undefined) return undefined;
      const { digest, previous, created_ms: createdMs, verdict } = row;
      return {
        subject,
        epoch,
        sequence: row.sequence,
        digest,
        previous,
        createdMs,
        verdict: verdict ?? 'accepted',
      };
    };
  return { at: look('at'), before: look('before'), after: look('after') };
}

type States = ReturnType<typeof createStates>;

function createStates({ database, channels }: Context, gaps: Gaps) {
  const columns = 'channel, first, highest, highest_digest, taken, announced, announced_digest';
  const select = database.prepare(`SELECT ${columns} FROM peer_channels WHERE channel = ?`);
  const put = database.prepare(
    `INSERT INTO peer_channels (${columns}, sender) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (channel) DO UPDATE SET first = excluded.first, highest = excluded.highest,
       highest_digest = excluded.highest_digest, taken = excluded.taken, announced = excluded.announced,
       announced_digest = excluded.announced_digest`,
  );
  const state = (row: StateRow): ChannelState => {
    const gapSinceMs = gaps.since(row.channel);
    return {
      ...channels.name(row.channel),
      first: row.first,
      highest: row.highest,
      highestDigest: row.highest_digest,
      taken: row.taken,
      ...(row.announced === null || row.announced_digest === null
        ? {}
        : { announced: { sequence: row.announced, digest: row.announced_digest } }),
      ...(gapSinceMs === undefined ? {} : { gapSinceMs }),
    };
  };
  // Read for each message several times, and written by this connection only.
  const rows = new Map<number, StateRow>();
  database.onRollback(() => rows.clear());
  const row = (channel: number): StateRow | undefined => {
    const known = rows.get(channel) ?? select.get<StateRow>(channel);
    if (known !== undefined) rows.set(channel, known);
    return known;
  };
  return {
    row,
    of(channel: number): ChannelState | undefined {
      const found = row(channel);
      return found === undefined ? undefined : state(found);
    },
    list: (condition: string, ...values: string[]): readonly ChannelState[] =>
      database
        .prepare(`SELECT ${columns} FROM peer_channels WHERE ${condition} ORDER BY channel`)
        .all<StateRow>(...values)
        .map(state),
    put(next: StateRow): void {
      rows.set(next.channel, next);
      put.run(
        next.channel,
        next.first,
        next.highest,
        next.highest_digest,
        next.taken,
        next.announced,
        next.announced_digest,
        senderOf(channels.name(next.channel).subject),
      );
    },
  };
}

function senderOf(subject: string): AgencyId {
  const parsed = parseSubject(subject);
  if (parsed === undefined || parsed.form === 'trust')
    throw new TypeError(`\`${subject}\` is the channel of no agency`);
  return parsed.sender;
}

type Taking = Pick<Positions, 'take' | 'judge' | 'announce'>;

function createTaking({ database, channels }: Context, gaps: Gaps, states: States): Taking {
  const insert = database.prepare(
    `INSERT INTO positions (channel, sequence, digest, previous, created_ms, verdict) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (channel, sequence) DO NOTHING`,
  );
  const judge = database.prepare('UPDATE positions SET verdict = ? WHERE channel = ? AND sequence = ?');
  const stored = (verdict: Verdict): string | null => (verdict === 'accepted' ? null : verdict);

  const take = (channel: number, position: Position, nowMs: number): void => {
    const { sequence, digest } = position;
    if (!Number.isSafeInteger(sequence) || sequence < 1)
      throw new TypeError('a position is a positive integer');
    const inserted = insert.run(
      channel,
      sequence,
      digest,
      position.previous,
      position.createdMs,
      stored(position.verdict),
    );
    if (inserted === 0) throw new TypeError('the position is taken');
    const row = states.row(channel);
    if (row === undefined) {
      states.put({ ...nothingTaken(channel, sequence), highest: sequence, highest_digest: digest, taken: 1 });
      return;
    }
    const known = Math.max(row.highest, row.announced ?? 0);
    if (sequence > known) gaps.open(channel, { low: known + 1, high: sequence - 1, nowMs });
    else if (sequence < row.first) gaps.open(channel, { low: sequence + 1, high: row.first - 1, nowMs });
    else gaps.fill(channel, sequence);
    const higher = sequence > row.highest || row.taken === 0;
    states.put({
      ...row,
      first: Math.min(row.first, sequence),
      highest: higher ? sequence : row.highest,
      highest_digest: higher ? digest : row.highest_digest,
      taken: row.taken + 1,
    });
  };

  return {
    take: (position, nowMs) =>
      database.write(() => take(channels.of(position.subject, position.epoch), position, nowMs)),
    judge: (subject, epoch, sequence, verdict) =>
      database.write(() => {
        const changed = judge.run(stored(verdict), channels.of(subject, epoch), sequence);
        if (changed === 0) throw new TypeError('the position to judge is free');
      }),
    announce: (subject, epoch, head, nowMs) =>
      database.write(() => {
        const channel = channels.of(subject, epoch);
        const row = states.row(channel) ?? nothingTaken(channel, head.first ?? head.sequence + 1);
        const known = Math.max(row.highest, row.announced ?? 0);
        if (head.sequence > known)
          gaps.open(channel, { low: Math.max(known + 1, row.first), high: head.sequence, nowMs });
        const later = head.sequence > (row.announced ?? 0);
        states.put(later ? { ...row, announced: head.sequence, announced_digest: head.digest } : row);
      }),
  };
}

/** Nothing taken yet: completeness counts from `first`. */
function nothingTaken(channel: number, first: number): StateRow {
  return {
    channel,
    first,
    highest: first - 1,
    highest_digest: zeroDigest,
    taken: 0,
    announced: null,
    announced_digest: null,
  };
}

function createForks({ database, channels }: Context): Pick<Positions, 'recordFork' | 'forks'> {
  const insert = database.prepare(
    `INSERT INTO forks (channel, sequence, first, second, at_ms) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (channel, sequence, second) DO NOTHING`,
  );
  const select = database.prepare(
    'SELECT channel, sequence, first, second, at_ms AS atMs FROM forks ORDER BY at_ms, channel, sequence',
  );
  type Row = Readonly<{
    channel: number;
    sequence: number;
    first: Uint8Array;
    second: Uint8Array;
    atMs: number;
  }>;
  return {
    recordFork: (fork) =>
      database.write(() => {
        insert.run(channels.of(fork.subject, fork.epoch), fork.sequence, fork.first, fork.second, fork.nowMs);
      }),
    forks: () => select.all<Row>().map(({ channel, ...row }) => ({ ...channels.name(channel), ...row })),
  };
}
