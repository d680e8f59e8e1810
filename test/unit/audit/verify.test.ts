import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type AuditRow,
  createAuditLog,
  exportLine,
  importLines,
  requireIntact,
  verifyAudit,
} from '../../../src/audit/index.ts';
import { chainNext, chainStart } from '../../../src/audit/record.ts';
import { agency, clock, italy, memoryRows, random, searched, submitted } from './fixtures.ts';

const records = 12;

function written(): readonly AuditRow[] {
  const rows = memoryRows();
  const audit = createAuditLog({ rows, clock, random, agency });
  for (let i = 0; i < records; i += 1) audit.append(i % 2 === 0 ? submitted : searched);
  return rows.rows;
}

const log = written();
const head = { index: records, chain: log.at(-1)!.chain };
const verify = (rows: readonly AuditRow[], heads = [head]) => verifyAudit({ agency, rows, heads });
const broken = (index: number) => expect.objectContaining({ intact: false, index });

/** The chain of these rows computed anew, as one would who can write the store. */
function rechained(rows: readonly AuditRow[]): readonly AuditRow[] {
  let chain = chainStart(agency);
  return rows.map((row) => {
    chain = chainNext(chain, row.record);
    return { ...row, chain };
  });
}

describe('an audit log', () => {
  test('as it was written is intact', () => {
    expect(verify(log)).toEqual({ intact: true, records, head });
    expect(() => requireIntact(verify(log))).not.toThrow();
    expect(verifyAudit({ agency, rows: [] })).toEqual({ intact: true, records: 0, head: undefined });
  });

  test('with an edited byte is broken at that record', () => {
    const places = fc.record({
      at: fc.nat(records - 1),
      byte: fc.nat(),
      bit: fc.nat(7),
      chain: fc.boolean(),
    });
    fc.assert(
      fc.property(places, ({ at, byte, bit, chain }) => {
        const row = log[at]!;
        const changed = (chain ? row.chain : row.record).slice();
        changed[byte % changed.length]! ^= 1 << bit;
        const edited = log.with(at, chain ? { ...row, chain: changed } : { ...row, record: changed });
        expect(verify(edited)).toEqual(broken(at + 1));
      }),
      { numRuns: 500 },
    );
  });

  test('with a record deleted, inserted or out of order is broken there', () => {
    for (let at = 0; at < records; at += 1) {
      expect(verify(log.toSpliced(at, 1))).toEqual(broken(at + 1));
      expect(verify(log.toSpliced(at, 0, log[at]!))).toEqual(broken(at === 0 ? 2 : at + 2));
      if (at + 1 < records)
        expect(verify(log.with(at, log[at + 1]!).with(at + 1, log[at]!))).toEqual(broken(at + 1));
      const renumbered = log.toSpliced(at, 1).map((row, i) => ({ ...row, index: i + 1 }));
      expect(verify(renumbered)).toEqual(broken(at + 1));
    }
  });

  test('cut at its end is broken where a later head is known, and only there', () => {
    for (let kept = 0; kept < records; kept += 1) {
      expect(verify(log.slice(0, kept))).toEqual(broken(kept + 1));
      expect(verify(log.slice(0, kept), [])).toMatchObject({ intact: true, records: kept });
    }
  });

  test('written anew from some record on is broken where a head is known', () => {
    const text = Buffer.from(log[4]!.record).toString().replace('officer-7f', 'officer-00');
    const forged = rechained(log.with(4, { ...log[4]!, record: Buffer.from(text) }));
    expect(verify(forged, [])).toMatchObject({ intact: true });
    expect(verify(forged)).toEqual(broken(records));
    expect(verify(forged, [{ index: 7, chain: log[6]!.chain }])).toEqual(broken(7));
    expect(() => requireIntact(verify(forged))).toThrow(expect.objectContaining({ code: 'AUDIT_BROKEN' }));
  });

  test('whose record is not canonical, or speaks of another place or agency, is broken there', () => {
    const spellings: ((text: string) => string)[] = [
      (text) => text.replace(':', ': '),
      (text) => text.replace('"index":3', '"index":4'),
      (text) => text.replace('gr.customs', 'gr.police'),
      (text) => text.replace('"at":', '"at":"x","at":'),
      (text) => text.replace('{', '{"zz":1,'),
      () => '[]',
      () => 'null',
      () => '',
    ];
    for (const spell of spellings) {
      const record = Buffer.from(spell(Buffer.from(log[2]!.record).toString()));
      expect(verify(rechained(log.with(2, { ...log[2]!, record })), [])).toEqual(broken(3));
    }
    expect(verifyAudit({ agency: italy, rows: log })).toEqual(broken(1));
  });
});

describe('an export', () => {
  const lines = log.map(exportLine);

  test('verifies as the rows do', () => {
    expect([...importLines(lines)]).toEqual(
      log.map((row) => ({ ...row, record: new Uint8Array(row.record) })),
    );
    expect(verify([...importLines(lines)])).toMatchObject({ intact: true, records });
    expect(lines.join('').split('\n')).toHaveLength(records + 1);
  });

  test('tells the first line that was changed', () => {
    const changed = lines.with(5, lines[5]!.replace('officer-7f', 'officer-8f'));
    expect(verify([...importLines(changed)])).toEqual(broken(6));
    expect(verify([...importLines(lines.with(5, 'no line\n'))])).toEqual(broken(6));
    expect(verify([...importLines(lines.slice(0, -1))])).toEqual(broken(records));
  });
});
