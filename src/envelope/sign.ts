/** Signing a batch of headers at once, and the text that is signed. The only place that builds that text. */

import type { KeyObject } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { base64, concat, utf8, utf8Text } from '../bytes.ts';
import { ComityError } from '../errors.ts';
import { BatchProofSchema, SignatureSchema } from '../gen/comity/envelope/v1/envelope_pb.js';
import { type DetachedSignature, leafDigest, merkleTree, signDetached } from '../keys/index.ts';
import { limits } from '../limits.ts';
import type { AgencyId } from '../types.ts';
import type { SealedContent } from './seal.ts';
import { encodeField } from './wire.ts';

export const batchTyp = 'comity-batch+jws';

/** `text` is what was signed; `index` the header's place in the batch, `path` its inclusion path. */
export type BatchProof = Readonly<{ text: Uint8Array; index: number; path: readonly Uint8Array[] }>;
export type SignedHeader = Readonly<{ proof: BatchProof; signature: DetachedSignature }>;

const textPattern = /^comity\/1\/([a-z0-9.-]{1,40})\/batch\n([1-9][0-9]{0,2})\n([A-Za-z0-9+/]{43}=)\n$/;
const digestBytes = 32;

/** One signature over 1 to 256 headers, with each one's proof, in their order. `kid` is the key's thumbprint. */
export function signBatch(
  o: Readonly<{ agency: AgencyId; kid: string; key: KeyObject; headers: readonly Uint8Array[] }>,
): readonly SignedHeader[] {
  if (o.headers.length === 0 || o.headers.length > limits.batchHeadersMax) {
    throw new TypeError(`a batch is 1 to ${limits.batchHeadersMax} headers`);
  }
  const tree = merkleTree(o.headers.map(leafDigest));
  const text = batchText(o.agency, o.headers.length, tree.root);
  const signature = signDetached({ key: o.key, kid: o.kid, typ: batchTyp, text });
  return o.headers.map((_, index) => ({ proof: { text, index, path: tree.path(index) }, signature }));
}

/** `comity/1/<sender>/batch\n<number of headers>\n<root, base64>\n` */
export function batchText(agency: string, size: number, root: Uint8Array): Uint8Array {
  return utf8(`comity/1/${agency}/batch\n${size}\n${base64(root)}\n`);
}

/** Reads a signed text, in its one spelling. Throws BATCH_PROOF_INVALID. */
export function readBatchText(text: Uint8Array): { sender: string; size: number; root: Uint8Array } {
  const [, sender = '', number = '', encoded = ''] = textPattern.exec(textOf(text)) ?? [];
  const size = Number(number);
  const root = new Uint8Array(Buffer.from(encoded, 'base64'));
  if (root.length !== digestBytes || base64(root) !== encoded) throw notAText();
  if (size < 1 || size > limits.batchHeadersMax) throw notAText();
  return { sender, size, root };
}

/** The envelope's bytes. Throws DRAFT_TOO_LARGE above the bound of an envelope. */
export function assembleEnvelope(
  o: Readonly<{
    header: Uint8Array;
    signed: SignedHeader;
    content: Pick<SealedContent, 'openSections' | 'parts'>;
  }>,
): Uint8Array {
  const { proof, signature } = o.signed;
  const bytes = concat(
    encodeField(1, o.header),
    encodeField(2, toBinary(BatchProofSchema, create(BatchProofSchema, { ...proof, path: [...proof.path] }))),
    encodeField(3, toBinary(SignatureSchema, create(SignatureSchema, signature))),
    ...o.content.openSections.map((section) => encodeField(4, section)),
    ...o.content.parts.map((part) => encodeField(5, part)),
  );
  if (bytes.length > limits.envelopeBytesMax) throw new ComityError('DRAFT_TOO_LARGE');
  return bytes;
}

function textOf(bytes: Uint8Array): string {
  try {
    return utf8Text(bytes);
  } catch {
    throw notAText();
  }
}

function notAText(): ComityError {
  return new ComityError('BATCH_PROOF_INVALID', 'the signed text is not that of a batch');
}
