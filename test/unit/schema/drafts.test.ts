import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ComityError, type Problem } from '../../../src/errors.ts';
import { limits } from '../../../src/limits.ts';
import { decodeSection, parseDraft } from '../../../src/schema/index.ts';

// biome-ignore lint/suspicious/noExplicitAny: the tests bend the JSON as they like.
type Json = any;

function example(name: string): Json {
  return JSON.parse(readFileSync(new URL(`../../../config/examples/${name}.json`, import.meta.url), 'utf8'));
}

function problemsOf(json: unknown): readonly Problem[] {
  try {
    parseDraft(json);
  } catch (error) {
    if (error instanceof ComityError && error.code === 'DRAFT_INVALID') return error.problems;
    throw error;
  }
  return [];
}

const paths = (json: unknown) => problemsOf(json).map(({ path }) => path);

function bent(name: string, bend: (json: Json) => void): Json {
  const json = example(name);
  bend(json);
  return json;
}

describe('a draft with many mistakes', () => {
  test('is told of all of them at once, each with its path and a sentence', () => {
    const json = bent('seizure', (draft) => {
      draft.to = { agencies: ['gr.customs', 'Customs'] };
      draft.lane = 'soon';
      draft.deliverBy = '2026-02-30T00:00:00Z';
      draft.urgent = true;
      draft.cover.officer = 'officer-1';
      draft.cover.handling.tlp = 'RED';
      draft.cover.own_case = 'x';
      draft.cover.purposes = [];
      delete draft.cover.legalBasis;
      draft.payload.situation.seized.at = '14.3.2026';
      draft.payload.goods.items[0].quantity.value = 'one';
      draft.payload.goods.items[0].cash = {};
      draft.payload.goods.items[1].weigth = {};
      draft.payload.persons.persons[0].category = 'PERSON_CATEGORY_WITNESS';
      draft.payload.victims = { persons: [{ category: 'PERSON_CATEGORY_SUSPECT' }] };
      draft.payload.outcome = {};
      draft.payload.conveyance.conveyances[0].containers[0].number = 7;
    });
    const problems = new Map(problemsOf(json).map(({ path, message }) => [path, message]));
    expect(Object.fromEntries(problems)).toEqual({
      'to.agencies[1]': 'must be an agency such as gr.customs',
      lane: 'must be one of `now`, `day`, `bulk`',
      deliverBy: expect.stringContaining('RFC 3339'),
      urgent: 'is not known here',
      'cover.officer': 'is set by the gateway; leave it out',
      'cover.handling.tlp': expect.stringContaining('`TLP_RED`'),
      'cover.own_case': 'is not known here; write it `ownCase`',
      'cover.purposes': 'must have at least 1 entry',
      'cover.legalBasis': 'must be given',
      'payload.situation.seized.at': expect.stringContaining('2026-03-14'),
      'payload.goods.items[0].quantity.value': 'must be a decimal such as 12.5',
      'payload.goods.items[0]': 'takes only one of `culturalObject`, `cash`',
      'payload.goods.items[1].weigth': expect.stringContaining('`weight`'),
      'payload.persons.persons[0].category': expect.stringContaining('`payload.victims.persons`'),
      'payload.victims.persons[0].category': expect.stringContaining('`payload.persons.persons`'),
      'payload.outcome': 'is empty; leave it out or fill it',
      'payload.conveyance.conveyances[0].containers[0].number': 'must be text',
    });
  });

  test('of a kind that nobody drafts is still told of the rest', () => {
    expect(paths({ kind: 'control', to: [], cover: {}, payload: 1, extra: 1 })).toEqual([
      'kind',
      'to',
      'cover.handling',
      'cover.purposes',
      'cover.legalBasis',
      'payload',
      'extra',
    ]);
  });

  test.each([[null], [undefined], ['text'], [[]], [42]])('that is no object (%j) is refused', (json) => {
    expect(paths(json)).toEqual(['']);
  });

  test('that is nested beyond any payload is refused before it is read', () => {
    let json: Json = {};
    for (let depth = 0; depth < 100_000; depth++) json = { payload: json };
    expect(paths(json)).toEqual(['']);
  });

  test('that has more values than could ever be sent is refused before it is read', () => {
    const json = bent('seizure-minimal', (draft) => {
      draft.payload.goods.items = Array(limits.draftValuesMax).fill({});
    });
    expect(paths(json)).toEqual(['']);
  });

  test('has at most so many problems listed', () => {
    const json = bent('seizure-minimal', (draft) => {
      for (let index = 0; index < limits.draftProblemsMax + 10; index++)
        draft.payload.goods[`extra${index}`] = 1;
    });
    expect(problemsOf(json)).toHaveLength(limits.draftProblemsMax);
  });
});

