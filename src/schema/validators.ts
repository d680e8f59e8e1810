/** The validators of drafts and their JSON Schemas, one a kind. */
import * as z from 'zod';
import { CoverSchema } from '../gen/comity/cover/v1/cover_pb.js';
import { limits } from '../limits.ts';
import { isAgencyId, type Kind, lanes } from '../types.ts';
import { deriveTimestamp, expecting } from './derive-scalars.ts';
import { deriveMessage } from './derive-validator.ts';
import { kindsDrafted, type Schema, schemaOfKind } from './registry.ts';

const agency = z
  .string(expecting('an agency such as gr.customs'))
  .refine(isAgencyId, { error: 'must be an agency such as gr.customs' })
  .meta({ pattern: '^[a-z]{2}\\.[a-z][a-z0-9-]{0,30}$' });

const agencies = z
  .array(agency, expecting('a list of agencies'))
  .min(1, { error: 'must have at least 1 entry' })
  .max(limits.audienceMembersMax, { error: `must have at most ${limits.audienceMembersMax} entries` })
  .refine((list) => new Set(list).size === list.length, { error: 'names an agency twice' });

const to = z.union(
  [z.literal('all'), z.strictObject({ agencies }, expecting('an object'))],
  expecting('"all" or {"agencies": […]}'),
);

const made = new Map();

/** What a draft is apart from its payload; `kind` alone is enough to find the rest. */
function draftShape(kind: z.ZodType, payload: z.ZodType) {
  const laneNames = lanes.map((lane) => `\`${lane}\``).join(', ');
  return z.strictObject(
    {
      kind,
      lane: z.enum(lanes, expecting(`one of ${laneNames}`)).optional(),
      to,
      cover: deriveMessage(CoverSchema, made),
      payload,
      deliverBy: deriveTimestamp().optional(),
    },
    expecting('an object'),
  );
}

function payloadOf(schema: Schema): z.ZodType {
  const sections = schema.sections.filter(({ category }) => category !== 'COVER');
  return z.strictObject(
    Object.fromEntries(
      sections.map(({ name, required, message }) => {
        const section = deriveMessage(message, made);
        return [name, required ? section : section.optional()];
      }),
    ),
    expecting('an object with one member a section'),
  );
}

const kindNamed = z.enum(
  kindsDrafted,
  expecting(`one of ${kindsDrafted.map((kind) => `\`${kind}\``).join(', ')}`),
);

const validators: ReadonlyMap<Kind, { draft: z.ZodType; payload: z.ZodType }> = new Map(
  kindsDrafted.flatMap((kind) => {
    const schema = schemaOfKind(kind);
    if (schema === undefined) return [];
    const payload = payloadOf(schema);
    return [[kind, { payload, draft: draftShape(z.literal(kind), payload) }]];
  }),
);

/** For a draft whose kind is not known: everything but the payload. */
export const draftOfUnknownKind: z.ZodType = draftShape(
  kindNamed,
  z.record(z.string(), z.unknown(), expecting('an object with one member a section')),
);

/** The validator of drafts of a kind. Throws TypeError for a kind that officers do not draft. */
export function validator(kind: Kind): z.ZodType {
  return validatorsOf(kind).draft;
}

/** JSON Schema (2020-12) of a draft of a kind, as OpenAPI shows it. */
export function draftJsonSchema(kind: Kind): Record<string, unknown> {
  return jsonSchemaOf(validatorsOf(kind).draft);
}

/** JSON Schema (2020-12) of the payload of a kind: one member a section. */
export function payloadJsonSchema(kind: Kind): Record<string, unknown> {
  return jsonSchemaOf(validatorsOf(kind).payload);
}

function jsonSchemaOf(schema: z.ZodType): Record<string, unknown> {
  return { ...z.toJSONSchema(schema, { target: 'draft-2020-12', io: 'input' }) };
}

function validatorsOf(kind: Kind): { draft: z.ZodType; payload: z.ZodType } {
  const found = validators.get(kind);
  if (found === undefined) throw new TypeError(`no officer drafts a \`${kind}\``);
  return found;
}
