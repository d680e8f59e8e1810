/**
 * Pages of messages. A page costs by its length and the number of shapes, never by the number of
 * messages: first the newest rows are looked through; where few of them match, each matching shape is
 * asked for its next message instead and the shapes are merged.
 */
import { ComityError } from '../errors.ts';
import { limits } from '../limits.ts';
import {
  listedMessage,
  type MessageRow,
  placesPerMessage,
  type RowContext,
  selectMessages,
} from './message-rows.ts';
import type { ListedMessage, MessageFilter } from './port.ts';
import type { Found, Search } from './search-index.ts';
import { shapeMatches } from './shapes.ts';

/** Rows looked through before the shapes are merged. */
const scanRows = 512;
/** Hits looked through before the query itself is narrowed to what the reader may read. */
const hitsBeforeNarrowing = 2048;
/** Terms by which a query is narrowed; beyond, hits are looked through one by one. */
const narrowingTermsMax = 400;
const cursorMax = 2 ** 46;

export interface Listing {
  search(): Search;
}

type Candidate = Readonly<{ cursor: number; shape: number }>;
type Range = Readonly<{ low: number; high: number; newestFirst: boolean }>;
type Context = RowContext & Readonly<{ listing: Listing }>;

/** Messages of the page, in the filter's order. Throws TypeError for a limit that is no positive integer. */
export function pageOf(context: Context, filter: MessageFilter, limit: number): readonly ListedMessage[] {
  if (!Number.isInteger(limit) || limit < 1) throw new TypeError('a page has a positive number of rows');
  const range: Range = {
    low: filter.after ?? 0,
    high: filter.before ?? cursorMax,
    newestFirst: filter.after === undefined,
  };
  const matches = shapeTest(context, filter);
  const cursors = candidates(context, filter, { range, matches, limit });
  const select = context.database.prepare(`${selectMessages} WHERE m.cursor = ?`);
  return cursors.flatMap((cursor) => {
    const row = select.get<MessageRow>(cursor);
    return row === undefined ? [] : [listedMessage(context, row)];
  });
}

type ShapeTest = Readonly<{
  one: (id: number) => boolean;
  all: () => readonly number[];
  allowed: ReadonlySet<number>;
}>;

function shapeTest(context: Context, filter: MessageFilter): ShapeTest {
  const allowed = new Set(filter.allowed);
  const known = new Map<number, boolean>();
  const one = (id: number): boolean => {
    let answer = known.get(id);
    if (answer === undefined) {
      answer = shapeMatches(context.shapes.shape(id), filter, allowed);
      known.set(id, answer);
    }
    return answer;
  };
  return { one, allowed, all: () => context.shapes.ids().filter(one) };
}

type Ask = Readonly<{ range: Range; matches: ShapeTest; limit: number }>;

function candidates(context: Context, filter: MessageFilter, ask: Ask): readonly number[] {
  const related = relatedCursors(context, filter);
  if (filter.words !== undefined) return searched(context, filter.words, { ...ask, related });
  if (related !== undefined) {
    const inRange = related.filter(({ cursor }) => cursor > ask.range.low && cursor < ask.range.high);
    const ordered = inRange.toSorted((a, b) =>
      ask.range.newestFirst ? b.cursor - a.cursor : a.cursor - b.cursor,
    );
    return take(
      ordered.filter(({ shape }) => ask.matches.one(shape)),
      ask.limit,
    );
  }
  return scanned(context, ask);
}

function take(rows: Iterable<Candidate>, limit: number): readonly number[] {
  const cursors: number[] = [];
  for (const { cursor } of rows) {
    cursors.push(cursor);
    if (cursors.length === limit) break;
  }
  return cursors;
}

/** Messages of a thread (its opening message too) or with a reference; undefined where neither is asked. */
function relatedCursors(context: Context, filter: MessageFilter): readonly Candidate[] | undefined {
  const { database, vault } = context;
  const sets: Candidate[][] = [];
  if (filter.thread !== undefined) {
    sets.push([
      ...database
        .prepare('SELECT cursor, shape FROM messages WHERE thread_token = ? AND listed = 1')
        .all<Candidate>(vault.token('thread', filter.thread)),
      ...database
        .prepare(
          `SELECT m.cursor, m.shape FROM messages m JOIN envelopes e ON e.id = m.envelope
           WHERE e.digest = ? AND m.listed = 1`,
        )
        .all<Candidate>(filter.thread),
    ]);
  }
  if (filter.reference !== undefined) {
    sets.push(
      database
        .prepare('SELECT cursor, shape FROM messages WHERE reference_token = ? AND listed = 1')
        .all<Candidate>(vault.token('reference', filter.reference)),
    );
  }
  const [first, ...others] = sets;
  if (first === undefined) return undefined;
  const unique = [...new Map(first.map((row) => [row.cursor, row])).values()];
  return unique.filter((row) => others.every((set) => set.some(({ cursor }) => cursor === row.cursor)));
}