describe('a member', () => {
  const inText = (text: unknown) =>
    bent('seizure-minimal', (draft) => {
      draft.payload.goods.items[0].description.text = text;
    });
  const at = 'payload.goods.items[0].description.text';

  test.each([
    ['empty', ''],
    ['null', null],
    ['a control character', 'a\u0000b'],
    ['a lone surrogate', 'a\ud800'],
    ['a byte order mark', '\ufeffa'],
  ])('that is text is refused with %s', (_name, text) => {
    expect(paths(inText(text))).toEqual([at]);
  });

  test('that is text is counted in code points, at the edge', () => {
    expect(paths(inText('\u{1f3fa}'.repeat(40_000)))).toEqual([]);
    expect(paths(inText('\u{1f3fa}'.repeat(40_001)))).toEqual([at]);
  });

  test('that is a list takes as many entries as its rule says', () => {
    const items = (count: number) =>
      bent('seizure-minimal', (draft) => {
        draft.payload.goods.items = Array(count).fill({ group: 'GOODS_GROUP_OTHER' });
      });
    expect(paths(items(500))).toEqual([]);
    expect(paths(items(501))).toEqual(['payload.goods.items']);
  });

  test.each([
    ['__proto__', 'payload.__proto__'],
    ['constructor', 'payload.constructor'],
    ['cover', 'payload.cover'],
  ])('named %s in the payload is not known', (name, path) => {
    const json = JSON.parse(
      JSON.stringify(example('seizure-minimal')).replace('"payload":{', `"payload":{"${name}":{},`),
    );
    expect(paths(json)).toEqual([path]);
  });

  test('that is bytes is strict base64 of the right length', () => {
    const digest = (value: string) =>
      bent('response', (draft) => {
        draft.cover.inReplyTo.digest = value;
      });
    expect(paths(digest(`${'A'.repeat(43)}=`))).toEqual([]);
    for (const wrong of ['A'.repeat(43), `${'A'.repeat(42)}B=`, `${'_'.repeat(43)}=`, 'AAAA', '']) {
      expect(paths(digest(wrong)), wrong).toEqual(['cover.inReplyTo.digest']);
    }
  });

  test('that is an enum takes names, not numbers and not its zero', () => {
    const action = (value: unknown) =>
      bent('seizure-minimal', (draft) => {
        draft.payload.situation.legalAction = value;
      });
    expect(paths(action(2))).toEqual(['payload.situation.legalAction']);
    expect(paths(action('LEGAL_ACTION_UNSPECIFIED'))).toEqual(['payload.situation.legalAction']);
  });

  test('that is a date must be in the calendar', () => {
    const seized = (value: string) =>
      bent('seizure-minimal', (draft) => {
        draft.payload.situation.seized.at = value;
      });
    expect(paths(seized('2024-02-29'))).toEqual([]);
    expect(paths(seized('2026-02-29'))).toEqual(['payload.situation.seized.at']);
  });

  test('that is a code refuses direction controls', () => {
    const json = bent('seizure-minimal', (draft) => {
      draft.cover.legalBasis[0].code = '17\u202e';
    });
    expect(paths(json)).toEqual(['cover.legalBasis[0].code']);
  });
});

