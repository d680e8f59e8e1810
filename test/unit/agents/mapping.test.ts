import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { seizureDraft } from '../../../agents/customs/mapping.ts';
import { profile as customs } from '../../../agents/customs/profile.ts';
import { objectDraft } from '../../../agents/heritage/mapping.ts';
import { profile as heritage } from '../../../agents/heritage/profile.ts';
import { profile as liaison } from '../../../agents/liaison/profile.ts';
import { shipmentDraft } from '../../../agents/police/mapping.ts';
import { profile as police } from '../../../agents/police/profile.ts';
import { ComityError } from '../../../src/errors.ts';
import { defineProfile, readCsv } from '../../../src/index.ts';
import { parseDraft } from '../../../src/schema/index.ts';

const root = new URL('../../../agents/', import.meta.url);
const register = readCsv(readFileSync(new URL('heritage/data/stolen-art.csv', root), 'utf8'));

function problemsOf(draft: unknown): unknown {
  try {
    parseDraft(draft);
    return [];
  } catch (error) {
    return error instanceof ComityError ? error.problems : error;
  }
}

describe('the stolen-art register', () => {
  it('has 400 rows, and each is a valid object flag', () => {
    expect(register).toHaveLength(400);
    for (const row of register) expect(problemsOf(objectDraft(row))).toEqual([]);
  });

  it('keeps what was reported, and leaves out what is not known', () => {
    const row = register.find(({ title }) => title === 'Abstract Pink Onyx Sculpture on Black Marble')!;
    expect(objectDraft(row)).toMatchObject({
      kind: 'object',
      lane: 'bulk',
      payload: {
        object: {
          makers: ['Henry Klar', 'Gloria Klar'],
          materials: ['Onyx', 'Marble'],
          category: { scheme: 'fbi-nsaf', code: 'sculpture' },
          dated: { text: '20th century' },
          measurements: [{ dimension: 'area', quantity: { value: '1152.0', unit: { code: 'INK' } } }],
        },
      },
    });
    const nothing = {
      title: '',
      maker: 'Unknown',
      crimeCategory: 'None',
      materials: '',
      period: 'Other',
      size: 'big',
      units: 'Inches',
    };
    expect((objectDraft(nothing) as { payload: { object: unknown } }).payload.object).toEqual({
      measurements: [{ dimension: 'length', quantity: { reportedValue: 'big', reportedUnit: 'Inches' } }],
    });
  });
});

describe('the other registers', () => {
  it.each([
    'R-1,2026-03-17,GR,GRPIR,Piraeus 3,antiquities,bronze coins,970510,640,H87',
    'R-2,2026-03,GR,,,drugs,,,,',
    'R-3,2026-03-17,GR,,,livestock,goats,,about 20,',
  ])('maps the seizure %s', (line) => {
    const [row] = readCsv(`register_no,date,country,unlocode,office,group,goods,hs,quantity,unit\n${line}`);
    expect(problemsOf(seizureDraft(row!))).toEqual([]);
  });

  it.each([
    'C-1,XMPU1234560,EXAMPLE MERIDIAN,2026-03-21,ITGOA,hold,2026-03-31,sister of a seized container,SH15',
    'C-2,,,,,,,,',
    'C-3,XMPU7654325,,2026-03-21T04:00:00+01:00,GRPIR,report,,,',
  ])('maps the consignment %s', (line) => {
    const [row] = readCsv(`case,container,vessel,eta,port,action,until,ground,flag\n${line}`);
    expect(problemsOf(shipmentDraft(row!))).toEqual([]);
  });

  it('says on the hold that time is short', () => {
    const [hold, report] = readCsv('case,action\n1,hold\n2,report').map(shipmentDraft) as { lane: string }[];
    expect([hold?.lane, report?.lane]).toEqual(['now', 'day']);
  });

  it('fails a mapping of what is no row', () => {
    expect(problemsOf(seizureDraft({}))).not.toEqual([]);
  });
});

describe('a table', () => {
  it('is read with quotes, line breaks and marks', () => {
    expect(readCsv('\ufeffa,b\r\n"x, ""y""\nz",\r\n1,2')).toEqual([
      { a: 'x, "y"\nz', b: '' },
      { a: '1', b: '2' },
    ]);
    expect(readCsv('a\n')).toEqual([]);
  });

  it.each([
    '',
    'a,a\n1,2',
    'a,\n1,2',
    'a,b\n1',
    'a,b\n1,2,3',
    'a,b\n"1,2',
    'a,b\n1"x",2',
    'a,b\n"1"x,2',
    'a,b\n\n',
  ])('is refused when it is not rectangular: %j', (text) => expect(() => readCsv(text)).toThrow(ComityError));
});

describe('profiles', () => {
  it('only narrow: nothing of the gateways’ own, and no unknown kind', () => {
    expect(() => defineProfile({ title: 't', sends: ['receipt'], takes: [] })).toThrow(TypeError);
    expect(() => defineProfile({ title: 't', sends: [], takes: ['all' as 'note'] })).toThrow(TypeError);
    for (const one of [customs, heritage, liaison, police]) expect(Object.isFrozen(one)).toBe(true);
    expect(heritage.takes).not.toContain('shipment');
    expect(liaison.sends).not.toContain('seizure');
  });

  it('have a short entry and a page that names their files', () => {
    for (const agent of ['customs', 'heritage', 'liaison', 'police']) {
      const folder = new URL(`${agent}/`, root);
      expect(
        readFileSync(new URL('main.ts', folder), 'utf8').trimEnd().split('\n').length,
      ).toBeLessThanOrEqual(15);
      const page = readFileSync(new URL('README.md', folder), 'utf8');
      for (const file of readdirSync(folder).filter((name) => name.endsWith('.ts')))
        expect(page).toContain(file);
    }
    expect(existsSync(new URL('liaison/mapping.ts', root))).toBe(false);
  });
});