function scanned(context: Context, { range, matches, limit }: Ask): readonly number[] {
  const order = range.newestFirst ? 'DESC' : 'ASC';
  const rows = context.database
    .prepare(
      `SELECT cursor, shape, listed FROM messages WHERE cursor > ? AND cursor < ? ORDER BY cursor ${order} LIMIT ?`,
    )
    .all<Candidate & { listed: number }>(range.low, range.high, scanRows);
  const found = take(
    rows.filter((row) => row.listed === 1 && matches.one(row.shape)),
    limit,
  );
  const last = rows.at(-1)?.cursor;
  if (found.length === limit || rows.length < scanRows || last === undefined) return found;
  const rest = range.newestFirst ? { ...range, high: last } : { ...range, low: last };
  return [...found, ...merged(context, { range: rest, matches, limit: limit - found.length })];
}

/** Merges the matching shapes, each by its index: one seek a shape and one a row. */
function merged(context: Context, { range, matches, limit }: Ask): readonly number[] {
  const next = context.database.prepare(
    range.newestFirst
      ? 'SELECT max(cursor) AS cursor FROM messages WHERE listed = 1 AND shape = ? AND cursor > ? AND cursor < ?'
      : 'SELECT min(cursor) AS cursor FROM messages WHERE listed = 1 AND shape = ? AND cursor > ? AND cursor < ?',
  );
  const seek = (shape: number, low: number, high: number) =>
    next.get<{ cursor: number | null }>(shape, low, high)?.cursor ?? undefined;
  const heads = new Map<number, number>();
  for (const shape of matches.all()) {
    const cursor = seek(shape, range.low, range.high);
    if (cursor !== undefined) heads.set(shape, cursor);
  }
  const found: number[] = [];
  while (found.length < limit && heads.size > 0) {
    const [shape, cursor] = [...heads].reduce((best, head) =>
      (range.newestFirst ? head[1] > best[1] : head[1] < best[1]) ? head : best,
    );
    found.push(cursor);
    const following = range.newestFirst ? seek(shape, range.low, cursor) : seek(shape, cursor, range.high);
    if (following === undefined) heads.delete(shape);
    else heads.set(shape, following);
  }
  return found;
}

type SearchAsk = Ask & Readonly<{ related: readonly Candidate[] | undefined }>;

function searched(context: Context, words: readonly string[], ask: SearchAsk): readonly number[] {
  if (words.length > limits.searchTokensMax) {
    throw new ComityError('REQUEST_INVALID', `a search has at most ${limits.searchTokensMax} words`);
  }
  const search = context.listing.search();
  const within = ask.related && new Set(ask.related.map(({ cursor }) => cursor));
  const listed = context.database.prepare('SELECT listed FROM messages WHERE cursor = ?');
  const wanted = (hit: Found): boolean =>
    ask.matches.allowed.has(hit.readClass) &&
    ask.matches.one(hit.shape) &&
    (within === undefined || within.has(cursorOf(hit))) &&
    listed.get<{ listed: number }>(cursorOf(hit))?.listed === 1;
  const cursors = new Set<number>();
  const look = (range: Range, hits: number, terms: readonly (readonly string[])[]): Found | undefined => {
    const rowids = {
      ...range,
      low: range.low * placesPerMessage + placesPerMessage - 1,
      high: range.high * placesPerMessage,
    };
    let last: Found | undefined;
    let seen = 0;
    for (const hit of search.hits(words, { ...rowids, terms })) {
      if (wanted(hit)) cursors.add(cursorOf(hit));
      last = hit;
      seen += 1;
      if (cursors.size === ask.limit) return undefined;
      if (seen === hits) return last;
    }
    return undefined;
  };
  const last = look(ask.range, hitsBeforeNarrowing, []);
  if (last !== undefined) {
    // Continues with the message of the last hit: it may have another section that matches.
    const cursor = cursorOf(last);
    const rest = ask.range.newestFirst
      ? { ...ask.range, high: cursor + 1 }
      : { ...ask.range, low: cursor - 1 };
    look(rest, Number.POSITIVE_INFINITY, narrowing(ask.matches));
  }
  return [...cursors];
}

function cursorOf(hit: Found): number {
  return Math.floor(hit.id / placesPerMessage);
}

function narrowing(matches: ShapeTest): readonly (readonly string[])[] {
  const classes = [...matches.allowed].map((id) => `c${id}`);
  const shapes = matches.all().map((id) => `s${id}`);
  return [classes, shapes].filter((terms) => terms.length <= narrowingTermsMax);
}
