import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { base64, fromHex, hex, utf8 } from '../../../src/bytes.ts';
import {
  createSignatureMemory,
  openInner,
  parseEnvelope,
  type VerifyOptions,
} from '../../../src/envelope/index.ts';
import {
  AudienceKeyBodySchema,
  AudienceMembersSchema,
} from '../../../src/gen/comity/control/v1/control_pb.js';
import {
  keyId,
  leafDigest,
  merklePath,
  merkleRoot,
  pairwiseKey,
  rootFromPath,
  thumbprint,
  unwrapKey,
  wrapKey,
  wrapTag,
} from '../../../src/keys/index.ts';
import * as m from '../../vectors/material.ts';
import { accept, keysOf, verdict } from './world.ts';

const folder = join(import.meta.dirname, '../../vectors/v1');
const read = (path: string) => JSON.parse(readFileSync(join(folder, path), 'utf8'));
const cases = (kind: 'valid' | 'invalid') =>
  readdirSync(join(folder, kind)).map((file) => ({
    name: file.replace('.json', ''),
    ...read(`${kind}/${file}`),
  }));

const keyFor = keysOf([m.audience, m.pairwise]);
const options = (deliveredOn: string): VerifyOptions => ({
  federationId: m.federationId,
  environment: m.environment,
  deliveredOn,
  trust: {
    knows: (agency) => agency === m.sender,
    hasStatement: () => true,
    signingKey: (_, kid) => (kid === m.signing.kid ? m.window : undefined),
  },
  memory: createSignatureMemory(16),
});
const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text, 'base64'));

describe('frozen vectors of wire version 1', () => {
  it.each(cases('valid'))('valid: $name', ({ envelope, deliveredOn, digest, sections }) => {
    const opened = accept(bytesOf(envelope), options(deliveredOn), keyFor);
    expect(hex(opened.digest)).toBe(digest);
    const found = [...opened.sections].map(([number, { salt, bytes }]) => [
      number,
      { salt: hex(salt), bytes: hex(bytes) },
    ]);
    expect(Object.fromEntries(found)).toEqual(sections);
    expect(opened.missing).toEqual([]);
  });

  it.each(cases('invalid'))('invalid: $name is $expected', ({ envelope, deliveredOn, expected }) => {
    expect(verdict(() => accept(bytesOf(envelope), options(deliveredOn), keyFor))).toBe(expected);
  });

  it.each([1, 3, 256])('a batch of %i', (size) => {
    const batch = read(`batch-${size}.json`);
    const leaves = batch.digests.map(fromHex);
    expect(leaves).toHaveLength(size);
    const text = new TextDecoder().decode(bytesOf(batch.text));
    expect(text).toBe(`comity/1/gr.customs/batch\n${size}\n${base64(merkleRoot(leaves))}\n`);
    for (const envelope of batch.envelopes) {
      const { digest } = accept(bytesOf(envelope), options(m.subject), keyFor);
      expect(batch.digests).toContain(hex(digest));
    }
  });

  it('Merkle trees', () => {
    for (const { size, root, paths } of read('merkle.json')) {
      const leaves = Array.from({ length: size }, (_, i) => leafDigest(utf8(`leaf ${i}`)));
      expect(hex(merkleRoot(leaves))).toBe(root);
      for (const { index, path } of paths) {
        expect(merklePath(leaves, index).map(hex)).toEqual(path);
        const reached = rootFromPath({ leaf: leaves[index]!, index, size, path: path.map(fromHex) });
        expect(hex(reached!)).toBe(root);
      }
    }
  });

  it('keys: thumbprints, the pairwise key, the audience key and its message', () => {
    const keys = read('keys.json');
    expect(keys).toEqual(
      JSON.parse(
        JSON.stringify({ ...m.keysJson(), audience: { ...m.keysJson().audience, body: keys.audience.body } }),
      ),
    );
    expect(thumbprint(keys.sender.sealing.jwk)).toBe(keys.sender.sealing.kid);
    const pairwise = pairwiseKey({
      ownPrivate: m.recipientSealing.privateKey,
      peerPublic: m.senderSealing.publicKey,
      federationId: fromHex(keys.federationId),
      senderKid: keys.sender.sealing.kid,
      recipientKid: keys.recipient.sealing.kid,
    });
    expect(hex(pairwise)).toBe(keys.pairwise.key);
    expect(hex(keyId(pairwise))).toBe(keys.pairwise.id);
    const body = fromBinary(AudienceKeyBodySchema, bytesOf(keys.audience.body));
    const [wrap] = body.wraps;
    expect(hex(wrapTag(pairwise, body.keyId))).toBe(hex(wrap!.tag));
    const key = unwrapKey(pairwise, wrap!.wrapped)!;
    expect([hex(key), hex(wrapKey(pairwise, key))]).toEqual([keys.audience.key, keys.audience.wrapped]);
    const { subject } = keys.audience;
    const place = { federationId: m.federationId, subject, messageId: fromHex(keys.audience.messageId) };
    const members = openInner({ ...place, part: body.members!, key });
    expect(fromBinary(AudienceMembersSchema, members).agencies).toEqual(keys.audience.members);
  });

  it('are not altered by being read', () => {
    for (const { envelope } of cases('valid')) {
      expect(base64(parseEnvelope(bytesOf(envelope)).bytes)).toBe(envelope);
    }
  });
});
