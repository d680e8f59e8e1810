/** Verifying: from what came to what is known to be said by its sender. */
import { base64, equalBytes, uint32be, utf8 } from '../bytes.ts';
import { ComityError } from '../errors.ts';
import {
  type DetachedSignature,
  type KeyWindow,
  readDetachedHeader,
  rootFromPath,
  sha256,
  verifyDetached,
} from '../keys/index.ts';
import type { AgencyId } from '../types.ts';
import { suiteKnown } from './header.ts';
import type { Opened } from './parse.ts';
import { batchTyp, readBatchText } from './sign.ts';

declare const verifiedBrand: unique symbol;

/** Only verifyEnvelope gives this type. */
export type Verified<T> = T & { readonly [verifiedBrand]: true };

/** What verifying asks of the trust book. */
export interface VerifyingTrust {
  /** Whether the newest trust list names the agency, whatever its status. */
  knows(agency: AgencyId): boolean;
  hasStatement(agency: AgencyId): boolean;
  signingKey(agency: AgencyId, kid: string): KeyWindow | undefined;
}

/** Remembers which signatures verified, since a batch shares one. It holds digests only, and forgets the oldest. */
export interface SignatureMemory {
  has(fact: string): boolean;
  add(fact: string): void;
}

export type VerifyOptions = Readonly<{
  federationId: Uint8Array;
  environment: string;
  /** The subject that the hub delivered on; absent for a copy that came inside another message. */
  deliveredOn?: string;
  trust: VerifyingTrust;
  memory: SignatureMemory;
}>;

export function createSignatureMemory(entriesMax: number): SignatureMemory {
  const facts = new Set<string>();
  return {
    has: (fact) => facts.has(fact),
    add(fact) {
      facts.add(fact);
      if (facts.size <= entriesMax) return;
      const [oldest] = facts;
      if (oldest !== undefined) facts.delete(oldest);
    },
  };
}

/**
 * Checks in this order, and stops at the first that fails: SUITE_UNKNOWN, FEDERATION_MISMATCH,
 * ENVIRONMENT_MISMATCH, SUBJECT_MISMATCH, SENDER_UNKNOWN, AWAITING_STATEMENT, SIGNATURE_HEADER_INVALID,
 * ALGORITHM_REFUSED, KEY_UNKNOWN, KEY_NOT_IN_FORCE, BATCH_PROOF_INVALID, SIGNATURE_INVALID. Needs no
 * section: a copy with sections removed verifies. The sender's status and grants, the message's place in its
 * channel and the time of arrival are for the caller to judge.
 */
export function verifyEnvelope(opened: Opened, o: VerifyOptions): Verified<Opened> {
  if (opened.header.suite !== suiteKnown) throw new ComityError('SUITE_UNKNOWN');
  checkBinding(opened, o);
  const { sender } = opened.subject;
  if (!o.trust.knows(sender)) throw new ComityError('SENDER_UNKNOWN');
  if (!o.trust.hasStatement(sender)) throw new ComityError('AWAITING_STATEMENT');
  const signature = onlySignature(opened);
  const key = signingKeyOf(opened, signature, o.trust);
  checkProof(opened);
  checkSignature({ key, signature, text: opened.proof.text }, o.memory);
  return opened as Verified<Opened>;
}

function checkBinding({ header }: Opened, o: VerifyOptions): void {
  if (!equalBytes(header.federationId, o.federationId)) throw new ComityError('FEDERATION_MISMATCH');
  if (header.environment !== o.environment) throw new ComityError('ENVIRONMENT_MISMATCH');
  if (o.deliveredOn !== undefined && header.subject !== o.deliveredOn) {
    throw new ComityError('SUBJECT_MISMATCH');
  }
}

/** Suite 1 has exactly one signature; a second one would be bytes that nobody vouches for. */
function onlySignature({ signatures }: Opened): DetachedSignature {
  const [signature, ...more] = signatures;
  if (signature === undefined || more.length > 0) {
    throw new ComityError('SIGNATURE_HEADER_INVALID', 'suite 1 has exactly one signature');
  }
  return signature;
}

function signingKeyOf(
  { header, subject }: Opened,
  signature: DetachedSignature,
  trust: VerifyingTrust,
): KeyWindow {
  const { kid } = readDetachedHeader(signature.protected, batchTyp);
  const key = trust.signingKey(subject.sender, kid);
  if (key === undefined) throw new ComityError('KEY_UNKNOWN');
  if (header.createdMs < key.notBeforeMs || header.createdMs >= key.notAfterMs) {
    throw new ComityError('KEY_NOT_IN_FORCE');
  }
  return key;
}

function checkProof({ proof, subject, digest }: Opened): void {
  const { sender, size, root } = readBatchText(proof.text);
  if (sender !== subject.sender) {
    throw new ComityError('BATCH_PROOF_INVALID', 'the signed text is of another sender');
  }
  const reached = rootFromPath({ leaf: digest, index: proof.index, size, path: proof.path });
  if (reached === undefined || !equalBytes(reached, root)) throw new ComityError('BATCH_PROOF_INVALID');
}

function checkSignature(
  o: Readonly<{ key: KeyWindow; signature: DetachedSignature; text: Uint8Array }>,
  memory: SignatureMemory,
): void {
  const fact = factOf(o);
  if (memory.has(fact)) return;
  if (!verifyDetached({ key: o.key.publicKey, ...o.signature, text: o.text })) {
    throw new ComityError('SIGNATURE_INVALID');
  }
  memory.add(fact);
}

/** Text, signature and key, each with its length, so that no two triples share a digest. */
function factOf(o: Readonly<{ key: KeyWindow; signature: DetachedSignature; text: Uint8Array }>): string {
  const fields = [
    o.text,
    o.signature.protected,
    o.signature.signature,
    utf8(`${o.key.jwk.x}.${o.key.jwk.y}`),
  ];
  return base64(sha256(...fields.flatMap((bytes) => [uint32be(bytes.length), bytes])));
}
