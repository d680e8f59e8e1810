/** The header: what is signed. Its bytes are made once and never made again in order to verify them. */
import { create, toBinary } from '@bufbuild/protobuf';
import { ComityError } from '../errors.ts';
import { HeaderSchema, type Header as WireHeader } from '../gen/comity/envelope/v1/envelope_pb.js';
import { isUuidV7 } from '../ids.ts';
import { limits } from '../limits.ts';
import { type BeatSubject, type MessageSubject, parseSubject } from '../subjects.ts';
import { kindsOfGateways } from '../types.ts';
import type { SealedContent } from './seal.ts';
import type { Commitment } from './sections.ts';
import { readWhole } from './strict.ts';

/** The wire version that this release speaks. */
export const wireVersion = 1;
/** Cipher suite 1: ES256, ECDH P-256 + HKDF-SHA-256, A256KW, A256GCM, SHA-256. */
export const suiteKnown = 1;

/** A sealed part as the header names it: its key's id, and SHA-256 of the serialised SealedPart. */
export type PartReference = Readonly<{ kid: Uint8Array; digest: Uint8Array }>;

/** Times in milliseconds since 1970-01-01T00:00:00Z. Ids and digests are raw bytes. */
export type Header = Readonly<{
  wireVersion: number;
  federationId: Uint8Array;
  environment: string;
  subject: string;
  messageId: Uint8Array;
  epoch: Uint8Array;
  /** 1, 2, 3… along the channel; 0 for a heartbeat. */
  sequence: number;
  previous: Uint8Array;
  createdMs: number;
  deliverByMs: number;
  schema: string;
  schemaVersion: number;
  schemaDigest: Uint8Array;
  trustVersion: number;
  suite: number;
  commitments: readonly Commitment[];
  parts: readonly PartReference[];
}>;

export type HeaderFields = Readonly<
  Omit<Header, 'wireVersion' | 'commitments' | 'parts'> & {
    content: SealedContent;
  }
>;

/** The subject of anything that travels in an envelope. */
export type EnvelopeSubject = MessageSubject | BeatSubject;

