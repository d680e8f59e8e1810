import { createCipheriv } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { base64url, concat, uint32be, utf8 } from '../../../src/bytes.ts';
import { frameSections, unframeSections } from '../../../src/envelope/framing.ts';
import {
  assembleEnvelope,
  commitmentsOf,
  encodeHeader,
  type Opened,
  openParts,
  parseEnvelope,
  type SectionPlain,
  sealAad,
  sealSections,
  type Verified,
} from '../../../src/envelope/index.ts';
import { encodeField } from '../../../src/envelope/wire.ts';
import { SealedPartSchema } from '../../../src/gen/comity/envelope/v1/envelope_pb.js';
import {
  type JweParts,
  keyId,
  openJwe,
  type SealKey,
  sealJwe,
  sha256,
  wrapKey,
} from '../../../src/keys/index.ts';
import { limits } from '../../../src/limits.ts';
import { accept, field, keysOf, seededRandom, verdict, world } from './world.ts';

const mib = 1024 * 1024;

describe('parser bombs', () => {
  const repeated = (hex: string, length: number) =>
    new Uint8Array(Buffer.alloc(length, Buffer.from(hex, 'hex')));
  const nested = (depth: number) => {
    let bytes: Uint8Array = Uint8Array.of(0x0a, 0x00);
    for (let i = 0; i < depth; i += 1) bytes = encodeField(2, bytes);
    return bytes;
  };
  const w = world();
  const valid = w.envelope();
  const most = limits.envelopeBytesMax;
  it.each<{ name: string; bytes: Uint8Array; said: string[] }>([
    { name: 'nothing', bytes: new Uint8Array(0), said: ['ENVELOPE_MALFORMED'] },
    { name: '1 MiB of empty headers', bytes: repeated('0a00', mib), said: ['ENVELOPE_TOO_LARGE'] },
    { name: 'one byte too many', bytes: new Uint8Array(most + 1), said: ['ENVELOPE_TOO_LARGE'] },
    {
      name: 'empty headers to the bound',
      bytes: repeated('0a00', most),
      said: ['ENVELOPE_NOT_STRICT', 'FIELDS_TOO_MANY'],
    },
    { name: 'empty open sections to the bound', bytes: repeated('2200', most), said: ['FIELDS_TOO_MANY'] },
    { name: 'empty parts to the bound', bytes: repeated('2a00', most), said: ['FIELDS_TOO_MANY'] },
    {
      name: 'empty paths to the bound',
      bytes: encodeField(2, repeated('1a00', most - 8)),
      said: ['FIELDS_TOO_MANY'],
    },
    {
      name: 'unknown fields to the bound',
      bytes: repeated('7801', most),
      said: ['ENVELOPE_NOT_STRICT', 'FIELDS_TOO_MANY'],
    },
    {
      name: 'messages 10,000 deep',
      bytes: nested(10_000),
      said: ['ENVELOPE_MALFORMED', 'ENVELOPE_NOT_STRICT'],
    },
    { name: 'groups to the bound', bytes: repeated('0b', most), said: ['ENVELOPE_MALFORMED'] },
    { name: 'groups of an unknown field', bytes: repeated('7b', most), said: ['ENVELOPE_MALFORMED'] },
    { name: 'group ends', bytes: repeated('0c', most), said: ['ENVELOPE_MALFORMED'] },
    { name: 'endless varints', bytes: repeated('ff', most), said: ['ENVELOPE_MALFORMED'] },
    {
      name: 'a length beyond the end',
      bytes: Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f),
      said: ['ENVELOPE_MALFORMED'],
    },
    {
      name: 'a header to the bound',
      bytes: concat(encodeField(1, repeated('0801', most / 2)), valid),
      said: ['ENVELOPE_NOT_STRICT', 'HEADER_TOO_LARGE'],
    },
    { name: 'zeros to the bound', bytes: new Uint8Array(most), said: ['ENVELOPE_MALFORMED'] },
    {
      name: 'random bytes',
      bytes: seededRandom('bomb').bytes(most),
      said: ['ENVELOPE_MALFORMED', 'ENVELOPE_NOT_STRICT'],
    },
  ])('$name end in a code, soon', ({ bytes, said }) => {
    verdict(() => parseEnvelope(bytes));
    const spent = Math.min(
      ...[1, 2, 3].map(() => {
        const started = process.cpuUsage();
        expect(said).toContain(verdict(() => parseEnvelope(bytes)));
        const { user, system } = process.cpuUsage(started);
        return (user + system) / 1000;
      }),
    );
    expect(spent).toBeLessThan(50);
  });

  it('leave the largest valid envelope readable', () => {
    const length = limits.sectionBytesMax - 4;
    const section = { field: 1, salt: w.random.bytes(32), bytes: encodeField(1, new Uint8Array(length)) };
    const content = w.seal({ sections: [section], groups: [{ key: w.all, fields: [1] }] });
    expect(verdict(() => accept(w.envelope({ content }), w.options(), w.keyFor))).toBe('accepted');
  });
});

