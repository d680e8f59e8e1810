/**
 * The full-text index: a file of its own, rebuildable, never backed up. It has a row for each section,
 * so that what a reader may not read is not matched. It is written after the messages: `caughtUp` says
 * up to which cursor, and what is missing after a crash is added when the store opens or is searched.
 */
import { DatabaseSync } from 'node:sqlite';
import { equalBytes } from '../bytes.ts';
import { Database } from './database.ts';
import {
  type MessageRow,
  placesPerMessage,
  type RowContext,
  sectionTexts,
  selectMessages,
} from './message-rows.ts';

/** `id` is the message's cursor * 64 + the place of the section. */
export type Found = Readonly<{ id: number; readClass: number; shape: number }>;

export type HitRange = Readonly<{
  low: number;
  high: number;
  newestFirst: boolean;
  /** Groups of read classes (`c1`) and shapes (`s1`) of which a hit has one each. */
  terms: readonly (readonly string[])[];
}>;

export interface Search {
  /** Sections in which all words occur, ordered by id. A word is matched whole; case and accents do not count. */
  hits(words: readonly string[], range: HitRange): IterableIterator<Found>;
}

export interface SearchIndex extends Search {
  /** Adds at most `messagesMax` messages that the index lacks; returns whether it lacks more. */
  catchUp(context: RowContext, messagesMax: number): boolean;
  /** Takes a message's words out of the index and its files. */
  forget(context: RowContext, row: MessageRow): void;
  /** Empties the index; `catchUp` fills it again. */
  clear(): void;
  close(): void;
}

const schema = `
CREATE VIRTUAL TABLE words USING fts5 (text, tags, content = '', columnsize = 0,
  tokenize = 'unicode61 remove_diacritics 2');
INSERT INTO words (words, rank) VALUES ('secure-delete', 1);
CREATE TABLE entries (id INTEGER PRIMARY KEY, read_class INTEGER NOT NULL, shape INTEGER NOT NULL) STRICT;
CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), epoch BLOB, caught_up INTEGER, digest BLOB) STRICT;
`;
const version = 1;

type State = Readonly<{ epoch: Uint8Array; caught_up: number; digest: Uint8Array }>;

/** Opens or creates the index of the store that this epoch names; the index of another is emptied. */
export function openSearchIndex(path: string, epoch: Uint8Array): SearchIndex {
  const connection = new DatabaseSync(path, { timeout: 5_000 });
  // What a power cut takes from this file is added again, so it is not synced at each commit.
  connection.exec(`PRAGMA secure_delete = ON; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
    PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY`);
  const database = new Database(connection);
  database.transaction(() => {
    const kept = database.prepare('PRAGMA user_version').get<{ user_version: number }>()?.user_version;
    if (kept !== version || !equalBytes(stateOf(database).epoch, epoch)) empty(database, epoch);
  });
  return {
    hits: (words, range) => hits(database, words, range),
    catchUp: (context, messagesMax) => database.transaction(() => catchUp(database, context, messagesMax)),
    forget(context, row) {
      database.transaction(() => forget(database, context, row));
      database.checkpoint();
    },
    clear() {
      database.transaction(() => empty(database, epoch));
      database.checkpoint();
    },
    close: () => database.close(),
  };
}

function empty(database: Database, epoch: Uint8Array): void {
  database.exec(`DROP TABLE IF EXISTS words; DROP TABLE IF EXISTS entries; DROP TABLE IF EXISTS state;
    ${schema} PRAGMA user_version = ${version}`);
  database
    .prepare('INSERT INTO state (one, epoch, caught_up, digest) VALUES (1, ?, 0, ?)')
    .run(epoch, new Uint8Array(0));
}

function stateOf(database: Database): State {
  const row = database.prepare('SELECT epoch, caught_up, digest FROM state').get<State>();
  if (row === undefined) throw new TypeError('the search index has no state');
  return row;
}

function* hits(database: Database, words: readonly string[], range: HitRange): IterableIterator<Found> {
  const phrases = words.filter((word) => /[\p{L}\p{N}]/u.test(word)).map(quoted);
  if (phrases.length === 0) return;
  const groups = range.terms.map((terms) => `tags : (${terms.map(quoted).join(' OR ') || '""'})`);
  const query = [`text : (${phrases.join(' AND ')})`, ...groups].join(' AND ');
  const order = range.newestFirst ? 'DESC' : 'ASC';
  const matching = database.prepare(
    `SELECT w.rowid AS id, e.read_class AS readClass, e.shape AS shape
     FROM words w JOIN entries e ON e.id = w.rowid
     WHERE w.words MATCH ? AND w.rowid > ? AND w.rowid < ? ORDER BY w.rowid ${order}`,
  );
  yield* matching.iterate<Found>(query, range.low, range.high);
}

/** An FTS5 string: every character stands for itself. */
function quoted(word: string): string {
  return `"${word.replaceAll('"', '""').replaceAll('\0', ' ')}"`;
}

function catchUp(database: Database, context: RowContext, messagesMax: number): boolean {
  const at = context.database.prepare(`${selectMessages} WHERE m.cursor = ?`);
  const state = stateOf(database);
  // An index ahead of its store: the store was restored from a backup.
  const last = at.get<MessageRow>(state.caught_up);
  const ahead = state.caught_up > 0 && (last === undefined || !equalBytes(last.digest, state.digest));
  if (ahead) empty(database, state.epoch);
  const rows = context.database
    .prepare(`${selectMessages} WHERE m.cursor > ? ORDER BY m.cursor LIMIT ?`)
    .all<MessageRow>(ahead ? 0 : state.caught_up, messagesMax);
  const newest = rows.at(-1);
  if (newest === undefined) return false;
  for (const row of rows) add(database, context, row);
  database.prepare('UPDATE state SET caught_up = ?, digest = ?').run(newest.cursor, newest.digest);
  return rows.length === messagesMax;
}

function tags(readClass: number, shape: number): string {
  return `c${readClass} s${shape}`;
}

function add(database: Database, context: RowContext, row: MessageRow): void {
  const entry = database.prepare('INSERT INTO entries (id, read_class, shape) VALUES (?, ?, ?)');
  const words = database.prepare('INSERT INTO words (rowid, text, tags) VALUES (?, ?, ?)');
  for (const { place, readClass, text } of sectionTexts(context, row)) {
    const id = row.cursor * placesPerMessage + place;
    entry.run(id, readClass, row.shape);
    words.run(id, text, tags(readClass, row.shape));
  }
}

/** An index without content is told the words that it forgets. */
function forget(database: Database, context: RowContext, row: MessageRow): void {
  const drop = database.prepare('DELETE FROM entries WHERE id = ?');
  const words = database.prepare("INSERT INTO words (words, rowid, text, tags) VALUES ('delete', ?, ?, ?)");
  for (const { place, readClass, text } of sectionTexts(context, row)) {
    const id = row.cursor * placesPerMessage + place;
    if (drop.run(id) === 1) words.run(id, text, tags(readClass, row.shape));
  }
}
