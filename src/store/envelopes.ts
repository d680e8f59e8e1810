/**
 * Exact envelopes, by digest, each with a data key. A message and its outbox row share the envelope, and
 * the parts of the message are sealed under the same key: destroying it erases both.
 */
import type { KeyObject } from 'node:crypto';
import { hex } from '../bytes.ts';
import type { Database } from './database.ts';
import type { Vault } from './sealing.ts';

/** An envelope's number and the key of what belongs to it. */
export type KeptEnvelope = Readonly<{ id: number; key: KeyObject }>;

export interface Envelopes {
  /** Keeps the envelope once. Throws TypeError where it was erased. */
  keep(digest: Uint8Array, envelope: Uint8Array): KeptEnvelope;
  /** The bytes; undefined where they were erased. */
  open(row: SealedEnvelope): Uint8Array | undefined;
  read(id: number): Uint8Array | undefined;
  /** Destroys the key and the bytes; the digest stays. */
  erase(id: number): void;
  /** Drops the row where neither a message nor the outbox has it. */
  release(id: number): void;
}

export type SealedEnvelope = Readonly<{
  digest: Uint8Array;
  data_key: Uint8Array | null;
  sealed: Uint8Array | null;
}>;

type Row = SealedEnvelope & Readonly<{ id: number }>;

export function createEnvelopes(database: Database, vault: Vault): Envelopes {
  const find = database.prepare('SELECT id, data_key FROM envelopes WHERE digest = ?');
  const insert = database.prepare(
    `INSERT INTO envelopes (digest, data_key, sealed) VALUES (?, ?, ?) ON CONFLICT (digest) DO NOTHING RETURNING id`,
  );
  const select = database.prepare('SELECT digest, data_key, sealed FROM envelopes WHERE id = ?');
  const erase = database.prepare('UPDATE envelopes SET data_key = NULL, sealed = NULL WHERE id = ?');
  const release = database.prepare(
    `DELETE FROM envelopes WHERE id = ?1
       AND NOT EXISTS (SELECT 1 FROM messages WHERE envelope = ?1)
       AND NOT EXISTS (SELECT 1 FROM outbox WHERE envelope = ?1)`,
  );
  // A message follows its outbox row in one transaction; its key need not be unwrapped for that.
  const fresh = new Map<string, KeptEnvelope>();
  const forget = () => fresh.clear();
  database.onCommit(forget);
  database.onRollback(forget);

  const open = (row: SealedEnvelope): Uint8Array | undefined => {
    if (row.data_key === null || row.sealed === null) return undefined;
    return vault.open(vault.unwrap(row.data_key), `envelope ${hex(row.digest)}`, row.sealed);
  };
  const known = (digest: Uint8Array): KeptEnvelope => {
    const row = find.get<Row>(digest);
    if (row === undefined || row.data_key === null)
      throw new TypeError('what was erased is not stored again');
    return { id: row.id, key: vault.unwrap(row.data_key) };
  };
  return {
    open,
    keep(digest, envelope) {
      const name = hex(digest);
      const kept = fresh.get(name);
      if (kept !== undefined) return kept;
      const { key, wrapped } = vault.newDataKey();
      const id = insert.get<Row>(digest, wrapped, vault.seal(key, `envelope ${name}`, envelope))?.id;
      if (id === undefined) return known(digest);
      fresh.set(name, { id, key });
      return { id, key };
    },
    read(id) {
      const row = select.get<SealedEnvelope>(id);
      return row === undefined ? undefined : open(row);
    },
    erase: (id) => void erase.run(id),
    release: (id) => void release.run(id),
  };
}
