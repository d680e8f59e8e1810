/** What was refused, with its exact bytes. */
import { createHash } from 'node:crypto';
import { hex } from '../bytes.ts';
import type { ErrorCode } from '../errors.ts';
import type { AgencyId } from '../types.ts';
import type { Database } from './database.ts';
import type { Quarantine, QuarantinedMessage } from './port.ts';
import type { Vault } from './sealing.ts';

type Row = Readonly<{
  id: number;
  at_ms: number;
  code: ErrorCode;
  subject: string;
  sender: AgencyId | null;
  digest: string | null;
  bytes: number;
  reasons: string;
}>;
type Sealed = Readonly<{ fingerprint: Uint8Array; data_key: Uint8Array; sealed: Uint8Array }>;

export function createQuarantine(database: Database, vault: Vault): Quarantine {
  const insert = database.prepare(
    `INSERT INTO quarantine (fingerprint, at_ms, code, subject, sender, digest, bytes, reasons, data_key, sealed)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const find = database.prepare('SELECT id FROM quarantine WHERE fingerprint = ?');
  const page = database.prepare(
    `SELECT id, at_ms, code, subject, sender, digest, bytes, reasons FROM quarantine
     WHERE id < ? ORDER BY id DESC LIMIT ?`,
  );
  const sealed = database.prepare('SELECT fingerprint, data_key, sealed FROM quarantine WHERE id = ?');
  const known = (fingerprint: Uint8Array) => find.get<{ id: number }>(fingerprint)?.id;
  return {
    put: (row, envelope) =>
      database.write(() => {
        const fingerprint = fingerprintOf(row.subject, envelope);
        const earlier = known(fingerprint);
        if (earlier !== undefined) return earlier;
        const { key, wrapped } = vault.newDataKey();
        return insert.insert(
          fingerprint,
          row.atMs,
          row.code,
          row.subject,
          row.sender ?? null,
          row.digest ?? null,
          envelope.length,
          JSON.stringify(row.reasons),
          wrapped,
          vault.seal(key, `quarantine ${hex(fingerprint)}`, envelope),
        );
      }),
    page: (before, limit) => page.all<Row>(before ?? Number.MAX_SAFE_INTEGER, limit).map(quarantined),
    envelope(id) {
      const row = sealed.get<Sealed>(id);
      if (row === undefined) return undefined;
      return vault.open(vault.unwrap(row.data_key), `quarantine ${hex(row.fingerprint)}`, row.sealed);
    },
    has: (subject, envelope) => known(fingerprintOf(subject, envelope)) !== undefined,
    count: () =>
      database.prepare('SELECT count(*) AS rows FROM quarantine').get<{ rows: number }>()?.rows ?? 0,
  };
}

function fingerprintOf(subject: string, envelope: Uint8Array): Uint8Array {
  return createHash('sha256').update(`${subject}\n`).update(envelope).digest();
}

function quarantined(row: Row): QuarantinedMessage {
  return {
    id: row.id,
    atMs: row.at_ms,
    code: row.code,
    subject: row.subject,
    ...(row.sender === null ? {} : { sender: row.sender }),
    ...(row.digest === null ? {} : { digest: row.digest }),
    bytes: row.bytes,
    reasons: JSON.parse(row.reasons) as QuarantinedMessage['reasons'],
  };
}