const environmentPattern = /^[a-z][a-z0-9-]{0,30}$/;
const schemaPattern = /^(?=.{1,128}$)[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\.[A-Z][A-Za-z0-9]*$/;
const digestBytes = 32;
const epochBytes = 16;
const fieldNumberMax = 2 ** 29 - 1;
/** 9999-12-31T23:59:59.999Z: RFC 3339 has no later time. */
const timeMsMax = 253_402_300_799_999;

/** The header's bytes. Throws HEADER_INVALID, DELIVER_BY_INVALID or HEADER_TOO_LARGE as its reader would. */
export function encodeHeader(fields: HeaderFields): Uint8Array {
  const { content, ...rest } = fields;
  const header: Header = {
    ...rest,
    wireVersion,
    commitments: content.commitments,
    parts: content.references,
  };
  checkHeader(header);
  const message = create(HeaderSchema, {
    ...header,
    sequence: BigInt(header.sequence),
    createdMs: BigInt(header.createdMs),
    deliverByMs: BigInt(header.deliverByMs),
    trustVersion: BigInt(header.trustVersion),
    commitments: [...header.commitments],
    parts: [...header.parts],
  });
  const bytes = toBinary(HeaderSchema, message);
  if (bytes.length > limits.headerBytesMax) throw new ComityError('HEADER_TOO_LARGE');
  return bytes;
}

/** Reads and checks a header by itself; what it is compared with is the verifier's business. */
export function readHeader(bytes: Uint8Array): { header: Header; subject: EnvelopeSubject } {
  if (bytes.length > limits.headerBytesMax) throw new ComityError('HEADER_TOO_LARGE');
  const header = plainHeader(readWhole(HeaderSchema, bytes));
  return { header, subject: checkHeader(header) };
}

/** Throws HEADER_INVALID unless the commitments are exactly one for each of the schema's sections. */
export function checkCommitments(header: Header, fieldNumbers: readonly number[]): void {
  const same =
    header.commitments.length === fieldNumbers.length &&
    header.commitments.every(({ field }, i) => field === fieldNumbers[i]);
  if (!same) throw invalid('commitments', 'one for each section of the schema, in field order');
}

function plainHeader(message: WireHeader): Header {
  const { $typeName: _name, $unknown: _unknown, ...fields } = message;
  return Object.freeze({
    ...fields,
    sequence: Number(message.sequence),
    createdMs: Number(message.createdMs),
    deliverByMs: Number(message.deliverByMs),
    trustVersion: Number(message.trustVersion),
    commitments: Object.freeze(
      message.commitments.map(({ field, digest }) => Object.freeze({ field, digest })),
    ),
    parts: Object.freeze(message.parts.map(({ kid, digest }) => Object.freeze({ kid, digest }))),
  });
}

function checkHeader(header: Header): EnvelopeSubject {
  if (header.wireVersion !== wireVersion) throw new ComityError('WIRE_VERSION_UNKNOWN');
  checkLength('federation id', header.federationId, digestBytes);
  if (!environmentPattern.test(header.environment)) throw invalid('environment', 'a name such as demo');
  const subject = parseSubject(header.subject);
  if (subject?.form !== 'message' && subject?.form !== 'beat') {
    throw invalid('subject', 'the subject of a message or a heartbeat');
  }
  if (!isUuidV7(header.messageId)) throw invalid('message id', 'a UUIDv7');
  checkLength('epoch', header.epoch, epochBytes);
  checkPosition(header, subject);
  checkTimes(header, subject);
  if (!schemaPattern.test(header.schema)) throw invalid('schema', 'the full name of a message');
  checkNumber('schema version', header.schemaVersion, 1);
  checkLength('schema digest', header.schemaDigest, digestBytes);
  checkNumber('trust version', header.trustVersion, 1);
  checkNumber('suite', header.suite, 0);
  checkContent(header);
  return subject;
}

function checkPosition(header: Header, subject: EnvelopeSubject): void {
  checkNumber('sequence', header.sequence, 0);
  checkLength('previous', header.previous, digestBytes);
  if ((header.sequence === 0) !== (subject.form === 'beat')) {
    throw invalid('sequence', '0 for a heartbeat and from 1 for any other');
  }
  if (header.sequence <= 1 && header.previous.some((byte) => byte !== 0)) {
    throw invalid('previous', '32 zero bytes for the first of a channel and for a heartbeat');
  }
}

function checkTimes({ createdMs, deliverByMs }: Header, subject: EnvelopeSubject): void {
  checkNumber('created', createdMs, 1);
  checkNumber('deliver-by', deliverByMs, 1);
  // What gateways tell each other must still be there after weeks offline (docs/adr/0003-delivery-time-of-gateway-messages.md).
  const ofGateways = kindsOfGateways.includes(subject.kind);
  const now = subject.form === 'message' && subject.lane === 'now' && !ofGateways;
  const latest = createdMs + (now ? limits.deliverByNowMsMax : limits.deliverByMsMax);
  if (createdMs > timeMsMax) throw invalid('created', 'a time before the year 10000');
  if (deliverByMs < createdMs || deliverByMs > latest) throw new ComityError('DELIVER_BY_INVALID');
}

function checkContent({ commitments, parts }: Header): void {
  if (commitments.length === 0 || commitments.length > limits.sectionsMax) {
    throw invalid('commitments', `1 to ${limits.sectionsMax}`);
  }
  let before = 0;
  for (const { field, digest } of commitments) {
    checkLength('commitment', digest, digestBytes);
    checkNumber('commitment', field, before + 1);
    if (field > fieldNumberMax) throw invalid('commitment', 'a field number');
    before = field;
  }
  if (parts.length > limits.sealedPartsMax) throw invalid('parts', `at most ${limits.sealedPartsMax}`);
  for (const { kid, digest } of parts) {
    checkLength('part key id', kid, digestBytes);
    checkLength('part digest', digest, digestBytes);
  }
}

function checkLength(name: string, bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) throw invalid(name, `${length} bytes`);
}

/** A number beyond 2^53 is not exact once it is a JavaScript number. */
function checkNumber(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) throw invalid(name, `a whole number from ${least}`);
}

function invalid(name: string, expected: string): ComityError {
  return new ComityError('HEADER_INVALID', `\`${name}\` of the header is not as expected: ${expected}`);
}
