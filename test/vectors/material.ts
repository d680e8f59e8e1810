/** The fixed keys, clock and randomness of the vectors. None of it is used anywhere else. */

import { createECDH, createPrivateKey, type KeyObject } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { base64url, hex, utf8 } from '../../src/bytes.ts';
import {
  type HeaderFields,
  type SealedContent,
  type SectionPlain,
  sealInner,
  sealSections,
  signBatch,
} from '../../src/envelope/index.ts';
import { AudienceKeyBodySchema, AudienceMembersSchema } from '../../src/gen/comity/control/v1/control_pb.js';
import { uuidV7 } from '../../src/ids.ts';
import {
  type EcPublicJwk,
  type KeyWindow,
  keyId,
  pairwiseKey,
  publicKeyOf,
  type SealKey,
  sha256,
  thumbprint,
  wrapKey,
  wrapTag,
} from '../../src/keys/index.ts';
import { agencyId } from '../../src/types.ts';
import { createdMs, dayMs, field, seededRandom } from '../unit/envelope/world.ts';

export type FixedKey = Readonly<{
  kid: string;
  jwk: EcPublicJwk & { d: string };
  privateKey: KeyObject;
  publicKey: KeyObject;
}>;

function fixedKey(seed: string): FixedKey {
  const d = sha256(utf8(`comity test vector key: ${seed}`));
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(d);
  const point = new Uint8Array(ecdh.getPublicKey());
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    x: base64url(point.slice(1, 33)),
    y: base64url(point.slice(33)),
  } as const;
  const whole = { ...jwk, d: base64url(d) };
  const privateKey = createPrivateKey({ key: whole, format: 'jwk' });
  return { kid: thumbprint(jwk), jwk: whole, privateKey, publicKey: publicKeyOf(jwk) };
}

export const sender = agencyId('gr.customs');
export const recipient = agencyId('it.police');
export const environment = 'vectors';
export const federationId = sha256(utf8('the first root of the test vectors'));
export const subject = 'comity.gr.customs.all.day.seizure';
export const random = seededRandom('comity test vectors v1');

export const signing = fixedKey('sender signing');
export const senderSealing = fixedKey('sender sealing');
export const recipientSealing = fixedKey('recipient sealing');
export const stranger = fixedKey('stranger');

const { d: _d, ...signingJwk } = signing.jwk;
export const window: KeyWindow = {
  kid: signing.kid,
  jwk: signingJwk,
  publicKey: signing.publicKey,
  notBeforeMs: createdMs - dayMs,
  notAfterMs: createdMs + 6 * dayMs,
};

const between = { federationId, senderKid: senderSealing.kid, recipientKid: recipientSealing.kid };
const pairKey = pairwiseKey({
  ownPrivate: senderSealing.privateKey,
  peerPublic: recipientSealing.publicKey,
  ...between,
});
export const pairwise: SealKey = {
  id: keyId(pairKey),
  key: pairKey,
  pair: { senderKid: between.senderKid, recipientKid: between.recipientKid },
};
const audienceBytes = sha256(utf8('comity test vector key: audience'));
export const audience: SealKey = { id: keyId(audienceBytes), key: audienceBytes };

/** The AudienceKey message that would have gone before: its body, and where it was sealed for. */
export const audienceKeyMessage = (() => {
  const place = {
    federationId,
    subject: 'comity.gr.customs.all.now.control',
    messageId: uuidV7(createdMs - 1000, random),
  };
  const members = toBinary(AudienceMembersSchema, create(AudienceMembersSchema, { agencies: [recipient] }));
  const body = create(AudienceKeyBodySchema, {
    keyId: audience.id,
    notBeforeMs: BigInt(createdMs - dayMs),
    notAfterMs: BigInt(createdMs + 6 * dayMs),
    wraps: [{ tag: wrapTag(pairwise.key, audience.id), wrapped: wrapKey(pairwise.key, audience.key) }],
    members: sealInner({ ...place, key: audience, plaintext: members }, random),
  });
  return { ...place, body: toBinary(AudienceKeyBodySchema, body) };
})();

export const sections: readonly SectionPlain[] = [
  { field: 1, salt: random.bytes(32), bytes: field(1, 'cover') },
  { field: 2, salt: random.bytes(32), bytes: field(2, 'goods') },
  { field: 3, salt: random.bytes(32), bytes: field(3, 'persons') },
  { field: 5, salt: random.bytes(32), bytes: new Uint8Array(0) },
];

export const place = { federationId, subject, messageId: uuidV7(createdMs, random) };
export const epoch = random.bytes(16);

/** Cover and goods under the audience key; persons and an absent section under the pairwise key. */
export function seal(o: Partial<Parameters<typeof sealSections>[0]> = {}): SealedContent {
  const groups = [
    { key: audience, fields: [1, 2] },
    { key: pairwise, fields: [3, 5] },
  ];
  return sealSections({ ...place, sections, groups, open: [], ...o }, random);
}

export function headerFields(content: SealedContent, o: Partial<HeaderFields> = {}): HeaderFields {
  return {
    ...place,
    environment,
    epoch,
    sequence: 1,
    previous: new Uint8Array(32),
    createdMs,
    deliverByMs: createdMs + 30 * dayMs,
    schema: 'comity.seizure.v1.SeizureNotice',
    schemaVersion: 1,
    schemaDigest: sha256(utf8('the descriptors of the test vectors')),
    trustVersion: 7,
    suite: 1,
    content,
    ...o,
  };
}

export function sign(headers: readonly Uint8Array[]) {
  return signBatch({ agency: sender, kid: signing.kid, key: signing.privateKey, headers });
}

/** `keys.json`: everything that verifying and opening the vectors needs. */
export function keysJson() {
  const fixed = ({ kid, jwk }: FixedKey) => ({ kid, jwk });
  return {
    environment,
    federationId: hex(federationId),
    sender: {
      agency: sender,
      signing: { ...fixed(signing), notBeforeMs: window.notBeforeMs, notAfterMs: window.notAfterMs },
      sealing: fixed(senderSealing),
    },
    recipient: { agency: recipient, sealing: fixed(recipientSealing) },
    pairwise: { key: hex(pairwise.key), id: hex(pairwise.id) },
    audience: {
      key: hex(audience.key),
      id: hex(audience.id),
      tag: hex(wrapTag(pairwise.key, audience.id)),
      wrapped: hex(wrapKey(pairwise.key, audience.key)),
      subject: audienceKeyMessage.subject,
      messageId: hex(audienceKeyMessage.messageId),
      body: Buffer.from(audienceKeyMessage.body).toString('base64'),
      members: [recipient],
    },
  };
}
