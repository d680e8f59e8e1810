import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { base64url, fromHex, hex, utf8 } from '../../../../src/bytes.ts';
import { type Random, systemRandom } from '../../../../src/ids.ts';
import {
  type EcPublicJwk,
  hmacSha256,
  type JweParts,
  keyId,
  leafDigest,
  openJwe,
  pairwiseKey,
  publicKeyOf,
  readDetachedHeader,
  readJweHeader,
  sealJwe,
  sha256,
  signDetached,
  signEs256,
  thumbprint,
  unwrapKey,
  verifyEs256,
  wrapKey,
  wrapTag,
} from '../../../../src/keys/index.ts';

const code = (code: string) => expect.objectContaining({ code });
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwk = pair.publicKey.export({ format: 'jwk' }) as EcPublicJwk;
const kid = thumbprint(jwk);
const typ = 'comity-batch+jws';

describe('digests', () => {
  it('hash parts as if joined', () => {
    const whole = createHash('sha256').update('abcdef').digest('hex');
    expect(hex(sha256(utf8('abc'), utf8('def')))).toBe(whole);
    expect(hex(leafDigest(utf8('x')))).toBe(createHash('sha256').update('\0x').digest('hex'));
  });

  it('HMAC of RFC 4231 test case 2', () => {
    const mac = hmacSha256(utf8('Jefe'), utf8('what do ya want '), utf8('for nothing?'));
    expect(hex(mac)).toBe('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
  });
});

describe('ES256', () => {
  const bytes = utf8('what is signed');
  const signature = signEs256(pair.privateKey, bytes);

  it('is 64 bytes, r and s', () => {
    expect(signature).toHaveLength(64);
    expect(verifyEs256(pair.publicKey, bytes, signature)).toBe(true);
  });

  it('does not verify other bytes, keys or spellings', () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
    expect(verifyEs256(pair.publicKey, utf8('what is not'), signature)).toBe(false);
    expect(verifyEs256(other, bytes, signature)).toBe(false);
    expect(verifyEs256(pair.publicKey, bytes, signature.slice(0, 63))).toBe(false);
    expect(verifyEs256(pair.publicKey, bytes, new Uint8Array(64))).toBe(false);
    expect(verifyEs256(pair.publicKey, bytes, new Uint8Array(0))).toBe(false);
  });

  it('takes no key of another kind', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    expect(() => signEs256(rsa.privateKey, bytes)).toThrow(TypeError);
    expect(() => signEs256(pair.publicKey, bytes)).toThrow(TypeError);
    expect(() => verifyEs256(rsa.publicKey, bytes, signature)).toThrow(TypeError);
    expect(() => verifyEs256(p384.publicKey, bytes, signature)).toThrow(TypeError);
  });
});

describe('publicKeyOf', () => {
  it('reads a key', () => {
    expect(publicKeyOf(jwk).equals(createPublicKey(pair.privateKey))).toBe(true);
  });

  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' });
  it.each([
    { name: 'another curve', jwk: p384 },
    { name: 'another type', jwk: { ...jwk, kty: 'OKP' } },
    { name: 'a point off the curve', jwk: { ...jwk, y: jwk.x } },
    { name: 'the point at infinity', jwk: { ...jwk, x: 'A'.repeat(43), y: 'A'.repeat(43) } },
    { name: 'a padded coordinate', jwk: { ...jwk, x: `${jwk.x}=` } },
    { name: 'a short coordinate', jwk: { ...jwk, x: jwk.x.slice(0, 40) } },
    { name: 'no coordinate', jwk: { kty: 'EC', crv: 'P-256', x: jwk.x } },
  ])('refuses $name', ({ jwk: given }) => {
    expect(() => publicKeyOf(given as EcPublicJwk)).toThrow(code('STATEMENT_INVALID'));
  });
});

