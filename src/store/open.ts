/** Puts the store together: lock, database, migrations, keys, parts. */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../clock.ts';
import { ComityError } from '../errors.ts';
import type { Random } from '../ids.ts';
import { createAudienceKeys } from './audience-keys.ts';
import { createAuditRows } from './audit-rows.ts';
import { createChannelIds } from './channel-ids.ts';
import { createChannels } from './channels.ts';
import { Database, storeError } from './database.ts';
import { createEnvelopes } from './envelopes.ts';
import { createErase } from './erase.ts';
import { createEvents } from './events.ts';
import { createIdempotency } from './idempotency.ts';
import { createIndexing } from './indexing.ts';
import { takeLock } from './lock.ts';
import { createMessages, type Erasure, type MessageStore } from './messages.ts';
import { type Meta, readMeta, writeMeta } from './meta.ts';
import { migrate, versionOf } from './migrations.ts';
import { createOutbox } from './outbox.ts';
import { createParking } from './parking.ts';
import type { Store } from './port.ts';
import { createPositions } from './positions.ts';
import { createQuarantine } from './quarantine.ts';
import { createReached } from './reached.ts';
import { createReceipts } from './receipts.ts';
import { newRoot, openVault, type Vault } from './sealing.ts';
import { createShapes } from './shapes.ts';
import { createVersions } from './versions.ts';

export type StoreOptions = Readonly<{
  directory: string;
  /** 32 bytes; wraps everything that the store keeps secret. */
  storeKey: Uint8Array;
  clock: Clock;
  random: Random;
  /** Creates the store where there is none; otherwise it must exist. */
  create?: boolean;
  /** Who writes the search index: this thread in slices after each commit, or a reader thread (`openReader`). */
  indexing?: 'here' | 'reader';
}>;

/** The store, with what only its owner does. */
export type OpenedStore = Store &
  Readonly<{
    messages: MessageStore;
    /** Destroys a message's keys and words: it, its sections and its envelope become unreadable, in every file. Never inside a transaction. */
    erase(id: string): Erasure;
    /** Empties the search index and fills it again. */
    rebuildIndex(): void;
    /** Adds to the search index what it lacks. */
    catchUpIndex(): void;
  }>;

export const storeFiles = Object.freeze({
  database: 'store.sqlite',
  index: 'index.sqlite',
  lock: 'store.lock',
});

const storeKeyBytes = 32;
const messageIdKeyBytes = 32;
const epochBytes = 16;
/** How long a checkpoint waits for readers. */
const busyTimeoutMs = 5_000;

/**
 * Opens the store and holds it until `close`. Errors: STORE_LOCKED, STORE_KEY_WRONG, STORE_VERSION,
 * STORE_FULL, STORE_FAILED (also where there is no store and `create` is not set).
 */
export function openStore(o: StoreOptions): OpenedStore {
  if (o.storeKey.length !== storeKeyBytes) throw new TypeError('the store key has 32 bytes');
  const path = join(o.directory, storeFiles.database);
  if (!existsSync(path) && o.create !== true) {
    throw new ComityError('STORE_FAILED', `there is no store at \`${path}\``);
  }
  mkdirSync(o.directory, { recursive: true, mode: 0o700 });
  const lock = takeLock(join(o.directory, storeFiles.lock));
  let connection: DatabaseSync | undefined;
  try {
    connection = new DatabaseSync(path, { timeout: busyTimeoutMs });
    connection.enableDefensive(true);
    const database = new Database(connection);
    const meta = prepareDatabase(database, o);
    const vault = openVault(o.storeKey, meta.root, o.random);
    return composeStore({ ...o, database, vault, meta, release: lock.release });
  } catch (error) {
    if (connection?.isOpen) connection.close();
    lock.release();
    throw storeError(error);
  }
}

/** Pragmas, migrations, and on a new store its epoch and keys. */
function prepareDatabase(database: Database, o: StoreOptions): Meta {
  // Before the first table: what is deleted is overwritten from the first page on.
  database.exec(`PRAGMA secure_delete = ON; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864`);
  if (versionOf(database) === 0 && o.create !== true) {
    throw new ComityError('STORE_FAILED', `there is no store in \`${o.directory}\``);
  }
  migrate(database, () => writeMeta(database, drawMeta(o)));
  return readMeta(database);
}

function drawMeta({ storeKey, random }: StoreOptions): Meta {
  const root = newRoot(storeKey, random);
  const messageIdKey = openVault(storeKey, root, random).sealRow(
    'message-id-key',
    random.bytes(messageIdKeyBytes),
  );
  return { root, epoch: random.bytes(epochBytes), messageIdKey };
}

type Parts = StoreOptions & Readonly<{ database: Database; vault: Vault; meta: Meta; release: () => void }>;

function composeStore(o: Parts): OpenedStore {
  const { database, vault, meta, clock } = o;
  const channels = createChannelIds(database);
  const shapes = createShapes(database, vault);
  const envelopes = createEnvelopes(database, vault);
  const reached = createReached(database);
  const rows = { database, vault, shapes, channels };
  const indexing = createIndexing(rows, {
    path: join(o.directory, storeFiles.index),
    epoch: meta.epoch,
    clock,
    here: o.indexing !== 'reader',
  });
  return {
    epoch: meta.epoch,
    messageIdKey: vault.openRow('message-id-key', meta.messageIdKey),
    transaction: (work) => database.transaction(work),
    messages: createMessages({ ...rows, envelopes, listing: indexing }),
    outbox: createOutbox({ database, channels, envelopes, reached, clock }),
    channels: createChannels({ database, channels, epoch: meta.epoch }),
    positions: createPositions({ database, channels }),
    receipts: createReceipts({ database, channels, reached }),
    parking: createParking(database, vault),
    quarantine: createQuarantine(database, vault),
    audienceKeys: createAudienceKeys(database, vault),
    versions: createVersions(database),
    auditRows: createAuditRows(database, vault),
    idempotency: createIdempotency(database, vault),
    events: createEvents(database),
    erase: createErase({ ...rows, envelopes, indexing }),
    rebuildIndex: indexing.rebuild,
    catchUpIndex: indexing.catchUpNow,
    close() {
      indexing.close();
      database.close();
      o.release();
    },
  };
}
