/** The reader's thread: its own connections, read-only to the store, writing to the index alone. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { type Cancel, systemClock } from '../clock.ts';
import { ComityError } from '../errors.ts';
import { systemRandom } from '../ids.ts';
import { createChannelIds } from './channel-ids.ts';
import { Database } from './database.ts';
import { createIndexing } from './indexing.ts';
import { pageOf } from './listing.ts';
import { readMeta } from './meta.ts';
import { storeFiles } from './open.ts';
import type { ReaderAnswer, ReaderOptions, ReaderRequest } from './reader.ts';
import { openVault } from './sealing.ts';
import { createShapes } from './shapes.ts';

const busyTimeoutMs = 5_000;
/** How long new messages may lack in the index; a search adds them at once. */
const indexingIntervalMs = 250;

const port = parentPort;
if (port === null) throw new TypeError('the reader runs as a thread of the process that holds the store');

const { directory, storeKey } = workerData as ReaderOptions;
const connection = new DatabaseSync(join(directory, storeFiles.database), {
  readOnly: true,
  timeout: busyTimeoutMs,
});
const database = new Database(connection);
const meta = readMeta(database);
const vault = openVault(storeKey, meta.root, systemRandom);
const rows = { database, vault, shapes: createShapes(database, vault), channels: createChannelIds(database) };
const indexing = createIndexing(rows, {
  path: join(directory, storeFiles.index),
  epoch: meta.epoch,
  clock: systemClock,
  here: false,
});
const stopIndexing = repeat(indexing.slice);

port.on('message', (request: ReaderRequest) => {
  if (request === 'close') return close();
  port.postMessage(answer(request));
});

function answer({ id, filter, limit }: Exclude<ReaderRequest, 'close'>): ReaderAnswer {
  try {
    return { id, rows: pageOf({ ...rows, listing: indexing }, filter, limit) };
  } catch (error) {
    const code = error instanceof ComityError ? error.code : 'misuse';
    return { id, code, message: error instanceof Error ? error.message : String(error) };
  }
}

function close(): void {
  stopIndexing();
  indexing.close();
  database.close();
  port?.close();
}

/** Runs now and after each interval, until cancelled. */
function repeat(run: () => void): Cancel {
  let cancel: Cancel = () => {};
  const round = (): void => {
    run();
    cancel = systemClock.after(indexingIntervalMs, round);
  };
  round();
  return () => cancel();
}
