/** Sections in their encoded form: tag, length, body; concatenated they decode as the message. */
import { fromBinary, type Message, toBinary, toJson } from '@bufbuild/protobuf';
import { concat } from '../bytes.ts';
import { ComityError } from '../errors.ts';
import { type Cover, CoverSchema } from '../gen/comity/cover/v1/cover_pb.js';
import { limits } from '../limits.ts';
import type { Schema, SectionDescriptor } from './registry.ts';
import { remarksOn } from './remarks.ts';
import { asSection, readSectionStrict } from './strict.ts';
import { readVarint, varint } from './wire-walk.ts';
import { wordsOf } from './words.ts';

/** What a section says, for people and for search. */
export type DecodedSection = Readonly<{
  field: number;
  message: Message;
  /** Canonical ProtoJSON. */
  json: unknown;
  /** Every word in it. */
  text: string;
  unknownFields: boolean;
  /** What is kept though it is not as expected: unknown codes, missing fields. */
  remarks: readonly string[];
}>;

/** The encoded field: tag, length, body. */
export function encodeSectionField(field: number, body: Uint8Array): Uint8Array {
  return concat(varint(field * 8 + 2), varint(body.length), body);
}

/** The cover as encoded field 1. */
export function encodeCover(cover: Cover): Uint8Array {
  return encodeSectionField(1, toBinary(CoverSchema, cover));
}

/** Reads one encoded section field. Throws SECTION_INVALID, SECTION_NOT_STRICT, NESTING_TOO_DEEP, FIELDS_TOO_MANY. */
export function decodeSection(schema: Schema, fieldBytes: Uint8Array): DecodedSection {
  const { section, message, unknownFields } = readField(schema, fieldBytes);
  return {
    field: section.field,
    message,
    json: sectionJson(section, message),
    text: wordsOf(section.message, message),
    unknownFields,
    remarks: remarksOn(section.message, message),
  };
}

/** The words of a section that was encoded here, without the checks on what comes from elsewhere. */
export function wordsOfOwn(section: SectionDescriptor, fieldBytes: Uint8Array): string {
  return wordsOf(section.message, fromBinary(section.message, splitField(fieldBytes).body));
}

/** Reads the one section of a gateway's own message; errors as for `decodeSection`. */
export function decodeGatewayBody(schema: Schema, fieldBytes: Uint8Array): Message {
  return readField(schema, fieldBytes).message;
}

/** Reads the cover from encoded field 1; errors as for `decodeSection`. */
export function decodeCover(fieldBytes: Uint8Array): Cover {
  const { field, body } = splitField(fieldBytes);
  if (field !== 1) throw new ComityError('SECTION_INVALID', 'the cover is not field 1');
  return readSectionStrict(CoverSchema, body).message;
}

/** Canonical ProtoJSON of a cover. */
export function coverJson(cover: Cover): unknown {
  return toJson(CoverSchema, cover);
}

type ReadField = {
  section: SectionDescriptor;
  message: Message;
  unknownFields: boolean;
};

function readField(schema: Schema, fieldBytes: Uint8Array): ReadField {
  const { field, body } = splitField(fieldBytes);
  const section = schema.sections.find((one) => one.field === field);
  if (section === undefined) {
    throw new ComityError('SECTION_INVALID', `${schema.name} has no section ${field}`);
  }
  return { section, ...readSectionStrict(section.message, body) };
}

function splitField(fieldBytes: Uint8Array): { field: number; body: Uint8Array } {
  if (fieldBytes.length > limits.sectionBytesMax) {
    throw new ComityError('SECTION_INVALID', 'a section exceeds its bound');
  }
  return asSection(() => {
    const state = { bytes: fieldBytes, offset: 0 };
    const tag = readVarint(state, fieldBytes.length);
    const length = readVarint(state, fieldBytes.length);
    if (tag % 8 !== 2 || length !== fieldBytes.length - state.offset) {
      throw new ComityError('SECTION_INVALID', 'a section is not exactly one message field');
    }
    return { field: Math.floor(tag / 8), body: fieldBytes.subarray(state.offset) };
  });
}

function sectionJson(section: SectionDescriptor, message: Message): unknown {
  try {
    return toJson(section.message, message);
  } catch (cause) {
    throw new ComityError('SECTION_INVALID', `\`${section.name}\` has a value without a JSON form`, {
      cause,
    });
  }
}
