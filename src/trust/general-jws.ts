/** General JWS JSON (RFC 7515 §7.2.1), signed by M of N authorities: distinct keys are counted, not signatures. */
import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { base64url, concat, fromBase64url, utf8 } from '../bytes.ts';
import { ComityError, type ErrorCode } from '../errors.ts';
import {
  type EcPublicJwk,
  parseStrictJson,
  publicKeyOf,
  readProtectedHeader,
  readShape,
  signEs256,
  thumbprint,
  verifyEs256,
} from '../keys/index.ts';
import { limits } from '../limits.ts';

const encodedShape = z.string().transform((text, context) => {
  const bytes = fromBase64url(text);
  if (bytes !== undefined) return bytes;
  context.addIssue('expected strict base64url');
  return z.NEVER;
});

const documentShape = z.strictObject({
  payload: encodedShape,
  signatures: z
    .array(z.strictObject({ protected: encodedShape, signature: encodedShape }))
    .max(2 * limits.trustAuthoritiesMax),
  /** Beside a trust list: the roots after the first, so that whoever holds an old one can follow. */
  roots: z.array(z.unknown()).max(limits.trustRootsEnclosedMax).optional(),
});

export type SignedDocument = Readonly<{
  /** The bytes that are signed, and whose digest names the document. */
  payload: Uint8Array;
  signatures: readonly Readonly<{ protected: Uint8Array; signature: Uint8Array }>[];
  /** Enclosed documents, each again as JSON text. */
  roots: readonly Uint8Array[];
}>;

/** Takes a document apart without judging its signatures. The size is bounded before anything is parsed. */
export function parseSigned(
  bytes: Uint8Array,
  o: Readonly<{ bytesMax: number; code: ErrorCode }>,
): SignedDocument {
  if (bytes.length > o.bytesMax) throw new ComityError(o.code, 'the document exceeds its bound');
  const document = readShape(documentShape, parseStrictJson(bytes, o.code), o.code);
  const roots = (document.roots ?? []).map((root) => utf8(JSON.stringify(root)));
  return { payload: document.payload, signatures: document.signatures, roots };
}

/** Who may sign, and how many of them must. */
export type Signers = Readonly<{ threshold: number; keys: readonly EcPublicJwk[] }>;

/**
 * How many distinct keys of `signers` signed the document. A key counts once, under whatever ids its
 * signatures go; signatures of unknown keys and those that do not verify count nothing. A header
 * that is not exactly as specified condemns the document: SIGNATURE_HEADER_INVALID,
 * ALGORITHM_REFUSED.
 */
export function countSigners(document: SignedDocument, signers: Signers, typ: string): number {
  const byKid = new Map(signers.keys.map((jwk) => [thumbprint(jwk), publicKeyOf(jwk)]));
  const signed = new Set<string>();
  for (const one of document.signatures) {
    const { kid } = readProtectedHeader(one.protected, { algorithm: 'ES256', typ });
    const key = byKid.get(kid);
    if (key === undefined) continue;
    const input = signingInput(one.protected, document.payload);
    // `byKid` is keyed by the key material itself: one key cannot stand in it under two ids.
    if (verifyEs256(key, input, one.signature)) signed.add(kid);
  }
  return signed.size;
}

/** True where the threshold is met. The threshold is at least 1, which parsing the root has checked. */
export function isSignedBy(document: SignedDocument, signers: Signers, typ: string): boolean {
  if (signers.threshold < 1) throw new TypeError('a threshold is at least 1');
  return countSigners(document, signers, typ) >= signers.threshold;
}

/** An authority's key; its id is the thumbprint. */
export type AuthorityKey = Readonly<{ jwk: EcPublicJwk; privateKey: KeyObject }>;

/** Signs the payload with every key given; JSON bytes. */
export function signGeneral(
  o: Readonly<{
    payload: Uint8Array;
    typ: string;
    keys: readonly AuthorityKey[];
    roots?: readonly Uint8Array[];
  }>,
): Uint8Array {
  const signatures = o.keys.map((key) => {
    const header = utf8(JSON.stringify({ alg: 'ES256', kid: thumbprint(key.jwk), typ: o.typ }));
    const signature = signEs256(key.privateKey, signingInput(header, o.payload));
    return { protected: base64url(header), signature: base64url(signature) };
  });
  const roots = o.roots?.map((root): unknown => JSON.parse(Buffer.from(root).toString('utf8')));
  const enclosed = roots === undefined || roots.length === 0 ? {} : { roots };
  return utf8(JSON.stringify({ payload: base64url(o.payload), signatures, ...enclosed }));
}

/**
 * Adds the signatures of another copy of the same document: authorities sign apart, at their own
 * places. TypeError where the payloads differ.
 */
export function joinSignatures(first: Uint8Array, second: Uint8Array): Uint8Array {
  const [a, b] = [first, second].map((bytes): unknown => JSON.parse(Buffer.from(bytes).toString('utf8')));
  if (!isJws(a) || !isJws(b) || a.payload !== b.payload) throw new TypeError('the documents differ');
  return utf8(JSON.stringify({ ...a, signatures: [...a.signatures, ...b.signatures] }));
}

function isJws(value: unknown): value is { payload: string; signatures: unknown[] } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'payload' in value &&
    'signatures' in value &&
    Array.isArray(value.signatures)
  );
}

function signingInput(protectedBytes: Uint8Array, payload: Uint8Array): Uint8Array {
  return concat(utf8(base64url(protectedBytes)), utf8('.'), utf8(base64url(payload)));
}