describe('a sender that seals different contents to different recipients', () => {
  const section = (body: string): SectionPlain => ({
    field: 1,
    salt: new Uint8Array(32),
    bytes: field(1, body),
  });

  /** One header that commits to `told`, with one part of each given content. */
  function twoFaced(contents: readonly { key: SealKey; content: SectionPlain }[], told: SectionPlain) {
    const w = world();
    const commitments = commitmentsOf([told]);
    const aad = sealAad({ ...w.place, commitments });
    const parts = contents.map(({ key, content }) => {
      const plaintext = frameSections([
        { field: content.field, salted: concat(content.salt, content.bytes) },
      ])!;
      return toBinary(SealedPartSchema, create(SealedPartSchema, sealJwe({ key, plaintext, aad }, w.random)));
    });
    const references = contents.map(({ key }, i) => ({ kid: key.id, digest: sha256(parts[i]!) }));
    const content = { commitments, openSections: [], parts, references };
    return { w, bytes: w.envelope({ content }) };
  }

  it('is caught by the commitment, by whoever was given the other one', () => {
    const { all, few } = world();
    const { w, bytes } = twoFaced(
      [
        { key: all, content: section('one') },
        { key: few, content: section('two') },
      ],
      section('one'),
    );
    expect(verdict(() => accept(bytes, w.options(), keysOf([all])))).toBe('accepted');
    expect(verdict(() => accept(bytes, w.options(), keysOf([few])))).toBe('COMMITMENT_MISMATCH');
    // Without the commitment both are read: nothing in the sealing itself objects.
    const { sealed, header } = parseEnvelope(bytes);
    const bodies = [all, few].map(({ key }, i) =>
      unframeSections(openJwe(sealed[i]!.parts, key, sealAad(header)))[0]!.salted.slice(34),
    );
    expect(bodies.map((body) => new TextDecoder().decode(body))).toEqual(['one', 'two']);
  });

  it('is caught when a section carries another field than was committed', () => {
    const { all } = world();
    const foreign = { ...section('one'), bytes: field(2, 'one') };
    const { w, bytes } = twoFaced([{ key: all, content: foreign }], foreign);
    expect(verdict(() => accept(bytes, w.options(), keysOf([all])))).toBe('COMMITMENT_MISMATCH');
  });

  it.each([
    { name: 'two fields', bytes: concat(field(1, 'a'), field(1, 'b')) },
    { name: 'a number', bytes: Uint8Array.of(8, 1) },
    { name: 'a cut field', bytes: field(1, 'abc').slice(0, 4) },
    { name: 'a long tag', bytes: Uint8Array.of(0x8a, 0x00, 0x01, 0x41) },
    { name: 'a long length', bytes: Uint8Array.of(0x0a, 0x81, 0x00, 0x41) },
    { name: 'field 0', bytes: Uint8Array.of(0x02, 0x00) },
  ])('is caught when a section is $name', ({ bytes: given }) => {
    const { all } = world();
    const content = { ...section(''), bytes: given };
    const { w, bytes } = twoFaced([{ key: all, content }], content);
    expect(verdict(() => accept(bytes, w.options(), keysOf([all])))).toBe('SECTION_INVALID');
  });

  it('is caught with one ciphertext that opens under two content keys', () => {
    const w = world();
    const content = w.seal();
    const aad = sealAad({ ...w.place, commitments: content.commitments });
    const [first, second] = salamander(w.all, aad);
    // AES-GCM objects to neither: the same ciphertext, IV and tag are two plaintexts.
    const texts = [first, second].map((part) => openJwe(part, w.all.key, aad));
    expect(Buffer.compare(texts[0]!, texts[1]!)).not.toBe(0);
    const parts = [first, second].map((part) => toBinary(SealedPartSchema, create(SealedPartSchema, part)));
    const references = [{ kid: w.all.id, digest: sha256(parts[0]!) }];
    const header = encodeHeader(w.fields({ ...content, references }));
    const signed = w.sign([header])[0]!;
    const given = parts.map((part) =>
      assembleEnvelope({ header, signed, content: { openSections: [], parts: [part] } }),
    );
    expect(verdict(() => accept(given[1]!, w.options(), w.keyFor))).toBe('PART_DIGEST_MISMATCH');
    const contents = given.map((bytes) =>
      verdict(() => openParts(parseEnvelope(bytes) as Verified<Opened>, w.keyFor)),
    );
    expect(contents).toEqual(['COMMITMENT_MISMATCH', 'PART_DIGEST_MISMATCH']);
  });
});

