/** Our own channels: heads, and for ever the digest at each position. */
import type { ChannelIds } from './channel-ids.ts';
import type { Database } from './database.ts';
import type { Channels, Head } from './port.ts';

type Row = Readonly<{ channel: number; sequence: number; digest: Uint8Array; created_ms: number }>;

export function createChannels(
  context: Readonly<{ database: Database; channels: ChannelIds; epoch: Uint8Array }>,
): Channels {
  const { database, channels, epoch } = context;
  const select = database.prepare('SELECT sequence, digest, created_ms FROM own_heads WHERE channel = ?');
  const put = database.prepare(
    `INSERT INTO own_heads (channel, sequence, digest, created_ms) VALUES (?, ?, ?, ?)
     ON CONFLICT (channel) DO UPDATE SET sequence = excluded.sequence, digest = excluded.digest,
       created_ms = excluded.created_ms`,
  );
  const keep = database.prepare('INSERT INTO own_positions (channel, sequence, digest) VALUES (?, ?, ?)');
  const digest = database.prepare('SELECT digest FROM own_positions WHERE channel = ? AND sequence = ?');
  const all = database.prepare(
    `SELECT c.subject, h.sequence, h.digest, h.created_ms FROM own_heads h JOIN channels c ON c.id = h.channel
     WHERE c.epoch = ? ORDER BY c.subject`,
  );
  const head = (row: Pick<Row, 'sequence' | 'digest' | 'created_ms'>): Head => ({
    sequence: row.sequence,
    digest: row.digest,
    createdMs: row.created_ms,
  });
  const headOf = (subject: string): Head | undefined => {
    const channel = channels.find(subject, epoch);
    const row = channel === undefined ? undefined : select.get<Row>(channel);
    return row === undefined ? undefined : head(row);
  };
  return {
    head: headOf,
    advance: (subject, next) =>
      database.write(() => {
        const expected = (headOf(subject)?.sequence ?? 0) + 1;
        if (next.sequence !== expected) {
          throw new TypeError(`the next position of \`${subject}\` is ${expected}, not ${next.sequence}`);
        }
        const channel = channels.of(subject, epoch);
        put.run(channel, next.sequence, next.digest, next.createdMs);
        keep.run(channel, next.sequence, next.digest);
      }),
    digestAt(subject, ofEpoch, sequence) {
      const channel = channels.find(subject, ofEpoch);
      return channel === undefined ? undefined : digest.get<Row>(channel, sequence)?.digest;
    },
    heads: () =>
      all.all<Row & { subject: string }>(epoch).map((row) => ({ subject: row.subject, head: head(row) })),
  };
}
