/** When the search index is written: in small slices after commits, and completely before a search. */
import { rmSync } from 'node:fs';
import type { Cancel, Clock } from '../clock.ts';
import { ComityError } from '../errors.ts';
import { isDamage } from './database.ts';
import type { Listing } from './listing.ts';
import type { MessageRow, RowContext } from './message-rows.ts';
import { openSearchIndex, type SearchIndex } from './search-index.ts';

/** Messages a slice: a few milliseconds of the pipeline's thread, more on a thread of its own. */
const sliceMessagesHere = 32;
const sliceMessagesElsewhere = 512;
const sliceDelayMs = 20;
const batchMessages = 1_000;

export interface Indexing extends Listing {
  catchUpNow(): void;
  /** Adds a little of what is lacking, and the rest in further slices. */
  slice(): void;
  rebuild(): void;
  /** Takes a message's words out of the index and its files. */
  forget(row: MessageRow): void;
  close(): void;
}

type IndexingOptions = Readonly<{ path: string; epoch: Uint8Array; clock: Clock; here: boolean }>;

export function createIndexing(context: RowContext, o: IndexingOptions): Indexing {
  const index = openOrReplace(o);
  let pending: Cancel | undefined;
  let closed = false;
  const catchUpNow = (): void => {
    while (index.catchUp(context, batchMessages));
  };
  const sliceMessages = o.here ? sliceMessagesHere : sliceMessagesElsewhere;
  const slice = (): void => {
    pending = undefined;
    if (closed) return;
    try {
      if (index.catchUp(context, sliceMessages)) schedule();
    } catch (error) {
      // A full disk or a busy index delays the index and nothing else; the next slice or search tries again.
      if (!(error instanceof ComityError)) throw error;
    }
  };
  const schedule = (): void => {
    pending ??= o.clock.after(sliceDelayMs, slice);
  };
  if (o.here) context.database.onCommit(schedule);
  return {
    catchUpNow,
    slice,
    forget: (row) => index.forget(context, row),
    search() {
      catchUpNow();
      return index;
    },
    rebuild() {
      index.clear();
      catchUpNow();
    },
    close() {
      closed = true;
      pending?.();
      index.close();
    },
  };
}

/** An index that is damaged is worth nothing: it is built anew. */
function openOrReplace({ path, epoch }: IndexingOptions): SearchIndex {
  try {
    return openSearchIndex(path, epoch);
  } catch (error) {
    if (!isDamage(error)) throw error;
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
    return openSearchIndex(path, epoch);
  }
}