describe('framing', () => {
  const entry = (number: number, salted: Uint8Array) =>
    concat(uint32be(number), uint32be(salted.length), salted);
  const padded = (...parts: Uint8Array[]) => {
    const bytes = new Uint8Array(1024);
    bytes.set(concat(...parts));
    return bytes;
  };
  const salted = new Uint8Array(40).fill(7);
  const filler = (length: number) => new Uint8Array(length).fill(9);

  it('is read as written', () => {
    const framed = frameSections([
      { field: 1, salted },
      { field: 9, salted: new Uint8Array(0) },
    ])!;
    expect(Buffer.compare(framed, padded(entry(1, salted), entry(9, new Uint8Array(0))))).toBe(0);
    expect(unframeSections(framed).map((section) => section.field)).toEqual([1, 9]);
  });

  it.each([1024 - 8, 1024 - 9, 1024 - 15].map((length) => ({ length })))(
    'ends with fewer than 8 bytes left ($length)',
    ({ length }) => {
      const framed = frameSections([{ field: 1, salted: filler(length) }])!;
      expect(framed).toHaveLength(1024);
      expect(unframeSections(framed)).toHaveLength(1);
    },
  );

  it('takes the next bucket where one is full, and none beyond the largest', () => {
    expect(frameSections([{ field: 1, salted: filler(1024 - 7) }])).toHaveLength(4096);
    expect(frameSections([{ field: 1, salted: filler(320 * 1024 - 8) }])).toHaveLength(320 * 1024);
    expect(frameSections([{ field: 1, salted: filler(320 * 1024 - 7) }])).toBeUndefined();
  });

  it.each([
    { name: 'none of the buckets', bytes: new Uint8Array(1023) },
    { name: 'nothing', bytes: new Uint8Array(0) },
    { name: 'padding that is not zero', bytes: padded(entry(1, salted), uint32be(0), Uint8Array.of(1)) },
    { name: 'a last byte that is not zero', bytes: padded(entry(1, filler(1024 - 9)), Uint8Array.of(1)) },
    { name: 'a section cut by the end', bytes: padded(uint32be(1), uint32be(1017)) },
    { name: 'a length of 2^32 - 1', bytes: padded(uint32be(1), uint32be(0xffffffff)) },
    { name: 'a cut salt', bytes: padded(entry(1, salted.slice(0, 31))) },
    { name: 'a field twice', bytes: padded(entry(1, salted), entry(1, salted)) },
    { name: 'fields out of order', bytes: padded(entry(2, salted), entry(1, salted)) },
  ])('is refused with $name', ({ bytes }) => {
    expect(verdict(() => unframeSections(bytes))).toBe('PART_UNREADABLE');
  });
});

describe('a part', () => {
  it('is refused of a length that is no bucket, whoever it is for', () => {
    const w = world();
    const content = w.seal();
    const aad = sealAad({ ...w.place, commitments: content.commitments });
    const part = toBinary(
      SealedPartSchema,
      create(SealedPartSchema, sealJwe({ key: w.all, plaintext: utf8('short'), aad }, w.random)),
    );
    const odd = { ...content, parts: [part], references: [{ kid: w.all.id, digest: sha256(part) }] };
    expect(verdict(() => accept(w.envelope({ content: odd }), w.options(), keysOf([])))).toBe(
      'PART_UNREADABLE',
    );
  });

  it('is refused in the place of another', () => {
    const w = world();
    const content = w.seal();
    const header = encodeHeader(w.fields(content));
    const signed = w.sign([header])[0]!;
    const swapped = { openSections: [], parts: [...content.parts].reverse() };
    const twice = { openSections: [], parts: [content.parts[0]!, content.parts[0]!] };
    const other = { openSections: [], parts: [content.parts[0]!, w.seal().parts[1]!] };
    const said = [swapped, twice, other].map((given) =>
      verdict(() => accept(assembleEnvelope({ header, signed, content: given }), w.options(), w.keyFor)),
    );
    expect(said).toEqual(['PART_MISSING', 'PART_MISSING', 'PART_DIGEST_MISMATCH']);
  });

  it('does not open in another message, subject or federation', () => {
    const w = world();
    const content = w.seal();
    for (const change of [
      { messageId: world('another').messageId },
      { subject: 'comity.gr.customs.all.now.seizure', deliverByMs: w.fields(content).createdMs },
      { federationId: sha256(utf8('another root')) },
    ]) {
      const bytes = w.envelope({ content, header: change });
      const options = { ...w.options(), deliveredOn: change.subject ?? w.place.subject, ...change };
      expect(verdict(() => accept(bytes, options, w.keyFor))).toBe('PART_UNREADABLE');
    }
  });

  it('does not open where a commitment was changed', () => {
    const w = world();
    const content = w.seal();
    const { commitments } = sealSections(
      { ...w.place, sections: w.sections.slice(0, 3), groups: w.groups.slice(0, 1), open: [] },
      w.random,
    );
    const bytes = w.envelope({ content: { ...content, commitments } });
    expect(verdict(() => accept(bytes, w.options(), keysOf([w.all])))).toBe('PART_UNREADABLE');
  });
});

