/** Channels by number: a subject and an epoch, written once and remembered. */
import { hex } from '../bytes.ts';
import type { Database } from './database.ts';

export type ChannelName = Readonly<{ subject: string; epoch: Uint8Array }>;

export interface ChannelIds {
  /** The channel's number; drawn where it is new. */
  of(subject: string, epoch: Uint8Array): number;
  find(subject: string, epoch: Uint8Array): number | undefined;
  name(id: number): ChannelName;
  /** Numbers of a subject's channels, of every epoch. */
  ofSubject(subject: string): readonly number[];
}

type Row = Readonly<{ id: number; subject: string; epoch: Uint8Array }>;

export function createChannelIds(database: Database): ChannelIds {
  const byName = new Map<string, number>();
  const byId = new Map<number, ChannelName>();
  const select = database.prepare('SELECT id FROM channels WHERE subject = ? AND epoch = ?');
  const selectName = database.prepare('SELECT id, subject, epoch FROM channels WHERE id = ?');
  const selectSubject = database.prepare('SELECT id FROM channels WHERE subject = ? ORDER BY id');
  database.onRollback(() => {
    byName.clear();
    byId.clear();
  });

  const find = (subject: string, epoch: Uint8Array): number | undefined => {
    const key = `${subject} ${hex(epoch)}`;
    const known = byName.get(key);
    if (known !== undefined) return known;
    const id = select.get<Row>(subject, epoch)?.id;
    if (id !== undefined) byName.set(key, id);
    return id;
  };
  return {
    find,
    of(subject, epoch) {
      const known = find(subject, epoch);
      if (known !== undefined) return known;
      const id = database
        .prepare('INSERT INTO channels (subject, epoch) VALUES (?, ?)')
        .insert(subject, epoch);
      byName.set(`${subject} ${hex(epoch)}`, id);
      return id;
    },
    name(id) {
      const known = byId.get(id);
      if (known !== undefined) return known;
      const row = selectName.get<Row>(id);
      if (row === undefined) throw new TypeError(`no channel has the number ${id}`);
      const name = { subject: row.subject, epoch: row.epoch };
      byId.set(id, name);
      return name;
    },
    ofSubject: (subject) => selectSubject.all<Row>(subject).map((row) => row.id),
  };
}
