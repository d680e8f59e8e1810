import { readFileSync } from 'node:fs';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concat } from '../../../src/bytes.ts';
import { ComityError } from '../../../src/errors.ts';
import { CodeSchema } from '../../../src/gen/comity/common/v1/code_pb.js';
import { BatchProofSchema, EnvelopeSchema } from '../../../src/gen/comity/envelope/v1/envelope_pb.js';
import { SeizureNoticeSchema } from '../../../src/gen/comity/seizure/v1/seizure_pb.js';
import { parseDraft, readStrict } from '../../../src/schema/index.ts';
import { codeOf as code } from './arbitraries.ts';

const bytes = (...values: number[]) => Uint8Array.from(values);

describe('on any bytes', () => {
  const example = parseDraft(
    JSON.parse(readFileSync(new URL('../../../config/examples/seizure.json', import.meta.url), 'utf8')),
  );
  const notice = concat(...example.sections.values());

  test('what is accepted is what encoding it gives, and what a lenient reader reads', () => {
    let accepted = 0;
    fc.assert(
      fc.property(mutated(notice), (input) => {
        const known = ['ENVELOPE_MALFORMED', 'ENVELOPE_NOT_STRICT', 'NESTING_TOO_DEEP', 'FIELDS_TOO_MANY'];
        let read: ReturnType<typeof readStrict<typeof SeizureNoticeSchema>>;
        try {
          read = readStrict(SeizureNoticeSchema, input, { unknown: 'keep' });
        } catch (error) {
          expect(error).toBeInstanceOf(ComityError);
          expect(known).toContain((error as ComityError).code);
          return;
        }
        accepted++;
        const again = toBinary(SeizureNoticeSchema, read.message);
        if (!read.unknownFields) expect(again).toEqual(input);
        const lenient = fromBinary(SeizureNoticeSchema, input, { readUnknownFields: false });
        expect(toBinary(SeizureNoticeSchema, lenient)).toEqual(again);
      }),
      { numRuns: 3000, seed: 4711 },
    );
    expect(accepted).toBeGreaterThan(100);
  });

  test('random bytes never give more than a coded error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (input) => {
        expect(code(() => readStrict(EnvelopeSchema, input, { unknown: 'refuse' }))).toMatch(/^[A-Za-z_]+$/);
      }),
      { numRuns: 2000, seed: 4711 },
    );
  });

  test('64-bit and repeated scalars keep their one form', () => {
    const proof = create(BatchProofSchema, { text: bytes(1), index: 4294967295, path: [bytes(), bytes(2)] });
    const encoded = toBinary(BatchProofSchema, proof);
    expect(readStrict(BatchProofSchema, encoded, { unknown: 'refuse' }).message).toEqual(proof);
    expect(code(() => readStrict(CodeSchema, concat(encoded, encoded), { unknown: 'keep' }))).not.toBe(
      'accepted',
    );
  });
});

function mutated(origin: Uint8Array): fc.Arbitrary<Uint8Array> {
  const at = fc.nat({ max: origin.length - 1 });
  const flip = fc.tuple(at, fc.integer({ min: 1, max: 255 })).map(([index, mask]) => {
    const copy = Uint8Array.from(origin);
    copy[index] = (copy[index] ?? 0) ^ mask;
    return copy;
  });
  const insert = fc
    .tuple(at, fc.uint8Array({ minLength: 1, maxLength: 4 }))
    .map(([index, extra]) => concat(origin.subarray(0, index), extra, origin.subarray(index)));
  const remove = fc
    .tuple(at, fc.integer({ min: 1, max: 8 }))
    .map(([index, count]) => concat(origin.subarray(0, index), origin.subarray(index + count)));
  const append = fc.uint8Array({ minLength: 1, maxLength: 6 }).map((extra) => concat(origin, extra));
  return fc.oneof(flip, insert, remove, append);
}
