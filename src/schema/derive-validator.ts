/** Zod schemas for whole messages, derived from their descriptors and the options in the proto files. */
import type { DescField, DescMessage } from '@bufbuild/protobuf';
import * as z from 'zod';
import { deriveEnum, deriveScalar, deriveTimestamp, expecting } from './derive-scalars.ts';
import { rulesOf } from './options.ts';

/**
 * The validator of a message's ProtoJSON form (JSON names, enum names, base64, 64-bit numbers as
 * strings). What the gateway sets by itself is not in it. Unknown members are problems.
 */
export function deriveMessage(desc: DescMessage, made = new Map<DescMessage, z.ZodType>()): z.ZodType {
  const known = made.get(desc);
  if (known !== undefined) return known;
  const schema = desc.typeName === 'google.protobuf.Timestamp' ? deriveTimestamp() : deriveObject(desc, made);
  made.set(desc, schema);
  return schema;
}

function deriveObject(desc: DescMessage, made: Map<DescMessage, z.ZodType>): z.ZodType {
  const shape: Record<string, z.ZodType> = {};
  for (const field of desc.fields) {
    const rules = rulesOf(field);
    if (rules.byGateway) continue;
    const schema = deriveField(field, made);
    shape[field.jsonName] = rules.required ? schema : schema.optional();
  }
  return z.strictObject(shape, expecting('an object'));
}

function deriveField(field: DescField, made: Map<DescMessage, z.ZodType>): z.ZodType {
  if (field.fieldKind === 'map') throw new TypeError(`${field.toString()} is a map`);
  if (field.fieldKind !== 'list') return deriveItem(field, made);
  const { required, minItems, maxItems } = rulesOf(field);
  const least = Math.max(minItems, required ? 1 : 0);
  const list = z.array(deriveItem(field, made), expecting('a list'));
  const bounded =
    maxItems > 0 ? list.max(maxItems, { error: `must have at most ${maxItems} entries` }) : list;
  return least > 0
    ? bounded.min(least, { error: `must have at least ${least} ${least === 1 ? 'entry' : 'entries'}` })
    : bounded;
}

function deriveItem(field: DescField, made: Map<DescMessage, z.ZodType>): z.ZodType {
  if (field.message !== undefined) return deriveMessage(field.message, made);
  if (field.enum !== undefined) return deriveEnum(field.enum);
  if (field.scalar !== undefined) return deriveScalar(field.scalar, rulesOf(field));
  throw new TypeError(`no validator for ${String(field)}`);
}
