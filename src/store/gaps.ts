/**
 * Free positions of the channels of others, as ranges: from the starting point to the highest position
 * that was taken or announced. Each range keeps when it was noticed.
 */
import type { Database } from './database.ts';

export interface Gaps {
  /** Notes that low…high are free; nothing where low is above high. */
  open(channel: number, o: Readonly<{ low: number; high: number; nowMs: number }>): void;
  /** A position inside a range is free no more. */
  fill(channel: number, sequence: number): void;
  /** When the oldest range that is still open was noticed. */
  since(channel: number): number | undefined;
  /** Free positions up to `highest`; at most `limit`. */
  list(channel: number, highest: number, limit: number): readonly number[];
}

type Row = Readonly<{ low: number; high: number; since_ms: number }>;

export function createGaps(database: Database): Gaps {
  const insert = database.prepare('INSERT INTO gaps (channel, low, high, since_ms) VALUES (?, ?, ?, ?)');
  const holding = database.prepare(
    'SELECT low, high, since_ms FROM gaps WHERE channel = ? AND low <= ? ORDER BY low DESC LIMIT 1',
  );
  const drop = database.prepare('DELETE FROM gaps WHERE channel = ? AND low = ?');
  const oldest = database.prepare('SELECT min(since_ms) AS since_ms FROM gaps WHERE channel = ?');
  const ranges = database.prepare(
    'SELECT low, high, since_ms FROM gaps WHERE channel = ? AND low <= ? ORDER BY low LIMIT ?',
  );
  const open = (channel: number, low: number, high: number, sinceMs: number): void => {
    if (low <= high) insert.run(channel, low, high, sinceMs);
  };
  return {
    open: (channel, { low, high, nowMs }) => open(channel, low, high, nowMs),
    fill(channel, sequence) {
      const range = holding.get<Row>(channel, sequence);
      if (range === undefined || range.high < sequence) return;
      drop.run(channel, range.low);
      open(channel, range.low, sequence - 1, range.since_ms);
      open(channel, sequence + 1, range.high, range.since_ms);
    },
    since: (channel) => oldest.get<{ since_ms: number | null }>(channel)?.since_ms ?? undefined,
    list(channel, highest, limit) {
      const found: number[] = [];
      for (const { low, high } of ranges.all<Row>(channel, highest, limit)) {
        for (let at = low; at <= Math.min(high, highest) && found.length < limit; at += 1) found.push(at);
      }
      return found;
    },
  };
}
