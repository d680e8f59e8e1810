import { type DescMessage, toBinary } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import { describe, expect, test } from 'vitest';
import { concat } from '../../../src/bytes.ts';
import { ConveyanceSchema } from '../../../src/gen/comity/common/v1/conveyance_pb.js';
import { PlaceSchema } from '../../../src/gen/comity/common/v1/place_pb.js';
import { CoverSchema } from '../../../src/gen/comity/cover/v1/cover_pb.js';
import { EnvelopeSchema } from '../../../src/gen/comity/envelope/v1/envelope_pb.js';
import { GoodsSchema } from '../../../src/gen/comity/seizure/v1/goods_pb.js';
import { SeizureNoticeSchema } from '../../../src/gen/comity/seizure/v1/seizure_pb.js';
import { limits } from '../../../src/limits.ts';
import { decodeSection, encodeSectionField, readStrict, schemaOfKind } from '../../../src/schema/index.ts';
import { codeOf as code } from './arbitraries.ts';

const bytes = (...values: number[]) => Uint8Array.from(values);

describe('strict reading refuses', () => {
  // Place: country = 1 (string), precision_metres = 7 (uint32), type = 8 (enum). Cover: purposes = 12 (packed).
  test.each([
    ['a tag longer than it needs to be', PlaceSchema, bytes(0x8a, 0x00, 2, 71, 82), 'ENVELOPE_NOT_STRICT'],
    [
      'a length longer than it needs to be',
      PlaceSchema,
      bytes(0x0a, 0x82, 0x00, 71, 82),
      'ENVELOPE_NOT_STRICT',
    ],
    ['a value longer than it needs to be', PlaceSchema, bytes(0x38, 0x85, 0x00), 'ENVELOPE_NOT_STRICT'],
    [
      'a value wider than its type',
      PlaceSchema,
      bytes(0x38, 0x85, 0x80, 0x80, 0x80, 0x10),
      'ENVELOPE_NOT_STRICT',
    ],
    ['an over-long value in a packed list', CoverSchema, bytes(0x62, 2, 0x81, 0x00), 'ENVELOPE_NOT_STRICT'],
    ['a duplicate field', PlaceSchema, bytes(0x0a, 1, 71, 0x0a, 1, 82), 'ENVELOPE_NOT_STRICT'],
    ['fields out of order', PlaceSchema, bytes(0x38, 5, 0x0a, 2, 71, 82), 'ENVELOPE_NOT_STRICT'],
    ['both arms of a oneof', ConveyanceSchema, bytes(0x1a, 0, 0x22, 0), 'ENVELOPE_NOT_STRICT'],
    [
      'a message field given in two parts',
      SeizureNoticeSchema,
      bytes(0x12, 0, 0x12, 0),
      'ENVELOPE_NOT_STRICT',
    ],
    ['a split packed list', CoverSchema, bytes(0x62, 1, 1, 0x62, 1, 2), 'ENVELOPE_NOT_STRICT'],
    ['an unpacked list', CoverSchema, bytes(0x60, 1), 'ENVELOPE_NOT_STRICT'],
    ['an empty packed list', CoverSchema, bytes(0x62, 0), 'ENVELOPE_NOT_STRICT'],
    ['an explicit default number', PlaceSchema, bytes(0x38, 0), 'ENVELOPE_NOT_STRICT'],
    ['an explicit empty text', PlaceSchema, bytes(0x0a, 0), 'ENVELOPE_NOT_STRICT'],
    ['a wrong wire type', PlaceSchema, bytes(0x08, 1), 'ENVELOPE_NOT_STRICT'],
    ['text that is not UTF-8', PlaceSchema, bytes(0x0a, 2, 0xc3, 0x28), 'ENVELOPE_MALFORMED'],
    ['an unknown field, where none may be', PlaceSchema, bytes(0x78, 1), 'ENVELOPE_NOT_STRICT'],
    ['field number 0', PlaceSchema, bytes(0x02, 0), 'ENVELOPE_MALFORMED'],
    [
      'a field number out of range',
      PlaceSchema,
      bytes(0xfa, 0xff, 0xff, 0xff, 0x7f, 0),
      'ENVELOPE_MALFORMED',
    ],
    ['a group', PlaceSchema, bytes(0x7b, 0x7c), 'ENVELOPE_MALFORMED'],
    ['wire type 7', PlaceSchema, bytes(0x0f), 'ENVELOPE_MALFORMED'],
    ['a truncated tag', PlaceSchema, bytes(0x8a), 'ENVELOPE_MALFORMED'],
    ['a truncated value', PlaceSchema, bytes(0x0a, 5, 71), 'ENVELOPE_MALFORMED'],
    [
      'a number of more than 64 bits',
      PlaceSchema,
      bytes(0x38, ...Array(10).fill(0xff), 1),
      'ENVELOPE_MALFORMED',
    ],
    [
      'a nested message that outgrows its parent',
      SeizureNoticeSchema,
      bytes(0x12, 2, 0x0a, 9),
      'ENVELOPE_MALFORMED',
    ],
  ])('%s', (_name, desc, input, expected) => {
    expect(code(() => readStrict(desc, input, { unknown: 'refuse' }))).toBe(expected);
  });

  test('nothing that is canonical, a byte order mark included', () => {
    expect(
      code(() => readStrict(PlaceSchema, bytes(0x0a, 3, 0xef, 0xbb, 0xbf, 0x38, 5), { unknown: 'refuse' })),
    ).toBe('accepted');
    expect(code(() => readStrict(CoverSchema, bytes(0x62, 2, 1, 2), { unknown: 'refuse' }))).toBe('accepted');
    expect(code(() => readStrict(PlaceSchema, bytes(), { unknown: 'refuse' }))).toBe('accepted');
  });
});

