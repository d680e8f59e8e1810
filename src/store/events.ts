/** What subscribers are told; they are called after the commit, never before. */
import type { Kind, Lane } from '../types.ts';
import type { Database } from './database.ts';
import type { Events, StoredEvent } from './port.ts';

type Row = Readonly<{
  id: number;
  type: string;
  message: string | null;
  kind: Kind | null;
  lane: Lane | null;
  facts: string;
  at_ms: number;
}>;

export function createEvents(database: Database): Events {
  const insert = database.prepare(
    'INSERT INTO events (type, message, kind, lane, facts, at_ms) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const after = database.prepare(
    'SELECT id, type, message, kind, lane, facts, at_ms FROM events WHERE id > ? ORDER BY id LIMIT ?',
  );
  const last = database.prepare('SELECT max(id) AS id FROM events');
  const listeners = new Set<() => void>();
  let appended = false;
  database.onRollback(() => {
    appended = false;
  });
  database.onCommit(() => {
    if (!appended) return;
    appended = false;
    for (const run of [...listeners]) run();
  });
  return {
    append: (event) =>
      database.write(() => {
        appended = true;
        return insert.insert(
          event.type,
          event.message ?? null,
          event.kind ?? null,
          event.lane ?? null,
          JSON.stringify(event.facts),
          event.atMs,
        );
      }),
    after: (id, limit) => after.all<Row>(id, limit).map(stored),
    lastId: () => last.get<{ id: number | null }>()?.id ?? 0,
    onCommit(run) {
      const listener = () => run();
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function stored(row: Row): StoredEvent {
  return {
    id: row.id,
    type: row.type,
    ...(row.message === null ? {} : { message: row.message }),
    ...(row.kind === null ? {} : { kind: row.kind }),
    ...(row.lane === null ? {} : { lane: row.lane }),
    facts: JSON.parse(row.facts) as StoredEvent['facts'],
    atMs: row.at_ms,
  };
}