describe('readDetachedHeader', () => {
  const right = signDetached({ key: pair.privateKey, kid, typ, text: utf8('t') }).protected;
  const text = new TextDecoder().decode(right);

  it('reads what is signed', () => {
    expect(text).toBe(`{"alg":"ES256","b64":false,"crit":["b64"],"kid":"${kid}","typ":"${typ}"}`);
    expect(readDetachedHeader(right, typ)).toEqual({ kid });
  });

  const alg = (name: string) => text.replace('ES256', name);
  const extra = (member: string) => text.replace('{', `{${member},`);
  it.each([
    { name: 'alg none', header: alg('none'), refused: 'ALGORITHM_REFUSED' },
    { name: 'HS256', header: alg('HS256'), refused: 'ALGORITHM_REFUSED' },
    { name: 'PS256', header: alg('PS256'), refused: 'ALGORITHM_REFUSED' },
    { name: 'a second alg', header: text.replace('}', ',"alg":"none"}'), refused: 'ALGORITHM_REFUSED' },
    { name: 'a first alg', header: extra('"alg":"none"'), refused: 'SIGNATURE_HEADER_INVALID' },
    { name: 'no alg', header: text.replace('"alg":"ES256",', ''), refused: 'SIGNATURE_HEADER_INVALID' },
    { name: 'another typ', header: text.replace(typ, 'JWT'), refused: 'SIGNATURE_HEADER_INVALID' },
    { name: 'no crit', header: text.replace('"crit":["b64"],', ''), refused: 'SIGNATURE_HEADER_INVALID' },
    {
      name: 'more crit',
      header: text.replace('["b64"]', '["b64","x"]'),
      refused: 'SIGNATURE_HEADER_INVALID',
    },
    { name: 'b64 true', header: text.replace('false', 'true'), refused: 'SIGNATURE_HEADER_INVALID' },
    { name: 'a duplicate kid', header: extra(`"kid":"${kid}"`), refused: 'SIGNATURE_HEADER_INVALID' },
    { name: 'jwk', header: extra(`"jwk":${JSON.stringify(jwk)}`), refused: 'SIGNATURE_HEADER_INVALID' },
    { name: 'jku', header: extra('"jku":"https://x"'), refused: 'SIGNATURE_HEADER_INVALID' },
    { name: 'x5c', header: extra('"x5c":["AA=="]'), refused: 'SIGNATURE_HEADER_INVALID' },
    { name: 'x5u', header: extra('"x5u":"https://x"'), refused: 'SIGNATURE_HEADER_INVALID' },
    { name: '__proto__', header: extra('"__proto__":{"alg":"none"}'), refused: 'SIGNATURE_HEADER_INVALID' },
    {
      name: 'a path as kid',
      header: text.replace(kid, '../../../../etc/passwd'),
      refused: 'SIGNATURE_HEADER_INVALID',
    },
    { name: 'a number as kid', header: text.replace(`"${kid}"`, '1'), refused: 'SIGNATURE_HEADER_INVALID' },
    { name: 'white space', header: text.replace(':', ': '), refused: 'SIGNATURE_HEADER_INVALID' },
    { name: 'an escape', header: text.replace('"typ"', '"\\u0074yp"'), refused: 'SIGNATURE_HEADER_INVALID' },
    { name: 'an array', header: '[]', refused: 'SIGNATURE_HEADER_INVALID' },
    { name: 'null', header: 'null', refused: 'SIGNATURE_HEADER_INVALID' },
    { name: 'no JSON', header: '{', refused: 'SIGNATURE_HEADER_INVALID' },
    { name: 'nothing', header: '', refused: 'SIGNATURE_HEADER_INVALID' },
    { name: 'too much', header: text + ' '.repeat(1024), refused: 'SIGNATURE_HEADER_INVALID' },
  ])('refuses $name', ({ header, refused }) => {
    expect(() => readDetachedHeader(utf8(header), typ)).toThrow(code(refused));
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(() => readDetachedHeader(Uint8Array.of(0x7b, 0xff, 0x7d), typ)).toThrow(
      code('SIGNATURE_HEADER_INVALID'),
    );
  });

  it('signs under a thumbprint only', () => {
    expect(() => signDetached({ key: pair.privateKey, kid: 'k', typ, text: utf8('t') })).toThrow(TypeError);
  });
});

describe('key wrap', () => {
  // RFC 3394 §4.6.
  const kek = fromHex('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f');
  const key = fromHex('00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f');
  const wrapped = '28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21';

  it('is that of RFC 3394', () => {
    expect(hex(wrapKey(kek, key))).toBe(wrapped);
    expect(hex(unwrapKey(kek, fromHex(wrapped)) ?? utf8(''))).toBe(hex(key));
  });

  it('gives nothing for another key, a flipped bit or a cut', () => {
    const flipped = fromHex(wrapped);
    flipped[0]! ^= 1;
    expect(unwrapKey(key, fromHex(wrapped))).toBeUndefined();
    expect(unwrapKey(kek, flipped)).toBeUndefined();
    expect(unwrapKey(kek, fromHex(wrapped).slice(0, 32))).toBeUndefined();
    expect(() => wrapKey(kek, key.slice(1))).toThrow(TypeError);
    expect(() => unwrapKey(kek.slice(1), flipped)).toThrow(TypeError);
  });
});

