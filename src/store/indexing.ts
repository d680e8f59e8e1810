/** When the search index is written: in small slices after commits, and completely before a search. */
import { rmSync } from 'node:fs';
import type { Cancel, Clock } from '../clock.ts';
import type { Listing } from './listing.ts';
import type { MessageRow, RowContext } from './message-rows.ts';
import { openSearchIndex, type SearchIndex } from './search-index.ts';

/** Messages a slice: a few milliseconds of the pipeline's thread. */
const sliceMessages = 32;
const sliceDelayMs = 20;
const batchMessages = 1_000;

export interface Indexing extends Listing {
  catchUpNow(): void;
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
  const slice = (): void => {
    pending = undefined;
    if (!closed && index.catchUp(context, sliceMessages)) schedule();
  };
  const schedule = (): void => {
    pending ??= o.clock.after(sliceDelayMs, slice);
  };
  if (o.here) context.database.onCommit(schedule);
  return {
    catchUpNow,
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

/** An index that cannot be read is worth nothing: it is built anew. */
function openOrReplace({ path, epoch }: IndexingOptions): SearchIndex {
  try {
    return openSearchIndex(path, epoch);
  } catch {
    removeIndex(path);
    return openSearchIndex(path, epoch);
  }
}

function removeIndex(path: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
}
