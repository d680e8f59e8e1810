/** A sender, its keys and the trust that knows it, deterministic but for ES256 signatures. */
import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { concat, uint32be, utf8 } from '../../../src/bytes.ts';
import {
  assembleEnvelope,
  checkParts,
  createSignatureMemory,
  encodeHeader,
  type HeaderFields,
  type KeyFor,
  type Opened,
  type OpenedSections,
  openParts,
  parseEnvelope,
  type SealedContent,
  type SealGroup,
  type SectionPlain,
  sealSections,
  signBatch,
  type VerifyingTrust,
  type VerifyOptions,
  verifyEnvelope,
} from '../../../src/envelope/index.ts';
import { type Random, uuidV7 } from '../../../src/ids.ts';
import {
  type EcPublicJwk,
  type KeyWindow,
  keyId,
  type SealKey,
  sha256,
  thumbprint,
} from '../../../src/keys/index.ts';
import { agencyId } from '../../../src/types.ts';

export const createdMs = Date.UTC(2026, 0, 15, 12);
export const dayMs = 24 * 3600 * 1000;

/** The bytes of SHA-256(seed ‖ counter), so that a run can be repeated. */
export function seededRandom(seed: string): Random {
  let counter = 0;
  return {
    bytes(length) {
      const blocks: Uint8Array[] = [];
      for (let made = 0; made < length; made += 32) {
        blocks.push(createHash('sha256').update(`${seed}/${counter++}`).digest());
      }
      return Uint8Array.from(concat(...blocks).subarray(0, length));
    },
  };
}

export type Signer = Readonly<{ privateKey: KeyObject; window: KeyWindow }>;

export function newSigner(notBeforeMs = createdMs - dayMs): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = publicKey.export({ format: 'jwk' }) as EcPublicJwk;
  const kid = thumbprint(jwk);
  return { privateKey, window: { kid, jwk, publicKey, notBeforeMs, notAfterMs: notBeforeMs + 7 * dayMs } };
}

export const sender = agencyId('gr.customs');
export const federationId = sha256(utf8('the first root'));
export const subject = 'comity.gr.customs.all.day.seizure';
export const zeros = new Uint8Array(32);

/** One length-delimited field with a short body. */
export function field(number: number, body: string): Uint8Array {
  const bytes = utf8(body);
  return Uint8Array.from([number * 8 + 2, bytes.length, ...bytes]);
}

export function audienceKey(random: Random): SealKey {
  const key = random.bytes(32);
  return { id: keyId(key), key };
}

export function world(seed = 'world') {
  const random = seededRandom(seed);
  const signer = newSigner();
  const trust: VerifyingTrust = {
    knows: (agency) => agency === sender,
    hasStatement: (agency) => agency === sender,
    signingKey: (agency, kid) => (agency === sender && kid === signer.window.kid ? signer.window : undefined),
  };
  const options = (): VerifyOptions => ({
    federationId,
    environment: 'demo',
    deliveredOn: subject,
    trust,
    memory: createSignatureMemory(100),
  });
  const all = audienceKey(random);
  const few = audienceKey(random);
  const salts = [1, 2, 3, 5].map(() => random.bytes(32));
  /** Cover and goods for all, persons for few, an absent section for few. */
  const sections: SectionPlain[] = [
    { field: 1, salt: salts[0]!, bytes: field(1, 'cover') },
    { field: 2, salt: salts[1]!, bytes: field(2, 'goods') },
    { field: 3, salt: salts[2]!, bytes: field(3, 'persons') },
    { field: 5, salt: salts[3]!, bytes: new Uint8Array(0) },
  ];
  const groups: SealGroup[] = [
    { key: all, fields: [1, 2] },
    { key: few, fields: [3, 5] },
  ];
  const messageId = uuidV7(createdMs, random);
  const place = { federationId, subject, messageId };
  const seal = (o: Partial<Parameters<typeof sealSections>[0]> = {}) =>
    sealSections({ ...place, sections, groups, open: [], ...o }, random);
  const fields = (content: SealedContent, o: Partial<HeaderFields> = {}): HeaderFields => ({
    federationId,
    environment: 'demo',
    subject,
    messageId,
    epoch: random.bytes(16),
    sequence: 1,
    previous: zeros,
    createdMs,
    deliverByMs: createdMs + 30 * dayMs,
    schema: 'comity.seizure.v1.SeizureNotice',
    schemaVersion: 1,
    schemaDigest: sha256(utf8('descriptors')),
    trustVersion: 7,
    suite: 1,
    content,
    ...o,
  });
  const sign = (headers: readonly Uint8Array[]) =>
    signBatch({ agency: sender, kid: signer.window.kid, key: signer.privateKey, headers });
  const envelope = (o: { content?: SealedContent; header?: Partial<HeaderFields> } = {}) => {
    const content = o.content ?? seal();
    const header = encodeHeader(fields(content, o.header));
    return assembleEnvelope({ header, signed: sign([header])[0]!, content });
  };
  const keyFor = keysOf([all, few]);
  return {
    random,
    signer,
    trust,
    options,
    all,
    few,
    sections,
    groups,
    messageId,
    place,
    seal,
    fields,
    sign,
    envelope,
    keyFor,
  };
}

export function keysOf(keys: readonly SealKey[], otherwise: 'withheld' | 'unknown' = 'withheld'): KeyFor {
  return ({ kid }) => keys.find(({ id }) => Buffer.compare(id, kid) === 0)?.key ?? otherwise;
}

/** The whole way in, as a gateway takes it with a message of its live channel. */
export function accept(bytes: Uint8Array, o: VerifyOptions, keyFor: KeyFor): Opened & OpenedSections {
  const verified = verifyEnvelope(parseEnvelope(bytes), o);
  checkParts(verified);
  return { ...verified, ...openParts(verified, keyFor) };
}

/** The code of the ComityError that `run` throws; `accepted` if it throws none; anything else is thrown on. */
export function verdict(run: () => unknown): string {
  try {
    run();
    return 'accepted';
  } catch (error) {
    const { name, code } = error as { name: string; code: string };
    if (name !== 'ComityError') throw error;
    return code;
  }
}

export { uint32be };