describe('sealed parts', () => {
  const key = systemRandom.bytes(32);
  const seal = { id: keyId(key), key };
  const aad = systemRandom.bytes(32);
  const plaintext = utf8('content');
  const part = sealJwe({ key: seal, plaintext, aad }, systemRandom);
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

  it('open to their key', () => {
    expect(text(part.protected)).toBe(`{"alg":"A256KW","enc":"A256GCM","kid":"${base64url(seal.id)}"}`);
    expect(text(openJwe(part, key, aad))).toBe('content');
  });

  it('name both sealing keys under a pairwise key', () => {
    const peers = { senderKid: kid, recipientKid: base64url(sha256(utf8('peer'))) };
    const between = sealJwe({ key: { ...seal, pair: peers }, plaintext, aad }, systemRandom);
    expect(readJweHeader(between.protected)).toEqual({ kid: peers.recipientKid, skid: kid });
    expect(text(openJwe(between, key, aad))).toBe('content');
  });

  it('draw a content key and an IV for each', () => {
    const drawn: number[] = [];
    const random: Random = {
      bytes: (length) => {
        drawn.push(length);
        return systemRandom.bytes(length);
      },
    };
    sealJwe({ key: seal, plaintext, aad }, random);
    expect(drawn).toEqual([32, 12]);
  });

  const members = ['kid', 'protected', 'encryptedKey', 'iv', 'ciphertext', 'tag'] as const;
  it.each(members)('do not open with a bit of %s flipped', (member) => {
    for (let bit = 0; bit < part[member].length * 8; bit += 1) {
      const flipped = part[member].slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const forged: JweParts = { ...part, [member]: flipped };
      expect(() => openJwe(forged, key, aad)).toThrow(code('PART_UNREADABLE'));
    }
  });

  it.each(members)('do not open with %s cut or lengthened', (member) => {
    for (const bytes of [part[member].slice(1), Uint8Array.from([...part[member], 0]), new Uint8Array(0)]) {
      expect(() => openJwe({ ...part, [member]: bytes }, key, aad)).toThrow(code('PART_UNREADABLE'));
    }
  });

  it('do not open to another key or in another place', () => {
    expect(() => openJwe(part, systemRandom.bytes(32), aad)).toThrow(code('PART_UNREADABLE'));
    expect(() => openJwe(part, key, systemRandom.bytes(32))).toThrow(code('PART_UNREADABLE'));
  });

  it('are not sealed under a key with another id', () => {
    const foreign = { id: systemRandom.bytes(32), key };
    expect(() => sealJwe({ key: foreign, plaintext, aad }, systemRandom)).toThrow(TypeError);
  });

  const header = text(part.protected);
  it.each([
    { name: 'compression', header: header.replace('}', ',"zip":"DEF"}') },
    { name: 'dir', header: header.replace('A256KW', 'dir') },
    { name: 'PBES2', header: header.replace('"A256KW"', '"PBES2-HS256+A128KW","p2c":2147483647') },
    { name: 'another enc', header: header.replace('A256GCM', 'A128GCM') },
    { name: 'a duplicate member', header: header.replace('{', '{"alg":"A256KW",') },
    { name: 'no kid', header: '{"alg":"A256KW","enc":"A256GCM"}' },
    { name: 'no object', header: '"A256KW"' },
    { name: 'a number as skid', header: header.replace('}', ',"skid":1}') },
  ])('are not read with $name in the header', ({ header: given }) => {
    expect(() => readJweHeader(utf8(given))).toThrow(code('PART_UNREADABLE'));
  });
});

describe('pairwise keys', () => {
  const peer = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const federationId = sha256(utf8('root'));
  const names = { federationId, senderKid: kid, recipientKid: 'recipient' };
  const ours = pairwiseKey({ ownPrivate: pair.privateKey, peerPublic: peer.publicKey, ...names });

  it('are the same on both sides', () => {
    const theirs = pairwiseKey({ ownPrivate: peer.privateKey, peerPublic: pair.publicKey, ...names });
    expect(hex(theirs)).toBe(hex(ours));
    expect(ours).toHaveLength(32);
  });

  it.each([
    { name: 'the direction', change: { senderKid: 'recipient', recipientKid: kid } },
    { name: 'the federation', change: { federationId: sha256(utf8('another root')) } },
  ])('depend on $name', ({ change }) => {
    const o = { ownPrivate: pair.privateKey, peerPublic: peer.publicKey, ...names, ...change };
    expect(hex(pairwiseKey(o))).not.toBe(hex(ours));
  });

  it('give a tag that needs the key', () => {
    const id = keyId(ours);
    expect(hex(wrapTag(ours, id))).toBe(hex(hmacSha256(ours, id)).slice(0, 32));
    expect(hex(wrapTag(id, id))).not.toBe(hex(wrapTag(ours, id)));
  });

  it('are of P-256 only', () => {
    const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    const o = { ownPrivate: p384.privateKey, peerPublic: p384.publicKey, ...names };
    expect(() => pairwiseKey(o)).toThrow(TypeError);
  });
});
