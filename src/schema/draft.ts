/** Drafts: what officers and case systems hand in, checked whole and encoded section by section. */
import { type DescMessage, fromJson, type JsonValue, toBinary, toJson } from '@bufbuild/protobuf';
import { ComityError, type Problem } from '../errors.ts';
import { type Cover, CoverSchema } from '../gen/comity/cover/v1/cover_pb.js';
import { limits } from '../limits.ts';
import type { AgencyId, Kind, Lane } from '../types.ts';
import { crossChecks } from './cross-checks.ts';
import { isRecord, normalised } from './json-values.ts';
import { messageAt, problemsOf } from './problems.ts';
import { kindsDrafted, type Schema, type SectionDescriptor, schemaOfKind } from './registry.ts';
import { remarksOn } from './remarks.ts';
import { encodeSectionField } from './sections.ts';
import { draftOfUnknownKind, validator } from './validators.ts';
import { walk } from './wire-walk.ts';

/** A checked draft. `sections` holds the encoded field (tag, length, body) of each given section but the cover. */
export type Draft = Readonly<{
  kind: Kind;
  lane: Lane;
  to: 'all' | Readonly<{ agencies: readonly AgencyId[] }>;
  schema: Schema;
  cover: Cover;
  sections: ReadonlyMap<number, Uint8Array>;
  /** Canonical ProtoJSON of the sections by name. */
  payloadJson: Record<string, unknown>;
  deliverByMs?: number;
  /** Unknown codes and the like: kept, to be shown before it is sent. */
  remarks: readonly string[];
}>;

type CheckedJson = {
  kind: Kind;
  lane?: Lane;
  to: Draft['to'];
  cover: JsonValue;
  payload: Record<string, JsonValue>;
  deliverBy?: string;
};

/**
 * Reads a draft (as in `config/examples`): ProtoJSON with enum names, RFC 3339 times and base64. Text is brought to
 * Unicode normal form C. Throws DRAFT_INVALID with every problem at once.
 */
export function parseDraft(json: unknown): Draft {
  const { checked, schema } = checkDraft(json);
  const sections = new Map<number, Uint8Array>();
  const payloadJson: Record<string, unknown> = {};
  const remarks: string[] = [];
  const problems: Problem[] = [];
  for (const section of schema.sections) {
    const given = checked.payload[section.name];
    if (given === undefined || section.category === 'COVER') continue;
    const message = fromDraftJson(section.message, given, { problems, path: `payload.${section.name}` });
    if (message === undefined) continue;
    const body = toBinary(section.message, message);
    problems.push(...boundsOf(section, body));
    sections.set(section.field, encodeSectionField(section.field, body));
    payloadJson[section.name] = toJson(section.message, message);
    remarks.push(...remarksOn(section.message, message).map((remark) => `payload.${section.name}.${remark}`));
  }
  const cover = fromDraftJson(CoverSchema, checked.cover, { problems, path: 'cover' });
  if (cover === undefined || problems.length > 0) throw invalid(problems);
  return {
    kind: checked.kind,
    lane: checked.lane ?? 'day',
    to: checked.to,
    schema,
    cover,
    sections,
    payloadJson,
    remarks: [...remarksOn(CoverSchema, cover).map((remark) => `cover.${remark}`), ...remarks],
    ...(checked.deliverBy === undefined ? {} : { deliverByMs: Date.parse(checked.deliverBy) }),
  };
}

function checkDraft(input: unknown): { checked: CheckedJson; schema: Schema } {
  const json = normalised(input)?.json;
  if (!isRecord(json))
    throw invalid([{ path: '', message: 'a draft must be an object of bearable size and depth' }]);
  const kind = kindsDrafted.find((known) => known === json['kind']);
  const schema = kind === undefined ? undefined : schemaOfKind(kind);
  const result = (kind === undefined ? draftOfUnknownKind : validator(kind)).safeParse(json);
  const describe = (path: readonly PropertyKey[]) => describeDraft(schema, path);
  const problems = [
    ...problemsOf(result.error?.issues ?? [], describe),
    ...crossChecks(CoverSchema, json['cover'], 'cover'),
    ...(schema === undefined ? [] : payloadProblems(schema, json)),
  ];
  if (problems.length > 0 || schema === undefined) throw invalid(problems);
  return { checked: result.data as CheckedJson, schema };
}

function payloadProblems(schema: Schema, json: Record<string, unknown>): Problem[] {
  const problems = crossChecks(schema.message, { ...asRecord(json['payload']), cover: undefined }, 'payload');
  for (const { name, required } of schema.sections) {
    const section = asRecord(json['payload'])[name];
    if (!required && isRecord(section) && Object.keys(section).length === 0) {
      problems.push({ path: `payload.${name}`, message: 'is empty; leave it out or fill it' });
    }
  }
  if (schema.answers && asRecord(asRecord(json['cover'])['inReplyTo'])['digest'] === undefined) {
    problems.push({
      path: 'cover.inReplyTo.digest',
      message: 'must be given: the digest of the message that this answers',
    });
  }
  return problems;
}

function describeDraft(schema: Schema | undefined, path: readonly PropertyKey[]): DescMessage | undefined {
  if (path[0] === 'cover') return messageAt(CoverSchema, path.slice(1));
  return path[0] === 'payload' && schema !== undefined ? messageAt(schema.message, path.slice(1)) : undefined;
}

// The validator has accepted the JSON; what protobuf still refuses is a problem all the same.
function fromDraftJson<D extends DescMessage>(
  desc: D,
  json: JsonValue,
  o: { problems: Problem[]; path: string },
) {
  try {
    return fromJson(desc, json);
  } catch (error) {
    const message = error instanceof Error ? error.message : 'cannot be read';
    o.problems.push({ path: o.path, message });
    return undefined;
  }
}

function boundsOf(section: SectionDescriptor, body: Uint8Array): Problem[] {
  const path = `payload.${section.name}`;
  if (body.length > limits.sectionBytesMax - limits.saltBytes - 8) {
    return [
      { path, message: `has ${body.length} bytes; a section holds less than ${limits.sectionBytesMax}` },
    ];
  }
  // A field takes two bytes at least: a short body cannot have too many.
  if (body.length < 2 * limits.wireFieldsMax) return [];
  try {
    walk(section.message, body);
    return [];
  } catch (error) {
    if (!(error instanceof ComityError)) throw error;
    return [{ path, message: error.message }];
  }
}

function asRecord(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}

function invalid(problems: readonly Problem[]): ComityError {
  const shown = problems.slice(0, limits.draftProblemsMax);
  const first = shown[0];
  const about = first === undefined ? 'the draft is not valid' : `\`${first.path}\` ${first.message}`;
  const more = problems.length > 1 ? `, and ${problems.length - 1} more` : '';
  return new ComityError('DRAFT_INVALID', `${about}${more}`, { problems: shown });
}
