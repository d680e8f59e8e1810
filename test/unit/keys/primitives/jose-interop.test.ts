import { generateKeyPairSync } from 'node:crypto';
import * as jose from 'jose';
import { describe, expect, it } from 'vitest';
import { base64url, fromBase64url, utf8 } from '../../../../src/bytes.ts';
import { systemRandom } from '../../../../src/ids.ts';
import {
  type EcPublicJwk,
  type JweParts,
  keyId,
  openJwe,
  readDetachedHeader,
  readJweHeader,
  sealJwe,
  signDetached,
  thumbprint,
  verifyDetached,
} from '../../../../src/keys/index.ts';

const typ = 'comity-batch+jws';
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const kid = thumbprint(pair.publicKey.export({ format: 'jwk' }) as EcPublicJwk);
const text = utf8('comity/1/gr.customs/batch\n1\nAA==\n');

describe('what we write, jose reads', () => {
  it('thumbprint', async () => {
    expect(await jose.calculateJwkThumbprint(pair.publicKey.export({ format: 'jwk' }) as jose.JWK)).toBe(kid);
  });

  it('a detached signature', async () => {
    const signed = signDetached({ key: pair.privateKey, kid, typ, text });
    const jws = {
      protected: base64url(signed.protected),
      payload: text,
      signature: base64url(signed.signature),
    };
    const verified = await jose.flattenedVerify(jws, pair.publicKey, { algorithms: ['ES256'] });
    expect(verified.protectedHeader).toEqual({ alg: 'ES256', b64: false, crit: ['b64'], kid, typ });
    const forged = { ...jws, payload: utf8('comity/1/gr.customs/batch\n2\nAA==\n') };
    await expect(jose.flattenedVerify(forged, pair.publicKey)).rejects.toMatchObject({
      code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
    });
  });

  it('a sealed part', async () => {
    const key = systemRandom.bytes(32);
    const aad = systemRandom.bytes(32);
    const part = sealJwe({ key: { id: keyId(key), key }, plaintext: text, aad }, systemRandom);
    const jwe = {
      protected: base64url(part.protected),
      encrypted_key: base64url(part.encryptedKey),
      iv: base64url(part.iv),
      ciphertext: base64url(part.ciphertext),
      tag: base64url(part.tag),
      aad: base64url(aad),
    };
    const opened = await jose.flattenedDecrypt(jwe, key, {
      keyManagementAlgorithms: ['A256KW'],
      contentEncryptionAlgorithms: ['A256GCM'],
    });
    expect(Buffer.from(opened.plaintext).equals(Buffer.from(text))).toBe(true);
    const elsewhere = { ...jwe, aad: base64url(systemRandom.bytes(32)) };
    await expect(jose.flattenedDecrypt(elsewhere, key)).rejects.toMatchObject({
      code: 'ERR_JWE_DECRYPTION_FAILED',
    });
  });
});

describe('what jose writes, we read', () => {
  it('a detached signature', async () => {
    const header = { alg: 'ES256', b64: false, crit: ['b64'], kid, typ };
    const jws = await new jose.FlattenedSign(text).setProtectedHeader(header).sign(pair.privateKey);
    const protectedBytes = fromBase64url(jws.protected ?? '') as Uint8Array;
    const signature = fromBase64url(jws.signature) as Uint8Array;
    expect(readDetachedHeader(protectedBytes, typ)).toEqual({ kid });
    expect(verifyDetached({ key: pair.publicKey, protected: protectedBytes, signature, text })).toBe(true);
    const other = utf8('another text');
    expect(verifyDetached({ key: pair.publicKey, protected: protectedBytes, signature, text: other })).toBe(
      false,
    );
  });

  it.each([{ pairwise: false }, { pairwise: true }])('a sealed part (pairwise: $pairwise)', async (row) => {
    const key = systemRandom.bytes(32);
    const aad = systemRandom.bytes(32);
    const id = keyId(key);
    const names = row.pairwise ? { kid, skid: kid } : { kid: base64url(id) };
    const jwe = await new jose.FlattenedEncrypt(text)
      .setProtectedHeader({ alg: 'A256KW', enc: 'A256GCM', ...names })
      .setAdditionalAuthenticatedData(aad)
      .encrypt(key);
    const raw = (member: string | undefined) => fromBase64url(member ?? '') as Uint8Array;
    const parts: JweParts = {
      kid: id,
      protected: raw(jwe.protected),
      encryptedKey: raw(jwe.encrypted_key),
      iv: raw(jwe.iv),
      ciphertext: raw(jwe.ciphertext),
      tag: raw(jwe.tag),
    };
    expect(readJweHeader(parts.protected)).toEqual(names);
    expect(Buffer.from(openJwe(parts, key, aad)).equals(Buffer.from(text))).toBe(true);
    expect(() => openJwe(parts, key, systemRandom.bytes(32))).toThrow(
      expect.objectContaining({ code: 'PART_UNREADABLE' }),
    );
  });
});
