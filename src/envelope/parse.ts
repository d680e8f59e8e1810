/** Bytes to a frozen value that is read once; nothing in it is believed yet. */
import { ComityError } from '../errors.ts';
import { type Envelope, EnvelopeSchema } from '../gen/comity/envelope/v1/envelope_pb.js';
import { type DetachedSignature, type JweParts, leafDigest, sha256 } from '../keys/index.ts';
import { limits } from '../limits.ts';
import { type EnvelopeSubject, type Header, readHeader, wireVersion } from './header.ts';
import type { BatchProof } from './sign.ts';
import { readWhole } from './strict.ts';
import { readField, readVarint } from './wire.ts';

/** A sealed part as it came: `bytes` is the serialised SealedPart, `digest` its SHA-256. */
export type OpenedPart = Readonly<{
  kid: Uint8Array;
  digest: Uint8Array;
  bytes: Uint8Array;
  parts: JweParts;
}>;

export type Opened = Readonly<{
  /** A copy of exactly what was given. */
  bytes: Uint8Array;
  header: Header;
  headerBytes: Uint8Array;
  /** The digest of the message: SHA-256(0x00 ‖ header). */
  digest: Uint8Array;
  subject: EnvelopeSubject;
  proof: BatchProof;
  signatures: readonly DetachedSignature[];
  /** Each salt ‖ field bytes. */
  openSections: readonly Uint8Array[];
  sealed: readonly OpenedPart[];
}>;

const sealedField = 5;
const digestBytes = 32;

/**
 * Reads an envelope within its bounds and in its one spelling. Throws ENVELOPE_TOO_LARGE,
 * WIRE_VERSION_UNKNOWN, ENVELOPE_MALFORMED, ENVELOPE_NOT_STRICT, NESTING_TOO_DEEP, FIELDS_TOO_MANY,
 * HEADER_TOO_LARGE, HEADER_INVALID or DELIVER_BY_INVALID, and nothing else.
 */
export function parseEnvelope(given: Uint8Array): Opened {
  if (given.length > limits.envelopeBytesMax) throw new ComityError('ENVELOPE_TOO_LARGE');
  // A copy: what the client hands over may be a window of a buffer that it uses again.
  const bytes = new Uint8Array(given);
  checkWireVersion(bytes);
  const envelope = readWhole(EnvelopeSchema, bytes);
  const proof = checkCounts(envelope);
  const { header, subject } = readHeader(envelope.header);
  return Object.freeze({
    bytes,
    header,
    headerBytes: envelope.header,
    digest: leafDigest(envelope.header),
    subject,
    proof,
    signatures: Object.freeze(
      envelope.signatures.map(({ protected: header, signature }) =>
        Object.freeze({ protected: header, signature }),
      ),
    ),
    openSections: Object.freeze([...envelope.openSections]),
    sealed: Object.freeze(readParts(bytes, envelope)),
  });
}

/** Looks ahead, since a later version may have fields that a strict reading of this one refuses. */
function checkWireVersion(bytes: Uint8Array): void {
  const header = readField(bytes, 0);
  if (header?.field !== 1 || header.body[0] !== 0x08) return;
  const version = readVarint(header.body, 1);
  if (version !== undefined && version.value > wireVersion) throw new ComityError('WIRE_VERSION_UNKNOWN');
}

function checkCounts({ header, proof, signatures, openSections, sealed }: Envelope): BatchProof {
  if (header.length === 0 || proof === undefined || signatures.length === 0) {
    throw malformed('it has no header, proof or signature');
  }
  if (signatures.length > limits.signaturesMax) throw malformed('it has too many signatures');
  if (sealed.length > limits.sealedPartsMax) throw malformed('it has too many sealed parts');
  if (openSections.length > limits.sectionsMax) throw malformed('it has too many open sections');
  if (openSections.some((section) => section.length < limits.saltBytes)) throw malformed('a salt is cut');
  if (proof.path.length > limits.batchPathMax || proof.path.some((node) => node.length !== digestBytes)) {
    throw malformed('its path is none');
  }
  return Object.freeze({ text: proof.text, index: proof.index, path: Object.freeze([...proof.path]) });
}

/** The parts with the very bytes that their digests are of. */
function readParts(bytes: Uint8Array, { sealed }: Envelope): OpenedPart[] {
  const serialised: Uint8Array[] = [];
  for (let at = readField(bytes, 0); at !== undefined; at = readField(bytes, at.next)) {
    if (at.field === sealedField) serialised.push(at.body);
  }
  return sealed.map((part, i) => {
    const { $typeName: _name, $unknown: _unknown, ...parts } = part;
    const raw = serialised[i] ?? new Uint8Array(0);
    return Object.freeze({
      kid: part.kid,
      digest: sha256(raw),
      bytes: raw,
      parts: Object.freeze(parts),
    });
  });
}

function malformed(what: string): ComityError {
  return new ComityError('ENVELOPE_MALFORMED', `the bytes are not an envelope: ${what}`);
}