describe('unknown fields', () => {
  test('are set aside and told of at any depth, wherever they stand', () => {
    // SeizureNotice { 99: 1, situation { place { country: GR, 98: "x" }, 97: fixed32 } }
    const place = bytes(0x0a, 2, 71, 82, 0x92, 0x06, 1, 120);
    const situation = concat(bytes(0x22, place.length), place, bytes(0x8d, 0x06, 1, 2, 3, 4));
    const input = concat(bytes(0x98, 0x06, 1), encodeSectionField(2, situation));
    const read = readStrict(SeizureNoticeSchema, input, { unknown: 'keep' });
    expect(read.unknownFields).toBe(true);
    expect(read.message.situation?.place?.country).toBe('GR');
    expect(Buffer.from(toBinary(SeizureNoticeSchema, read.message)).toString('hex')).toBe('120622040a024752');
  });

  test('do not hide what is not strict beside or within them', () => {
    expect(code(() => readStrict(PlaceSchema, bytes(0x98, 0x06, 0x81, 0x00), { unknown: 'keep' }))).toBe(
      'ENVELOPE_NOT_STRICT',
    );
    expect(code(() => readStrict(PlaceSchema, bytes(0x98, 0x06, 1, 0x38, 0), { unknown: 'keep' }))).toBe(
      'ENVELOPE_NOT_STRICT',
    );
    // A nested length in two bytes, around a message that is written anew without its unknown field.
    const nested = bytes(0x22, 0x83, 0x00, 0x98, 0x06, 1);
    expect(
      code(() => readStrict(SeizureNoticeSchema, encodeSectionField(2, nested), { unknown: 'keep' })),
    ).toBe('ENVELOPE_NOT_STRICT');
  });

  test('of a section are reported with their own codes', () => {
    const schema = schemaOfKind('seizure')!;
    expect(decodeSection(schema, encodeSectionField(3, bytes(0x98, 0x06, 1)))).toMatchObject({
      field: 3,
      unknownFields: true,
      json: {},
    });
    expect(code(() => decodeSection(schema, encodeSectionField(3, bytes(0x98, 0x06, 0x81, 0))))).toBe(
      'SECTION_NOT_STRICT',
    );
    expect(code(() => decodeSection(schema, encodeSectionField(3, bytes(0x0f))))).toBe('SECTION_INVALID');
    expect(code(() => decodeSection(schema, encodeSectionField(30, bytes())))).toBe('SECTION_INVALID');
    expect(code(() => decodeSection(schema, bytes(0x1a, 0, 0x22, 0)))).toBe('SECTION_INVALID');
    expect(code(() => decodeSection(schema, bytes(0x9a, 0x00, 0)))).toBe('SECTION_NOT_STRICT');
    expect(code(() => decodeSection(schema, bytes()))).toBe('SECTION_INVALID');
  });
});