describe('a section', () => {
  const withSources = (count: number, length: number) =>
    bent('seizure-minimal', (draft) => {
      draft.payload.sources = {
        sources: Array.from({ length: count }, () => ({ content: { text: 'x'.repeat(length) } })),
      };
    });

  test('that is larger than a section may be is named', () => {
    expect(paths(withSources(6, 40_000))).toEqual([]);
    expect(paths(withSources(7, 40_000))).toEqual(['payload.sources']);
  });

  test('that has more fields than the wire takes is named', () => {
    const json = bent('seizure-minimal', (draft) => {
      const measure = { dimension: 'h', quantity: { value: '1', unit: { scheme: 's', code: 'c' } } };
      draft.payload.goods.items = Array.from({ length: 500 }, () => ({
        group: 'GOODS_GROUP_OTHER',
        culturalObject: { measurements: Array(8).fill(measure) },
      }));
    });
    expect(paths(json)).toEqual(['payload.goods']);
  });
});

describe('what belongs elsewhere', () => {
  test('a response names the digest of what it answers', () => {
    const json = bent('response', (draft) => {
      delete draft.cover.inReplyTo;
    });
    expect(paths(json)).toEqual(['cover.inReplyTo.digest']);
  });

  test('a recipient list names no agency twice', () => {
    const json = bent('shipment', (draft) => {
      draft.to = { agencies: ['it.police', 'it.police'] };
    });
    expect(paths(json)).toEqual(['to.agencies']);
  });
});

describe('an unknown code', () => {
  test('is kept and told of', () => {
    const json = bent('seizure-minimal', (draft) => {
      draft.payload.goods.items[0].quantity = {
        value: '3',
        unit: { scheme: 'un-rec-20', code: 'JARS', label: 'jars' },
      };
      draft.payload.goods.items[0].commodity = { scheme: 'taric', code: '9705100010' };
    });
    const draft = parseDraft(json);
    expect(draft.remarks).toEqual([
      'payload.goods.items[0].commodity: `9705100010` is a code of `taric`; expected is one of `hs`',
      'payload.goods.items[0].quantity.unit: `JARS` is not a known code of `un-rec-20`',
    ]);
    const goods = decodeSection(draft.schema, draft.sections.get(3)!);
    expect(goods.json).toEqual(json.payload.goods);
    expect(goods.remarks).toHaveLength(2);
  });

  test('of an enum is kept as its number and told of', () => {
    const draft = parseDraft(example('seizure-minimal'));
    // Situation.legal_action = 999, where the example has 2.
    const bytes = draft.sections.get(2)!;
    const at = bytes.findIndex((byte, index) => byte === 0x28 && bytes[index + 1] === 2);
    const changed = Uint8Array.from([...bytes.slice(0, at + 1), 0xe7, 0x07, ...bytes.slice(at + 2)]);
    changed[1] = (changed[1] ?? 0) + 1;
    const read = decodeSection(draft.schema, changed);
    expect(read.json).toMatchObject({ legalAction: 999 });
    expect(read.remarks).toEqual(['legalAction: the value 999 is not known here']);
  });

  test('and text in another normal form and missing fields of a message that came are told of', () => {
    const draft = parseDraft(
      bent('seizure-minimal', (json) => {
        json.payload.narrative = { summary: { text: 'axx' } };
      }),
    );
    const bytes = Uint8Array.from(draft.sections.get(10)!);
    bytes.set([0xcc, 0x88], bytes.length - 2);
    expect(decodeSection(draft.schema, bytes).remarks).toEqual([
      'summary.text: the text is not in Unicode normal form C',
    ]);
    const empty = Uint8Array.from([0x52, 2, 0x0a, 0]);
    expect(decodeSection(draft.schema, empty).remarks).toEqual(['summary: `text` is missing']);
    expect(decodeSection(draft.schema, Uint8Array.from([0x12, 0])).remarks).toEqual([
      '`seized` is missing',
      '`place` is missing',
    ]);
  });

  test('and a victim among the persons of a message that came are told of', () => {
    const draft = parseDraft(
      bent('seizure-minimal', (json) => {
        json.payload.persons = { persons: [{ category: 'PERSON_CATEGORY_SUSPECT' }] };
      }),
    );
    const bytes = Uint8Array.from(draft.sections.get(7)!);
    bytes[bytes.length - 1] = 3;
    expect(decodeSection(draft.schema, bytes).remarks).toEqual([
      'persons[0]: `PERSON_CATEGORY_VICTIM` belongs under `victims.persons`',
    ]);
  });
});