/** Two parts of one ciphertext, IV and tag under two content keys: one block is solved for in GF(2^128). */
function salamander(key: SealKey, aad: Uint8Array): [JweParts, JweParts] {
  const random = seededRandom('salamander');
  const header = utf8(JSON.stringify({ alg: 'A256KW', enc: 'A256GCM', kid: base64url(keyId(key.key)) }));
  const additional = utf8(`${base64url(header)}.${base64url(aad)}`);
  const iv = random.bytes(12);
  const contentKeys = [random.bytes(32), random.bytes(32)];
  const ciphertext = new Uint8Array(1024);
  // Under the first key the plaintext is a well-formed frame whose section is mostly free.
  const frame = frameSections([{ field: 1, salted: new Uint8Array(1000) }])!;
  const stream = createCipheriv('aes-256-gcm', contentKeys[0]!, iv);
  ciphertext.set(stream.update(frame));
  const free = 30; // the block that is solved for lies inside the section
  const parts = contentKeys.map((contentKey) => {
    const aes = (block: Uint8Array) => {
      const cipher = createCipheriv('aes-256-ecb', contentKey, null).setAutoPadding(false);
      return toNumber(cipher.update(block));
    };
    return { h: aes(new Uint8Array(16)), mask: aes(concat(iv, uint32be(1))) };
  });
  const tagWith = ({ h, mask }: { h: bigint; mask: bigint }) => ghash(h, additional, ciphertext) ^ mask;
  ciphertext.fill(0, free * 16, free * 16 + 16);
  const [one, two] = parts as [{ h: bigint; mask: bigint }, { h: bigint; mask: bigint }];
  const power = BigInt(1024 / 16 - free + 1); // how often the block is multiplied by H, the length block included
  const difference = tagWith(one) ^ tagWith(two);
  const block = multiply(difference, inverse(raise(one.h, power) ^ raise(two.h, power)));
  ciphertext.set(toBlock(block), free * 16);
  const tag = toBlock(tagWith(one));
  return contentKeys.map((contentKey) => ({
    kid: key.id,
    protected: header,
    encryptedKey: wrapKey(key.key, contentKey),
    iv,
    ciphertext,
    tag,
  })) as unknown as [JweParts, JweParts];
}

function ghash(h: bigint, additional: Uint8Array, ciphertext: Uint8Array): bigint {
  const blocks = (bytes: Uint8Array) =>
    Array.from({ length: Math.ceil(bytes.length / 16) }, (_, i) =>
      toNumber(bytes.subarray(i * 16, i * 16 + 16)),
    );
  const lengths = (BigInt(additional.length * 8) << 64n) | BigInt(ciphertext.length * 8);
  return [...blocks(additional), ...blocks(ciphertext), lengths].reduce((y, x) => multiply(y ^ x, h), 0n);
}

/** GCM numbers bits from the left: the highest bit of the block is the coefficient of 1. */
function multiply(x: bigint, y: bigint): bigint {
  let z = 0n;
  let v = y;
  for (let i = 127n; i >= 0n; i -= 1n) {
    if ((x >> i) & 1n) z ^= v;
    v = v & 1n ? (v >> 1n) ^ (0xe1n << 120n) : v >> 1n;
  }
  return z;
}

function raise(x: bigint, exponent: bigint): bigint {
  let result = 1n << 127n;
  for (let base = x, rest = exponent; rest > 0n; rest >>= 1n, base = multiply(base, base)) {
    if (rest & 1n) result = multiply(result, base);
  }
  return result;
}

function inverse(x: bigint): bigint {
  return raise(x, (1n << 128n) - 2n);
}

function toNumber(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex').padEnd(32, '0')}`);
}

function toBlock(value: bigint): Uint8Array {
  return Uint8Array.from(Buffer.from(value.toString(16).padStart(32, '0'), 'hex'));
}