describe('limits on the wire', () => {
  const fields = (count: number) => concat(...Array.from({ length: count }, () => bytes(0x32, 0)));

  test('as many fields as may be, and one more', () => {
    expect(code(() => readStrict(CoverSchema, fields(limits.wireFieldsMax), { unknown: 'keep' }))).toBe(
      'accepted',
    );
    expect(code(() => readStrict(CoverSchema, fields(limits.wireFieldsMax + 1), { unknown: 'keep' }))).toBe(
      'FIELDS_TOO_MANY',
    );
  });

  test('packed values and unknown fields count as fields', () => {
    const packed = (count: number) => encodeSectionField(12, new Uint8Array(count).fill(1));
    expect(code(() => readStrict(CoverSchema, packed(limits.wireFieldsMax - 1), { unknown: 'keep' }))).toBe(
      'accepted',
    );
    expect(code(() => readStrict(CoverSchema, packed(limits.wireFieldsMax), { unknown: 'keep' }))).toBe(
      'FIELDS_TOO_MANY',
    );
    const unknown = concat(...Array.from({ length: limits.wireFieldsMax + 1 }, () => bytes(0x98, 0x06, 1)));
    expect(code(() => readStrict(CoverSchema, unknown, { unknown: 'keep' }))).toBe('FIELDS_TOO_MANY');
  });

  test('messages as deep as may be, and one deeper', () => {
    // Value { list_value (6) { values (1) { ... } } }: each round is two messages.
    const nested = (depth: number): Uint8Array => {
      let inner = new Uint8Array();
      for (let level = depth; level > 1; level--)
        inner = Uint8Array.from(encodeSectionField(level % 2 === 0 ? 6 : 1, inner));
      return inner;
    };
    expect(code(() => readStrict(ValueSchema, nested(limits.wireNestingMax), { unknown: 'keep' }))).toBe(
      'accepted',
    );
    expect(code(() => readStrict(ValueSchema, nested(limits.wireNestingMax + 1), { unknown: 'keep' }))).toBe(
      'NESTING_TOO_DEEP',
    );
  });

  test('a section as large as may be, and one byte more', () => {
    const schema = schemaOfKind('seizure')!;
    const withText = (length: number) => {
      const text = encodeSectionField(1, new Uint8Array(length).fill(97));
      return encodeSectionField(10, encodeSectionField(2, text));
    };
    const overhead = withText(200_000).length - 200_000;
    expect(code(() => decodeSection(schema, withText(limits.sectionBytesMax - overhead)))).toBe('accepted');
    expect(code(() => decodeSection(schema, withText(limits.sectionBytesMax - overhead + 1)))).toBe(
      'SECTION_INVALID',
    );
  });

  test('whatever half a mebibyte says, it costs little', () => {
    const size = limits.envelopeBytesMax;
    const hostile: [string, Uint8Array][] = [
      ['empty entries', Uint8Array.from({ length: size }, (_, index) => (index % 2 === 0 ? 0x0a : 0))],
      ['unknown fields', new Uint8Array(size).fill(0x78)],
      ['one packed list', encodeSectionField(12, new Uint8Array(size - 8).fill(1))],
      ['one text', encodeSectionField(5, new Uint8Array(size - 8).fill(97))],
      ['zeros', new Uint8Array(size)],
      [
        'as many entries as may be',
        concat(...Array.from({ length: limits.wireFieldsMax }, () => bytes(0x0a, 0))),
      ],
    ];
    const descs = [GoodsSchema, CoverSchema, EnvelopeSchema];
    for (const desc of descs) code(() => readStrict(desc, hostile[5]![1], { unknown: 'keep' }));
    for (const [name, input] of hostile) {
      for (const desc of descs) expect(cpuMs(desc, input), `${name} as ${desc.typeName}`).toBeLessThan(50);
    }
    expect(cpuMs(ValueSchema, nestedLengths(size)), 'nested lists').toBeLessThan(50);
  });

  // The least of three: what the input costs, not what else the machine does.
  function cpuMs(desc: DescMessage, input: Uint8Array): number {
    const runs = [1, 2, 3].map(() => {
      const before = process.cpuUsage();
      code(() => readStrict(desc, input, { unknown: 'keep' }));
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000;
    });
    return Math.min(...runs);
  }

  function nestedLengths(size: number): Uint8Array {
    let inner = new Uint8Array(size - 80).fill(0x78);
    for (let level = 0; level < 14; level++)
      inner = Uint8Array.from(encodeSectionField(level % 2 === 0 ? 1 : 6, inner));
    return inner;
  }
});
