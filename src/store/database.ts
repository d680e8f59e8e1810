/**
 * One SQLite connection for writing: statements prepared once, transactions that are all or nothing,
 * and SQLite's failures told by our codes.
 */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { ComityError } from '../errors.ts';

// Primary result codes of SQLite (https://sqlite.org/rescode.html).
const sqliteFull = 13;
const sqliteCorrupt = 11;
const sqliteNotADatabase = 26;
/** TOOBIG, CONSTRAINT, MISMATCH, MISUSE, RANGE: a value that has no place here. The store itself is well. */
const sqliteMisuses = new Set([18, 19, 20, 21, 25]);
/** Shared memory could not grow: what a full disk looks like to the write-ahead log's index. */
const sqliteIoErrorShmSize = 4874;
/** After a failed sync the kernel may drop what was not written, so this connection is not trusted again. */
const sqliteSyncFailures = new Set([1034, 1290]);

export type SqlValue = SQLInputValue;

export interface Statement {
  /** Returns the number of rows changed. */
  run(...values: SqlValue[]): number;
  /** Returns the rowid of the row inserted. */
  insert(...values: SqlValue[]): number;
  get<Row>(...values: SqlValue[]): Row | undefined;
  all<Row>(...values: SqlValue[]): Row[];
  iterate<Row>(...values: SqlValue[]): IterableIterator<Row>;
}

export class Database {
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, Statement>();
  readonly #rollbackHooks: (() => void)[] = [];
  readonly #commitHooks: (() => void)[] = [];
  #open = false;
  /** The first failure inside the open transaction: it can no longer commit. */
  #doom: unknown;
  #syncFailed = false;

  constructor(connection: DatabaseSync) {
    this.#connection = connection;
  }

  get inTransaction(): boolean {
    return this.#open;
  }

  prepare(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#guard(this.#connection.prepare(sql));
    this.#statements.set(sql, statement);
    return statement;
  }

  exec(sql: string): void {
    this.#try(() => this.#connection.exec(sql));
  }

  /** Runs `work` in a transaction of its own. Throws TypeError inside another, or for a promise. */
  transaction<T>(work: () => T): T {
    if (this.#open) throw new TypeError('a transaction of the store does not nest');
    if (this.#syncFailed) throw new ComityError('STORE_FAILED', 'a sync of the store failed; open it again');
    this.exec('BEGIN IMMEDIATE');
    this.#open = true;
    this.#doom = undefined;
    let result: T;
    try {
      result = work();
      if (isThenable(result)) throw new TypeError('a transaction of the store does not wait for a promise');
      if (this.#doom !== undefined) throw this.#doom;
      this.exec('COMMIT');
    } catch (error) {
      this.#rollBack();
      throw error;
    }
    this.#open = false;
    this.#tellCommitted();
    return result;
  }

  /** Runs `work` in the open transaction, or in one of its own. */
  write<T>(work: () => T): T {
    return this.#open ? work() : this.transaction(work);
  }

  /** `run` drops what memory holds of rows that were not kept. */
  onRollback(run: () => void): void {
    this.#rollbackHooks.push(run);
  }

  onCommit(run: () => void): void {
    this.#commitHooks.push(run);
  }

  /** Moves the log into the database and empties it, so that nothing deleted stays readable in either. */
  checkpoint(): void {
    if (this.#open) throw new TypeError('a checkpoint needs the transaction to be over');
    const done = this.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get<{ busy: number }>();
    if (done?.busy !== 0)
      throw new ComityError('STORE_FAILED', 'the log of the store is still read; try again');
  }

  close(): void {
    if (this.#open) throw new TypeError('the store is closed outside its transactions');
    this.#statements.clear();
    if (this.#connection.isOpen) this.#connection.close();
  }

  /** What is committed stays so whatever a listener does: its error is its own, not the caller's. */
  #tellCommitted(): void {
    for (const run of this.#commitHooks) {
      try {
        run();
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  #rollBack(): void {
    this.#open = false;
    // On some failures SQLite has rolled back by itself.
    if (this.#connection.isTransaction) {
      try {
        this.#connection.exec('ROLLBACK');
      } catch {
        this.#syncFailed = true;
      }
    }
    for (const run of this.#rollbackHooks) run();
  }

  #guard(inner: StatementSync): Statement {
    return {
      run: (...values) => this.#try(() => Number(inner.run(...values).changes)),
      insert: (...values) => this.#try(() => Number(inner.run(...values).lastInsertRowid)),
      get: <Row>(...values: SqlValue[]) => this.#try(() => inner.get(...values) as Row | undefined),
      all: <Row>(...values: SqlValue[]) => this.#try(() => inner.all(...values) as Row[]),
      iterate: <Row>(...values: SqlValue[]) =>
        this.#try(() => inner.iterate(...values) as unknown as IterableIterator<Row>),
    };
  }

  #try<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      const told = storeError(error);
      if (this.#open) this.#doom ??= told;
      if (sqliteSyncFailures.has(extendedCode(error) ?? 0)) this.#syncFailed = true;
      throw told;
    }
  }
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

function extendedCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode : undefined;
}

/**
 * An error of SQLite as STORE_FULL or STORE_FAILED; any other as it is. What is wrong with one value is no
 * failure of the store: to try it again would never end.
 */
export function storeError(error: unknown): unknown {
  const code = extendedCode(error);
  if (code === undefined || sqliteMisuses.has(code & 0xff)) return error;
  const full = (code & 0xff) === sqliteFull || code === sqliteIoErrorShmSize;
  return full
    ? new ComityError('STORE_FULL', undefined, { cause: error })
    : new ComityError('STORE_FAILED', undefined, { cause: error });
}

/** Whether an error of SQLite, as it is or as told by `storeError`, says that the file is no whole database. */
export function isDamage(error: unknown): boolean {
  const cause = error instanceof ComityError ? error.cause : error;
  const primary = (extendedCode(cause) ?? 0) & 0xff;
  return primary === sqliteCorrupt || primary === sqliteNotADatabase;
}
