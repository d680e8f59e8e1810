/** The row of a store that is written once, when it is created. */
import { ComityError } from '../errors.ts';
import type { Database } from './database.ts';

/** What a store is created with; all but the epoch is wrapped or sealed. */
export type Meta = Readonly<{ root: Uint8Array; epoch: Uint8Array; messageIdKey: Uint8Array }>;

/** Throws STORE_FAILED where it is not whole: without it nothing in the store can be read. */
export function readMeta(database: Database): Meta {
  const rows = database.prepare('SELECT name, value FROM meta').all<{ name: string; value: Uint8Array }>();
  const values = new Map(rows.map((row) => [row.name, row.value]));
  const [root, epoch, messageIdKey] = ['root', 'epoch', 'message-id-key'].map((name) => values.get(name));
  if (root === undefined || epoch === undefined || messageIdKey === undefined) {
    throw new ComityError('STORE_FAILED', 'the store has lost its keys');
  }
  return { root, epoch, messageIdKey };
}

export function writeMeta(database: Database, meta: Meta): void {
  const insert = database.prepare('INSERT INTO meta (name, value) VALUES (?, ?)');
  insert.run('root', meta.root);
  insert.run('epoch', meta.epoch);
  insert.run('message-id-key', meta.messageIdKey);
}
