import { readdirSync, readFileSync } from 'node:fs';
import { equals, fromBinary, fromJson, type JsonValue, toJson } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concat } from '../../../src/bytes.ts';
import { CoverSchema } from '../../../src/gen/comity/cover/v1/cover_pb.js';
import {
  coverJson,
  decodeCover,
  decodeSection,
  encodeCover,
  kindsDrafted,
  parseDraft,
  schemaOfKind,
  validator,
} from '../../../src/schema/index.ts';
import { messageJson } from './arbitraries.ts';

const examples = new URL('../../../config/examples/', import.meta.url);
const exampleFiles = readdirSync(examples).filter((name) => name.endsWith('.json'));

function draftJson(kind: (typeof kindsDrafted)[number]): fc.Arbitrary<Record<string, unknown>> {
  const schema = schemaOfKind(kind)!;
  const payload = fc.record(
    Object.fromEntries(
      schema.sections
        .filter(({ category }) => category !== 'COVER')
        .map(({ name, message }) => [
          name,
          messageJson(message).filter((json) => Object.keys(json).length > 0),
        ]),
    ),
    { requiredKeys: schema.sections.filter((s) => s.required && s.category !== 'COVER').map((s) => s.name) },
  );
  const cover = messageJson(CoverSchema).map((json) =>
    schema.answers ? { ...json, inReplyTo: { digest: `${'A'.repeat(43)}=` } } : json,
  );
  return fc.record({ kind: fc.constant(kind), to: fc.constant('all'), cover, payload });
}

describe('a draft', () => {
  test.each(kindsDrafted)('of a %s round-trips section by section', (kind) => {
    fc.assert(
      fc.property(draftJson(kind), (json) => {
        const draft = parseDraft(json);
        const whole = concat(...draft.sections.values());
        const message = fromBinary(draft.schema.message, whole);
        const canonical = fromJson(draft.schema.message, json['payload'] as JsonValue);
        expect(equals(draft.schema.message, message, canonical)).toBe(true);
        for (const section of draft.schema.sections) {
          const bytes = draft.sections.get(section.field);
          if (bytes === undefined) continue;
          const decoded = decodeSection(draft.schema, bytes);
          expect(decoded).toMatchObject({ field: section.field, unknownFields: false });
          expect(decoded.json).toEqual(draft.payloadJson[section.name]);
        }
      }),
      { numRuns: 60, seed: 4711 },
    );
  });

  test('has a cover that round-trips', () => {
    fc.assert(
      fc.property(messageJson(CoverSchema), (json) => {
        const cover = fromJson(CoverSchema, json as JsonValue);
        const read = decodeCover(encodeCover(cover));
        expect(equals(CoverSchema, read, cover)).toBe(true);
        expect(coverJson(read)).toEqual(toJson(CoverSchema, cover));
      }),
      { numRuns: 100, seed: 4711 },
    );
  });

  test.each(exampleFiles)('in config/examples/%s is valid, without remarks', (name) => {
    const json: unknown = JSON.parse(readFileSync(new URL(name, examples), 'utf8'));
    const draft = parseDraft(json);
    expect(draft.remarks).toEqual([]);
    expect(draft.payloadJson).toEqual((json as { payload: unknown }).payload);
    expect(validator(draft.kind).safeParse(json).success).toBe(true);
  });

  test('is valid with the five fields that are always known', () => {
    const draft = parseDraft(JSON.parse(readFileSync(new URL('seizure-minimal.json', examples), 'utf8')));
    expect([...draft.sections.keys()]).toEqual([2, 3]);
    expect(draft.lane).toBe('day');
  });

  test('gives its words to search, and none of its bytes or enum names', () => {
    const draft = parseDraft(JSON.parse(readFileSync(new URL('seizure.json', examples), 'utf8')));
    const { text } = decodeSection(draft.schema, draft.sections.get(3)!);
    expect(text).toContain('funerary stele');
    expect(text).toContain('ΜΝΗΣΑΡΕΤΗ');
    expect(text).not.toContain('GOODS_GROUP');
  });

  test('is brought to Unicode normal form C', () => {
    const json = JSON.parse(readFileSync(new URL('seizure-minimal.json', examples), 'utf8'));
    json.payload.goods.items[0].description.text = 'Mu\u0308nzen';
    expect(JSON.stringify(parseDraft(json).payloadJson)).toContain('M\u00fcnzen');
  });
});
