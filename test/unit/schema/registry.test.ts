import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type DescMessage, getOption, ScalarType } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hex } from '../../../src/bytes.ts';
import { CoverSchema } from '../../../src/gen/comity/cover/v1/cover_pb.js';
import { rules } from '../../../src/gen/comity/options/v1/options_pb.js';
import {
  allSchemas,
  checkReference,
  draftJsonSchema,
  formatReference,
  kindsDrafted,
  payloadJsonSchema,
  schemaDigest,
  schemaNamed,
  schemaOfKind,
} from '../../../src/schema/index.ts';
import { readSchema } from '../../../src/schema/registry.ts';
import { agencyId } from '../../../src/types.ts';

describe('the registry', () => {
  test('knows a schema for each kind that officers draft', () => {
    expect(kindsDrafted).toEqual(['seizure', 'red-flag', 'object', 'shipment', 'response']);
    expect(schemaOfKind('seizure')).toBe(schemaNamed('comity.seizure.v1.SeizureNotice', 1));
    expect(schemaNamed('comity.seizure.v1.SeizureNotice', 2)).toBeUndefined();
    expect(schemaOfKind('control')).toBeUndefined();
  });

  test('gives every payload a cover first, and its gateways one section, field 2', () => {
    for (const schema of allSchemas()) {
      const [first] = schema.sections;
      if (schema.hasCover)
        expect(first).toMatchObject({ field: 1, name: 'cover', category: 'COVER', required: true });
      else expect(schema.sections).toMatchObject([{ field: 2, category: 'GATEWAY' }]);
      expect(schema.hasCover).toBe(kindsDrafted.includes(schema.kind as never));
    }
  });

  test('has a victims section wherever there are persons', () => {
    for (const { name, sections } of allSchemas()) {
      const categories = sections.map(({ category }) => category);
      if (categories.includes('PERSON')) expect(categories, name).toContain('VICTIM');
    }
  });

  test('takes no message for a payload that is not built of sections', () => {
    expect(readSchema(CoverSchema)).toBeUndefined();
    const schema = schemaOfKind('seizure')!.message;
    const broken = { ...schema, fields: [CoverSchema.fields[0]!] } as unknown as DescMessage;
    expect(() => readSchema({ ...broken, toString: () => 'x' } as DescMessage)).toThrow(TypeError);
  });

  test('has the digest of the checked-in descriptor set', () => {
    const set = readFileSync(new URL('../../../proto/descriptors.binpb', import.meta.url));
    expect(hex(schemaDigest)).toBe(createHash('sha256').update(set).digest('hex'));
  });
});

describe('every field of a payload', () => {
  const messages = new Map<string, DescMessage>();
  const collect = (desc: DescMessage): void => {
    if (messages.has(desc.typeName)) return;
    messages.set(desc.typeName, desc);
    for (const field of desc.fields) if (field.message !== undefined) collect(field.message);
  };
  for (const schema of allSchemas()) if (schema.hasCover) collect(schema.message);
  messages.delete('google.protobuf.Timestamp');

  test.each([...messages.values()].map((desc) => [desc.typeName, desc] as const))(
    'of %s is bounded',
    (_name, desc) => {
      for (const field of desc.fields) {
        const { maxItems, maxLength, pattern } = getOption(field, rules);
        expect(field.fieldKind, field.toString()).not.toBe('map');
        if (field.fieldKind === 'list') expect(maxItems, field.toString()).toBeGreaterThan(0);
        const isText = field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES;
        if (isText) expect(maxLength, field.toString()).toBeGreaterThan(0);
        expect([ScalarType.DOUBLE, ScalarType.FLOAT]).not.toContain(field.scalar);
        if (pattern !== '') expect(getOption(field, rules).patternName, field.toString()).not.toBe('');
      }
    },
  );
});

describe('the JSON Schema of a draft', () => {
  test.each(kindsDrafted)('of a %s is closed, names its kind and lacks what the gateway sets', (kind) => {
    const schema = draftJsonSchema(kind) as Record<string, never>;
    expect(schema).toMatchObject({
      type: 'object',
      additionalProperties: false,
      required: ['kind', 'to', 'cover', 'payload'],
      properties: { kind: { const: kind } },
    });
    const text = JSON.stringify(schema);
    expect(text).toContain('ownCase');
    expect(text).not.toContain('distributionId');
    expect(Object.keys((payloadJsonSchema(kind) as { properties: object })['properties'])).toEqual(
      schemaOfKind(kind)!
        .sections.slice(1)
        .map(({ name }) => name),
    );
  });

  test('carries patterns and lengths', () => {
    expect(JSON.stringify(payloadJsonSchema('seizure'))).toContain(
      '"maxLength":2,"pattern":"^(?:[A-Z]{2})$"',
    );
  });
});

describe('a reference', () => {
  const customs = agencyId('gr.customs');

  test('has jurisdiction, office, year, number and check digit', () => {
    expect(formatReference(customs, 2026, 4711)).toBe('GR-CUS-2026-004711-7');
    expect(formatReference(agencyId('fr.a-9'), 2026, 1234568)).toMatch(/^FR-A-2026-1234568-[0-9]$/);
    expect(() => formatReference(customs, 26, 1)).toThrow(TypeError);
    expect(() => formatReference(customs, 2026, 0)).toThrow(TypeError);
  });

  test('is not given for a number whose check digit another could share', () => {
    const numbers = Array.from({ length: 1100 }, (_, index) => index + 1);
    const without = numbers.filter((number) => formatReference(customs, 2026, number) === undefined);
    expect(without.length).toBeGreaterThan(80);
    expect(without.length).toBeLessThan(120);
  });

  test('that is heard wrong by one digit is noticed', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 999_999 }),
        fc.nat(5),
        fc.integer({ min: 1, max: 9 }),
        (number, at, more) => {
          const reference = formatReference(customs, 2026, number);
          if (reference === undefined) return;
          expect(checkReference(reference)).toBe(true);
          const index = 'GR-CUS-2026-'.length + at;
          const digit = (Number(reference[index]) + more) % 10;
          expect(checkReference(reference.slice(0, index) + digit + reference.slice(index + 1))).toBe(false);
        },
      ),
      { seed: 4711 },
    );
  });

  test.each([
    '',
    'GR-CUS-2026-004711',
    'gr-cus-2026-004711-7',
    'GR-CUS-2026-4711-7',
    'GR-CUS-2026-004711-7 ',
  ])('is not %j', (text) => {
    expect(checkReference(text)).toBe(false);
  });
});
