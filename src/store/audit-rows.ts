/** The audit log's rows, never changed or deleted, and apart from them the erasable secrets. */
import type { Database } from './database.ts';
import type { AuditRows } from './port.ts';
import type { Vault } from './sealing.ts';

type Row = Readonly<{ index: number; record: Uint8Array; chain: Uint8Array }>;

export function createAuditRows(database: Database, vault: Vault): AuditRows {
  const insert = database.prepare(
    `INSERT INTO audit_rows (id, record, chain) SELECT ?1, ?2, ?3
     WHERE ?1 = (SELECT coalesce(max(id), 0) + 1 FROM audit_rows)`,
  );
  const last = database.prepare('SELECT id AS "index", chain FROM audit_rows ORDER BY id DESC LIMIT 1');
  const read = database.prepare(
    'SELECT id AS "index", record, chain FROM audit_rows WHERE id >= ? ORDER BY id LIMIT ?',
  );
  const keep = database.prepare(
    'INSERT OR REPLACE INTO audit_secrets (record, name, sealed) VALUES (?, ?, ?)',
  );
  const secret = database.prepare('SELECT sealed FROM audit_secrets WHERE record = ? AND name = ?');
  const lastRow = () => last.get<Omit<Row, 'record'>>();
  return {
    append: ({ index, record, chain }) =>
      database.write(() => {
        if (insert.run(index, record, chain) === 0)
          throw new TypeError(`${index} is not the next audit record`);
      }),
    last: lastRow,
    read: (from, limit) => read.all<Row>(from, limit),
    keepSecret: (index, name, salt, value) =>
      database.write(() => {
        const plain = Buffer.concat([Uint8Array.of(salt.length), salt, value]);
        keep.run(index, name, vault.sealRow(`audit-secret ${index} ${name}`, plain));
      }),
    secret(index, name) {
      const sealed = secret.get<{ sealed: Uint8Array }>(index, name)?.sealed;
      if (sealed === undefined) return undefined;
      const plain = vault.openRow(`audit-secret ${index} ${name}`, sealed);
      const saltEnd = 1 + (plain[0] ?? 0);
      return { salt: plain.slice(1, saltEnd), value: plain.slice(saltEnd) };
    },
  };
}
