import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { createAuditLog, verifyAudit } from '../../../src/audit/index.ts';
import { openStore } from '../../../src/store/index.ts';
import { agency, clock, random, searched, submitted } from './fixtures.ts';

function opened() {
  const directory = mkdtempSync(join(tmpdir(), 'comity-audit-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const open = () => openStore({ directory, storeKey: new Uint8Array(32), clock, random, create: true });
  const store = open();
  return { directory, open, store, audit: createAuditLog({ rows: store.auditRows, clock, random, agency }) };
}

test('a record is kept with what it records, or not at all', () => {
  const { store, audit } = opened();
  audit.append(submitted);
  expect(() =>
    store.transaction(() => {
      audit.append(searched);
      throw new Error('no');
    }),
  ).toThrow('no');
  expect(store.auditRows.last()?.index).toBe(1);
  store.transaction(() => {
    expect(audit.append(searched)).toBe(2);
    expect(audit.append(submitted)).toBe(3);
  });
  expect(verifyAudit({ agency, rows: store.auditRows.read(1, 9) })).toMatchObject({
    intact: true,
    records: 3,
  });
  expect(Buffer.from(store.auditRows.secret(2, 'words')!.value).toString()).toBe('heroin');
  store.close();
});

test('the store refuses to change a record; who gets around it is found out', () => {
  const { directory, open, store, audit } = opened();
  for (let i = 0; i < 5; i += 1) audit.append(searched);
  store.close();
  const database = new DatabaseSync(join(directory, 'store.sqlite'));
  expect(() => database.exec('DELETE FROM audit_rows WHERE id = 3')).toThrow();
  expect(() => database.exec("UPDATE audit_rows SET record = x'00' WHERE id = 3")).toThrow();
  database.exec(
    "DROP TRIGGER audit_rows_hold; UPDATE audit_rows SET record = CAST(replace(record, 'officer-7f', 'officer-8f') AS BLOB) WHERE id = 3",
  );
  database.close();
  const again = open();
  expect(verifyAudit({ agency, rows: again.auditRows.read(1, 9) })).toMatchObject({
    intact: false,
    index: 3,
  });
  again.close();
});
