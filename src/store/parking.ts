/** Messages that wait for something on its way; bounded for each sender. */
import { fromHex, hex } from '../bytes.ts';
import type { ErrorCode } from '../errors.ts';
import { limits } from '../limits.ts';
import type { AgencyId } from '../types.ts';
import type { Database } from './database.ts';
import type { ParkedMessage, Parking } from './port.ts';
import type { Vault } from './sealing.ts';

type Row = Readonly<{
  id: number;
  digest: Uint8Array;
  sender: AgencyId;
  subject: string;
  reason: ErrorCode;
  awaits: string;
  deliver_by_ms: number;
  parked_ms: number;
  bytes: number;
}>;
type Sealed = Readonly<{ data_key: Uint8Array; sealed: Uint8Array }>;
type Total = Readonly<{ messages: number; bytes: number }>;

const columns = 'id, digest, sender, subject, reason, awaits, deliver_by_ms, parked_ms, bytes';

export function createParking(database: Database, vault: Vault): Parking {
  const select = (condition: string) =>
    database.prepare(`SELECT ${columns} FROM parked WHERE ${condition} ORDER BY id`);
  const awaiting = select('reason = ? AND awaits = ?');
  const byDigest = select('digest = ?');
  const bySender = select('sender = ?');
  const expired = select('deliver_by_ms < ?');
  const sealed = database.prepare('SELECT data_key, sealed FROM parked WHERE id = ?');
  const remove = database.prepare('DELETE FROM parked WHERE id = ? RETURNING sender, bytes');
  const totals = createTotals(database);
  const summary = database.prepare(
    `SELECT sender, reason, count(*) AS messages, sum(bytes) AS bytes FROM parked
     GROUP BY sender, reason ORDER BY sender, reason`,
  );

  const open = (row: Row): Uint8Array => {
    const kept = sealed.get<Sealed>(row.id);
    if (kept === undefined)
      throw new TypeError('the envelope of a parked message is read before it is removed');
    return vault.open(vault.unwrap(kept.data_key), `parked ${hex(row.digest)}`, kept.sealed);
  };
  const parked = (row: Row): ParkedMessage => ({
    id: row.id,
    sender: row.sender,
    subject: row.subject,
    reason: row.reason,
    awaits: row.awaits,
    digest: hex(row.digest),
    deliverByMs: row.deliver_by_ms,
    parkedMs: row.parked_ms,
    // Opened when it is looked at: thousands may wait for one key.
    get envelope() {
      return open(row);
    },
  });
  return {
    park: createPark({ database, vault, totals, known: (digest) => byDigest.get<Row>(digest) }),
    awaiting: (reason, awaits) => awaiting.all<Row>(reason, awaits).map(parked),
    byDigest(digest) {
      const row = byDigest.get<Row>(fromHex(digest));
      return row === undefined ? undefined : parked(row);
    },
    bySender: (sender) => bySender.all<Row>(sender).map(parked),
    remove: (id) =>
      database.write(() => {
        const row = remove.get<{ sender: AgencyId; bytes: number }>(id);
        if (row !== undefined) totals.add(row.sender, { messages: -1, bytes: -row.bytes });
      }),
    expired: (nowMs) => expired.all<Row>(nowMs).map(parked),
    summary: () => summary.all(),
  };
}

function createTotals(database: Database) {
  const select = database.prepare('SELECT messages, bytes FROM parked_totals WHERE sender = ?');
  const add = database.prepare(
    `INSERT INTO parked_totals (sender, messages, bytes) VALUES (?, ?, ?)
     ON CONFLICT (sender) DO UPDATE SET messages = messages + excluded.messages, bytes = bytes + excluded.bytes`,
  );
  return {
    of: (sender: AgencyId): Total => select.get<Total>(sender) ?? { messages: 0, bytes: 0 },
    add: (sender: AgencyId, o: Total): void => void add.run(sender, o.messages, o.bytes),
  };
}

type Parts = Readonly<{
  database: Database;
  vault: Vault;
  totals: ReturnType<typeof createTotals>;
  known: (digest: Uint8Array) => Row | undefined;
}>;

function createPark({ database, vault, totals, known }: Parts): Parking['park'] {
  const insert = database.prepare(
    `INSERT INTO parked (digest, sender, subject, reason, awaits, deliver_by_ms, parked_ms, bytes, data_key, sealed)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const wait = database.prepare('UPDATE parked SET reason = ?, awaits = ? WHERE id = ?');
  return (row) =>
    database.write(() => {
      const digest = fromHex(row.digest);
      const earlier = known(digest);
      if (earlier !== undefined) {
        // It may have to wait for something else by now.
        wait.run(row.reason, row.awaits, earlier.id);
        return true;
      }
      const total = totals.of(row.sender);
      const bytes = row.envelope.length;
      if (total.messages + 1 > limits.parkedMessagesMax || total.bytes + bytes > limits.parkedBytesMax)
        return false;
      const { key, wrapped } = vault.newDataKey();
      insert.run(
        digest,
        row.sender,
        row.subject,
        row.reason,
        row.awaits,
        row.deliverByMs,
        row.parkedMs,
        bytes,
        wrapped,
        vault.seal(key, `parked ${row.digest}`, row.envelope),
      );
      totals.add(row.sender, { messages: 1, bytes });
      return true;
    });
}
