/** The schemas of this release, read from the generated descriptors. */
import type { DescFile, DescMessage } from '@bufbuild/protobuf';
import { fromHex } from '../bytes.ts';
import { file_comity_beat_v1_beat } from '../gen/comity/beat/v1/beat_pb.js';
import { file_comity_control_v1_control } from '../gen/comity/control/v1/control_pb.js';
import { file_comity_object_v1_object_flag } from '../gen/comity/object/v1/object_flag_pb.js';
import { file_comity_receipt_v1_receipt } from '../gen/comity/receipt/v1/receipt_pb.js';
import { file_comity_redflag_v1_red_flag } from '../gen/comity/redflag/v1/red_flag_pb.js';
import { file_comity_response_v1_response } from '../gen/comity/response/v1/response_pb.js';
import { file_comity_seizure_v1_seizure } from '../gen/comity/seizure/v1/seizure_pb.js';
import { file_comity_shipment_v1_shipment_alert } from '../gen/comity/shipment/v1/shipment_alert_pb.js';
import { descriptorsSha256 } from '../gen/descriptors.js';
import { limits } from '../limits.ts';
import { type Category, isKind, type Kind, kindsOfGateways } from '../types.ts';
import { categoryOf, familyOf, rulesOf } from './options.ts';

/** One top-level field of a payload message. `name` is its JSON name. */
export type SectionDescriptor = Readonly<{
  field: number;
  name: string;
  category: Category;
  required: boolean;
  message: DescMessage;
}>;

/** A payload message: `name` is its full name, `sections` are in field order, the cover (1) first. */
export type Schema = Readonly<{
  kind: Kind | 'beat';
  name: string;
  version: number;
  title: string;
  hasCover: boolean;
  /** Its cover must name the digest of what it answers. */
  answers: boolean;
  sections: readonly SectionDescriptor[];
  message: DescMessage;
}>;

const files: readonly DescFile[] = [
  file_comity_seizure_v1_seizure,
  file_comity_redflag_v1_red_flag,
  file_comity_object_v1_object_flag,
  file_comity_shipment_v1_shipment_alert,
  file_comity_response_v1_response,
  file_comity_receipt_v1_receipt,
  file_comity_control_v1_control,
  file_comity_beat_v1_beat,
];

/** SHA-256 of the checked-in descriptor set, `proto/descriptors.binpb`: one for the release. */
export const schemaDigest: Uint8Array = fromHex(descriptorsSha256);

const schemas: readonly Schema[] = Object.freeze(
  files.flatMap((file) => file.messages.flatMap((message) => readSchema(message) ?? [])),
);

export function allSchemas(): readonly Schema[] {
  return schemas;
}

/** The schema of a full name such as `comity.seizure.v1.SeizureNotice` in one version. */
export function schemaNamed(name: string, version: number): Schema | undefined {
  return schemas.find((schema) => schema.name === name && schema.version === version);
}

const newestOfKind: ReadonlyMap<Kind, Schema> = newestDrafted(schemas);

/** The newest schema of a kind that officers draft; undefined for the gateways' own kinds. */
export function schemaOfKind(kind: Kind): Schema | undefined {
  return newestOfKind.get(kind);
}

/** The kinds that officers draft. */
export const kindsDrafted: readonly Kind[] = Object.freeze([...newestOfKind.keys()]);

function newestDrafted(all: readonly Schema[]): ReadonlyMap<Kind, Schema> {
  const newest = new Map<Kind, Schema>();
  for (const schema of all) {
    const { kind } = schema;
    if (kind === 'beat' || kindsOfGateways.includes(kind)) continue;
    if (schema.version > (newest.get(kind)?.version ?? 0)) newest.set(kind, schema);
  }
  return newest;
}

/** Throws TypeError where a payload message is not built of sections: the release itself is wrong. */
export function readSchema(message: DescMessage): Schema | undefined {
  const family = familyOf(message);
  if (family === undefined) return undefined;
  const version = Number(/\.v([1-9][0-9]*)$/.exec(message.file.proto.package)?.[1]);
  const { kind } = family;
  if (!Number.isInteger(version) || !(isKind(kind) || kind === 'beat')) {
    throw new TypeError(`${message.typeName} has no version or an unknown kind`);
  }
  const sections = message.fields.map(readSection).sort((a, b) => a.field - b.field);
  if (sections.length > limits.sectionsMax) throw new TypeError(`${message.typeName} has too many sections`);
  return Object.freeze({
    kind,
    name: message.typeName,
    version,
    title: family.title,
    hasCover: sections[0]?.category === 'COVER' && sections[0].field === 1,
    answers: family.answers,
    sections: Object.freeze(sections),
    message,
  });
}

function readSection(field: DescMessage['fields'][number]): SectionDescriptor {
  const category = categoryOf(field);
  if (field.fieldKind !== 'message' || field.oneof !== undefined || category === undefined) {
    throw new TypeError(`${field.toString()} is not a section: a singular message field with a category`);
  }
  return Object.freeze({
    field: field.number,
    name: field.jsonName,
    category,
    required: rulesOf(field).required,
    message: field.message,
  });
}
