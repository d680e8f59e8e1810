/** Arbitrary ProtoJSON of a message, from its descriptor and rules alone; and the code that a call throws. */
import { type DescField, type DescMessage, getOption, ScalarType } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { ComityError } from '../../../src/errors.ts';
import { rules } from '../../../src/gen/comity/options/v1/options_pb.js';

export function messageJson(desc: DescMessage): fc.Arbitrary<Record<string, unknown>> {
  if (desc.typeName === 'google.protobuf.Timestamp') return timestamp as never;
  const fields = desc.fields.filter((field) => !getOption(field, rules).byGateway);
  const chosen = fc.tuple(
    ...desc.oneofs.map((oneof) => fc.constantFrom(...oneof.fields.map((f) => f.jsonName))),
  );
  const members = fc.record(Object.fromEntries(fields.map((field) => [field.jsonName, fieldJson(field)])), {
    requiredKeys: fields.filter((f) => getOption(f, rules).required).map((f) => f.jsonName),
  });
  return fc.tuple(members, chosen).map(([json, arms]) =>
    Object.fromEntries(
      Object.entries(json).filter(([name]) => {
        const field = desc.fields.find((one) => one.jsonName === name);
        return field?.oneof === undefined || arms.includes(name);
      }),
    ),
  );
}

const timestamp = fc
  .date({ min: new Date('1900-01-01'), max: new Date('2200-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString());

function fieldJson(field: DescField): fc.Arbitrary<unknown> {
  const { maxItems, minItems, required } = getOption(field, rules);
  const item = itemJson(field);
  if (field.fieldKind !== 'list') return refusing(field, item);
  return fc.array(refusing(field, item), {
    minLength: Math.max(minItems, required ? 1 : 0),
    maxLength: Math.min(maxItems, 3),
  });
}

function refusing(field: DescField, item: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const { refuse } = getOption(field, rules);
  if (refuse === undefined) return item;
  return item.filter(
    (entry) => !refuse.values.includes((entry as Record<string, string>)[refuse.member] ?? ''),
  );
}

function itemJson(field: DescField): fc.Arbitrary<unknown> {
  if (field.message !== undefined) return messageJson(field.message);
  if (field.enum !== undefined) {
    return fc.constantFrom(...field.enum.values.filter(({ number }) => number !== 0).map(({ name }) => name));
  }
  const { pattern, maxLength, minLength, minimum, maximum } = getOption(field, rules);
  switch (field.scalar) {
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.UINT32:
      return fc.integer({ min: minimum ?? 0, max: maximum ?? 0xffff_ffff });
    case ScalarType.UINT64:
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String);
    case ScalarType.BYTES:
      return fc
        .uint8Array({ minLength: Math.max(1, minLength), maxLength: Math.min(maxLength, 64) })
        .map((bytes) => Buffer.from(bytes).toString('base64'));
    default:
      return text(pattern, maxLength);
  }
}

function text(pattern: string, maxLength: number): fc.Arbitrary<string> {
  if (pattern.startsWith('[0-9]{4}(-(0[1-9]'))
    return fc.constantFrom('2026', '2026-03', '2024-02-29', '2026-03-14T06:40+02:00');
  const any =
    pattern === ''
      ? fc.string({ unit: 'grapheme', minLength: 1, maxLength: Math.min(maxLength, 12) })
      : pattern.startsWith('[^')
        ? fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 12 })
        : fc.stringMatching(new RegExp(`^(?:${pattern})$`));
  return any
    .map((value) => value.normalize('NFC'))
    .filter(
      (value) => value !== '' && [...value].length <= maxLength && !/[\u0000-\u001f\u007f\ufeff]/.test(value),
    );
}

/** The code of the error that `run` throws, or `accepted`; anything but a coded error is thrown on. */
export function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ComityError) return error.code;
    throw error;
  }
  return 'accepted';
}
