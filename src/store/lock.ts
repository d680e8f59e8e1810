/**
 * One process a store. A file beside the database is held in an exclusive SQLite transaction for as long
 * as the store is open; the operating system lets go of it when the process dies, however it dies.
 */
import { DatabaseSync } from 'node:sqlite';
import { ComityError } from '../errors.ts';
import { storeError } from './database.ts';

export interface Lock {
  release(): void;
}

const sqliteBusy = 5;

/** Throws STORE_LOCKED where another store, of this process or another, holds the lock. */
export function takeLock(path: string): Lock {
  const connection = new DatabaseSync(path, { timeout: 0 });
  try {
    connection.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (error) {
    connection.close();
    const busy = error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy;
    throw busy
      ? new ComityError('STORE_LOCKED', `another process uses this store: \`${path}\` is held`, {
          cause: error,
        })
      : storeError(error);
  }
  return {
    release() {
      if (connection.isOpen) connection.close();
    },
  };
}
