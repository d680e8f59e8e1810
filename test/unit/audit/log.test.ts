import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type AuditEntry, auditEvents, createAuditLog } from '../../../src/audit/index.ts';
import { agency, clock, italy, memoryRows, random, searched, startMs, submitted } from './fixtures.ts';

function log() {
  const rows = memoryRows();
  return { rows, audit: createAuditLog({ rows, clock, random, agency }) };
}

const hash = (...parts: (string | Uint8Array)[]) =>
  parts.reduce((sum, part) => sum.update(part), createHash('sha256')).digest();

describe('a record', () => {
  test('is one line of canonical JSON with who, what, when, why and to whom', () => {
    const { rows, audit } = log();
    expect(audit.append(submitted)).toBe(1);
    const { ownCase } = JSON.parse(Buffer.from(rows.rows[0]!.record).toString()).commitments;
    expect(Buffer.from(rows.rows[0]!.record).toString()).toBe(
      '{"agency":"gr.customs","at":"2026-01-05T10:30:00.000Z","atMs":' +
        `${startMs},"commitments":{"ownCase":"${ownCase}"},"digests":["${'ab'.repeat(32)}"],` +
        '"event":"message.submitted","index":1,"kind":"seizure","lane":"day",' +
        '"legalBasis":["naples-ii:art-13"],"message":"01890a5d-ac96-774b-bcce-b302099a8057",' +
        '"officer":"officer-7f","policies":["publish-seizure"],' +
        `"policyVersion":"${'cd'.repeat(32)}","purposes":["INVESTIGATION"],` +
        '"recipients":[{"agency":"it.police","sections":["cover","goods"]}],"trustVersion":4}',
    );
  });

  test('holds personal data as a salted commitment; salt and value are apart', () => {
    const { rows, audit } = log();
    audit.append(submitted);
    audit.append(submitted);
    const commitments = rows.rows.map(
      ({ record }) => JSON.parse(Buffer.from(record).toString()).commitments.ownCase,
    );
    expect(commitments[0]).not.toBe(commitments[1]);
    const { salt, value } = rows.secret(2, 'ownCase')!;
    expect(salt).toHaveLength(32);
    expect(Buffer.from(value).toString()).toBe('Case 17/2026 Παπαδόπουλος');
    expect(hash(salt, value).toString('hex')).toBe(commitments[1]);
    expect(Buffer.concat(rows.rows.map(({ record }) => record)).includes('Case 17')).toBe(false);
  });

  test('is chained as documented', () => {
    const { rows, audit } = log();
    audit.append(submitted);
    audit.append(searched);
    let chain = hash('comity/audit/1', 'gr.customs');
    for (const row of rows.rows) {
      chain = hash(Uint8Array.of(1), chain, hash(Uint8Array.of(0), row.record));
      expect(Buffer.from(row.chain).equals(chain)).toBe(true);
    }
  });

  test('has the fields of its event and no other', () => {
    const { rows, audit } = log();
    const append = (entry: object) => audit.append(entry as AuditEntry);
    const { officer: _, ...anonymous } = { officer: '', ...submitted };
    expect(() => append(anonymous)).toThrow(TypeError);
    expect(() => append({ ...submitted, text: 'content' })).toThrow(TypeError);
    expect(() => append({ ...submitted, secrets: { words: 'x' } })).toThrow(TypeError);
    expect(() => append({ event: 'gateway.stopped', agency: italy })).toThrow(TypeError);
    expect(() => append({ ...submitted, trustVersion: 1.5 })).toThrow(TypeError);
    expect(rows.rows).toEqual([]);
    append({ event: 'gateway.stopped', agency, code: undefined });
    expect(Buffer.from(rows.rows[0]!.record).toString()).not.toContain('code');
  });
});

describe('docs/audit-events.md', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../docs/audit-events.md'), 'utf8');
  const documented = [...text.matchAll(/^\| `([a-z.-]+)` \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$/gm)].map(
    (row) => row.slice(1),
  );
  const names = (list: readonly string[]) => list.map((name) => `\`${name}\``).join(' ') || '—';
  const table = Object.entries(auditEvents).map(([event, { meaning, required, optional, secrets }]) => [
    event,
    meaning,
    names(required),
    names(optional),
    names(secrets),
  ]);

  test('names every event with its meaning and fields, and no other', () => {
    expect(documented).toEqual(table);
  });

  test('explains every field and secret that an event has, and no other', () => {
    const explained = [...text.matchAll(/^\* `([A-Za-z]+)`/gm)].map(([, name]) => name);
    const used = Object.values(auditEvents).flatMap((row) => [
      ...row.required,
      ...row.optional,
      ...row.secrets,
    ]);
    expect(explained.toSorted()).toEqual([...new Set<string>(used)].toSorted());
  });
});
