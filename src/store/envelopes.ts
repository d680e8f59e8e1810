/** Exact envelopes, sealed each under a data key of its own; a message and its outbox row share one. */
import { hex } from '../bytes.ts';
import type { Database } from './database.ts';
import type { Vault } from './sealing.ts';

export interface Envelopes {
  /** Keeps the envelope once; returns its number. */
  keep(digest: Uint8Array, envelope: Uint8Array): number;
  /** The bytes; undefined where they were erased. */
  open(row: SealedEnvelope): Uint8Array | undefined;
  read(id: number): Uint8Array | undefined;
  /** Destroys the envelope's key and bytes; its digest stays. */
  erase(id: number): void;
  /** Drops the row where neither a message nor the outbox has it. */
  release(id: number): void;
}

export type SealedEnvelope = Readonly<{
  digest: Uint8Array;
  data_key: Uint8Array | null;
  sealed: Uint8Array | null;
}>;

export function createEnvelopes(database: Database, vault: Vault): Envelopes {
  const find = database.prepare('SELECT id FROM envelopes WHERE digest = ?');
  const insert = database.prepare('INSERT INTO envelopes (digest, data_key, sealed) VALUES (?, ?, ?)');
  const select = database.prepare('SELECT digest, data_key, sealed FROM envelopes WHERE id = ?');
  const erase = database.prepare('UPDATE envelopes SET data_key = NULL, sealed = NULL WHERE id = ?');
  const release = database.prepare(
    `DELETE FROM envelopes WHERE id = ?1
       AND NOT EXISTS (SELECT 1 FROM messages WHERE envelope = ?1)
       AND NOT EXISTS (SELECT 1 FROM outbox WHERE envelope = ?1)`,
  );
  const open = (row: SealedEnvelope): Uint8Array | undefined => {
    if (row.data_key === null || row.sealed === null) return undefined;
    return vault.open(vault.unwrap(row.data_key), `envelope ${hex(row.digest)}`, row.sealed);
  };
  return {
    open,
    keep(digest, envelope) {
      const known = find.get<{ id: number }>(digest);
      if (known !== undefined) return known.id;
      const { key, wrapped } = vault.newDataKey();
      return insert.insert(digest, wrapped, vault.seal(key, `envelope ${hex(digest)}`, envelope));
    },
    read(id) {
      const row = select.get<SealedEnvelope>(id);
      return row === undefined ? undefined : open(row);
    },
    erase: (id) => void erase.run(id),
    release: (id) => void release.run(id),
  };
}
