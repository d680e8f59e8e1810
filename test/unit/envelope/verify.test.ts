import { createHmac, sign as nodeSign } from 'node:crypto';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { base64, base64url, concat, utf8 } from '../../../src/bytes.ts';
import {
  assembleEnvelope,
  createSignatureMemory,
  encodeHeader,
  type HeaderFields,
  parseEnvelope,
  type VerifyOptions,
  verifyEnvelope,
} from '../../../src/envelope/index.ts';
import { EnvelopeSchema, HeaderSchema } from '../../../src/gen/comity/envelope/v1/envelope_pb.js';
import { leafDigest, sha256 } from '../../../src/keys/index.ts';
import { createdMs, dayMs, newSigner, sender, subject, verdict, world, zeros } from './world.ts';

type World = ReturnType<typeof world>;
const verify = (bytes: Uint8Array, o: VerifyOptions) =>
  verdict(() => verifyEnvelope(parseEnvelope(bytes), o));

describe('verifyEnvelope refuses', () => {
  const otherFederation = sha256(utf8('another'));
  it.each<{ name: string; change: (w: World) => Partial<VerifyOptions>; refused: string }>([
    {
      name: 'another federation',
      change: () => ({ federationId: otherFederation }),
      refused: 'FEDERATION_MISMATCH',
    },
    { name: 'another environment', change: () => ({ environment: 'prod' }), refused: 'ENVIRONMENT_MISMATCH' },
    { name: 'another subject', change: () => ({ deliveredOn: `${subject}x` }), refused: 'SUBJECT_MISMATCH' },
    {
      name: 'an unknown sender',
      change: (w) => ({ trust: { ...w.trust, knows: () => false } }),
      refused: 'SENDER_UNKNOWN',
    },
    {
      name: 'a sender without statement',
      change: (w) => ({ trust: { ...w.trust, hasStatement: () => false } }),
      refused: 'AWAITING_STATEMENT',
    },
    {
      name: 'an unknown key',
      change: (w) => ({ trust: { ...w.trust, signingKey: () => undefined } }),
      refused: 'KEY_UNKNOWN',
    },
    {
      name: 'another key of the sender',
      change: (w) => ({ trust: { ...w.trust, signingKey: () => newSigner().window } }),
      refused: 'SIGNATURE_INVALID',
    },
  ])('$name', ({ change, refused }) => {
    const w = world();
    const bytes = w.envelope();
    const { deliveredOn: _, ...copy } = w.options();
    expect(verify(bytes, w.options())).toBe('accepted');
    expect(verify(bytes, copy)).toBe('accepted');
    expect(verify(bytes, { ...w.options(), ...change(w) })).toBe(refused);
  });

  it('an unknown suite, before anything else', () => {
    const w = world();
    const bytes = w.envelope({ header: { suite: 2 } });
    expect(verify(bytes, { ...w.options(), environment: 'prod' })).toBe('SUITE_UNKNOWN');
  });

  it.each([
    { at: 0, said: 'accepted' },
    { at: -1, said: 'KEY_NOT_IN_FORCE' },
    { at: 7 * dayMs - 1, said: 'accepted' },
    { at: 7 * dayMs, said: 'KEY_NOT_IN_FORCE' },
  ])('or accepts by the window of the key: $at ms after its start', ({ at, said }) => {
    const w = world();
    const made = createdMs - dayMs + at;
    expect(verify(w.envelope({ header: { createdMs: made, deliverByMs: made } }), w.options())).toBe(said);
  });
});

describe('a signature', () => {
  const claims = { b64: false, crit: ['b64'], typ: 'comity-batch+jws' };

  /** An envelope whose signature is over a protected header of the attacker's choice. */
  function withHeader(w: World, header: string, key = w.signer.privateKey, hmac?: Uint8Array): Uint8Array {
    const content = w.seal();
    const headerBytes = encodeHeader(w.fields(content));
    const signed = w.sign([headerBytes])[0]!;
    const input = concat(utf8(`${base64url(utf8(header))}.`), signed.proof.text);
    const signature = hmac
      ? createHmac('sha256', hmac).update(input).digest()
      : nodeSign('sha256', input, { key, dsaEncoding: 'ieee-p1363' });
    return assembleEnvelope({
      header: headerBytes,
      signed: { proof: signed.proof, signature: { protected: utf8(header), signature } },
      content,
    });
  }
  const right = (kid: string) =>
    JSON.stringify({ alg: 'ES256', b64: false, crit: ['b64'], kid, typ: claims.typ });

  it('over the specified header is accepted', () => {
    const w = world();
    expect(verify(withHeader(w, right(w.signer.window.kid)), w.options())).toBe('accepted');
  });

  const evil = newSigner();
  const evilJwk = JSON.stringify(evil.window.jwk);
  it.each<{ name: string; header: (right: string) => string; refused: string }>([
    { name: 'alg none', header: (h) => h.replace('ES256', 'none'), refused: 'ALGORITHM_REFUSED' },
    { name: 'PS256', header: (h) => h.replace('ES256', 'PS256'), refused: 'ALGORITHM_REFUSED' },
    {
      name: 'another typ',
      header: (h) => h.replace('comity-batch+jws', 'comity-statement+jws'),
      refused: 'SIGNATURE_HEADER_INVALID',
    },
    { name: 'no crit', header: (h) => h.replace('"crit":["b64"],', ''), refused: 'SIGNATURE_HEADER_INVALID' },
    { name: 'b64 true', header: (h) => h.replace('false', 'true'), refused: 'SIGNATURE_HEADER_INVALID' },
    { name: 'jwk', header: (h) => h.replace('}', `,"jwk":${evilJwk}}`), refused: 'SIGNATURE_HEADER_INVALID' },
    {
      name: 'jku',
      header: (h) => h.replace('}', ',"jku":"https://evil"}'),
      refused: 'SIGNATURE_HEADER_INVALID',
    },
    { name: 'x5c', header: (h) => h.replace('}', ',"x5c":["MA=="]}'), refused: 'SIGNATURE_HEADER_INVALID' },
    {
      name: 'x5u',
      header: (h) => h.replace('}', ',"x5u":"https://evil"}'),
      refused: 'SIGNATURE_HEADER_INVALID',
    },
    {
      name: 'duplicate members',
      header: (h) => h.replace('{', '{"kid":"x",'),
      refused: 'SIGNATURE_HEADER_INVALID',
    },
    {
      name: 'kid traversal',
      header: (h) => h.replace(/"kid":"[^"]*"/, '"kid":"../../keys/it.police"'),
      refused: 'SIGNATURE_HEADER_INVALID',
    },
    {
      name: 'a foreign kid',
      header: (h) => h.replace(/"kid":"[^"]*"/, `"kid":"${evil.window.kid}"`),
      refused: 'KEY_UNKNOWN',
    },
  ])('of the sender over $name is refused', ({ header, refused }) => {
    const w = world();
    const attack = header(right(w.signer.window.kid));
    expect(verify(withHeader(w, attack), w.options())).toBe(refused);
    expect(verify(withHeader(w, attack, evil.privateKey), w.options())).toBe(refused);
  });

  it('of HS256 with the public key as the secret is refused', () => {
    const w = world();
    const secret = w.signer.window.publicKey.export({ format: 'der', type: 'spki' });
    const header = right(w.signer.window.kid).replace('ES256', 'HS256');
    expect(verify(withHeader(w, header, undefined, secret), w.options())).toBe('ALGORITHM_REFUSED');
  });

  it('of another key under the right kid is refused', () => {
    const w = world();
    const bytes = withHeader(w, right(w.signer.window.kid), evil.privateKey);
    expect(verify(bytes, w.options())).toBe('SIGNATURE_INVALID');
  });

  it('is one: a second, even good, is refused', () => {
    const w = world();
    const envelope = fromBinary(EnvelopeSchema, w.envelope());
    envelope.signatures.push(envelope.signatures[0]!);
    expect(verify(toBinary(EnvelopeSchema, envelope), w.options())).toBe('SIGNATURE_HEADER_INVALID');
    envelope.signatures.push(envelope.signatures[0]!);
    expect(verify(toBinary(EnvelopeSchema, envelope), w.options())).toBe('ENVELOPE_MALFORMED');
  });

  it('that failed is not remembered, and one that held is remembered with its key and text', () => {
    const w = world();
    const memory = createSignatureMemory(10);
    const forged = withHeader(w, right(w.signer.window.kid), evil.privateKey);
    const options = { ...w.options(), memory };
    expect([verify(forged, options), verify(forged, options)]).toEqual([
      'SIGNATURE_INVALID',
      'SIGNATURE_INVALID',
    ]);
    const bytes = w.envelope();
    expect(verify(bytes, options)).toBe('accepted');
    const replaced = { ...w.trust, signingKey: () => ({ ...evil.window, kid: w.signer.window.kid }) };
    expect(verify(bytes, { ...options, trust: replaced })).toBe('SIGNATURE_INVALID');
  });

  it('is forgotten when the memory is full', () => {
    const memory = createSignatureMemory(2);
    for (const fact of ['a', 'b', 'c']) memory.add(fact);
    expect(['a', 'b', 'c'].map((fact) => memory.has(fact))).toEqual([false, true, true]);
  });
});

describe('a batch text', () => {
  /** Signed by the sender's key, so that only its form can be at fault. */
  function withText(w: World, text: (root: string) => string, index = 0): Uint8Array {
    const content = w.seal();
    const header = encodeHeader(w.fields(content));
    const bytes = utf8(text(base64(leafDigest(header))));
    const { window, privateKey } = w.signer;
    const jose = { alg: 'ES256', b64: false, crit: ['b64'], kid: window.kid, typ: 'comity-batch+jws' };
    const protectedBytes = utf8(JSON.stringify(jose));
    const input = concat(utf8(`${base64url(protectedBytes)}.`), bytes);
    const signature = nodeSign('sha256', input, { key: privateKey, dsaEncoding: 'ieee-p1363' });
    const proof = { text: bytes, index, path: [] };
    return assembleEnvelope({
      header,
      signed: { proof, signature: { protected: protectedBytes, signature } },
      content,
    });
  }
  const text =
    (o: Partial<{ version: string; sender: string; size: string; end: string }> = {}) =>
    (root: string) =>
      `comity/${o.version ?? '1'}/${o.sender ?? sender}/batch\n${o.size ?? '1'}\n${root}\n${o.end ?? ''}`;

  it('is accepted as specified', () => {
    expect(verify(withText(world(), text()), world().options())).toBe('KEY_UNKNOWN');
    const w = world();
    expect(verify(withText(w, text()), w.options())).toBe('accepted');
  });

  it.each([
    { name: 'of another sender', made: text({ sender: 'it.police' }) },
    { name: 'of another version', made: text({ version: '2' }) },
    { name: 'of no headers', made: text({ size: '0' }) },
    { name: 'of 257 headers', made: text({ size: '257' }) },
    { name: 'with a leading zero', made: text({ size: '01' }) },
    { name: 'with a sign', made: text({ size: '+1' }) },
    { name: 'with more after it', made: text({ end: '\n' }) },
    { name: 'with CRLF', made: (root: string) => text()(root).replaceAll('\n', '\r\n') },
    {
      name: 'with malleable base64',
      made: (root: string) => text()(`${root.slice(0, 42)}${next(root[42]!)}=`),
    },
    { name: 'with base64url', made: (root: string) => text()(root.slice(0, 43)) },
    { name: 'of 2 headers but one', made: text({ size: '2' }) },
    { name: 'that is empty', made: () => '' },
  ])('is refused $name', ({ made }) => {
    const w = world();
    expect(verify(withText(w, made), w.options())).toBe('BATCH_PROOF_INVALID');
  });

  it('is refused for an index outside it', () => {
    const w = world();
    expect(verify(withText(w, text(), 1), w.options())).toBe('BATCH_PROOF_INVALID');
  });

  it('is refused where it is not UTF-8', () => {
    const w = world();
    const envelope = fromBinary(EnvelopeSchema, w.envelope());
    envelope.proof!.text = Uint8Array.of(0xff, 0xfe);
    expect(verify(toBinary(EnvelopeSchema, envelope), w.options())).toBe('BATCH_PROOF_INVALID');
  });
});

/** The next letter of base64: the same 32 bytes to a lenient reader, in their unused last bits. */
function next(letter: string): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  return letters[letters.indexOf(letter) + 1]!;
}

describe('a header', () => {
  /** A well-formed envelope with any header, signed or not: it is refused before the signature. */
  function parse(change: Partial<Record<string, unknown>>): string {
    const w = world();
    const content = w.seal();
    const good = encodeHeader(w.fields(content));
    const { $typeName: _name, ...header } = fromBinary(HeaderSchema, good);
    const bytes = toBinary(HeaderSchema, create(HeaderSchema, { ...header, ...change } as never));
    const envelope = assembleEnvelope({ header: bytes, signed: w.sign([bytes])[0]!, content });
    return verdict(() => parseEnvelope(envelope));
  }
  const commitment = (field: number) => ({ field, digest: zeros });
  const big = 2n ** 53n;

  it.each<{ name: string; change: Record<string, unknown>; said: string }>([
    { name: 'as specified', change: {}, said: 'accepted' },
    { name: 'no wire version', change: { wireVersion: 0 }, said: 'WIRE_VERSION_UNKNOWN' },
    { name: 'wire version 2', change: { wireVersion: 2 }, said: 'WIRE_VERSION_UNKNOWN' },
    { name: 'a short federation id', change: { federationId: zeros.slice(1) }, said: 'HEADER_INVALID' },
    { name: 'an environment in capitals', change: { environment: 'Demo' }, said: 'HEADER_INVALID' },
    {
      name: 'an environment of 32 characters',
      change: { environment: 'e'.repeat(32) },
      said: 'HEADER_INVALID',
    },
    { name: 'an environment of 31 characters', change: { environment: 'e'.repeat(31) }, said: 'accepted' },
    { name: 'an environment with a line feed', change: { environment: 'demo\n' }, said: 'HEADER_INVALID' },
    {
      name: 'a statement as subject',
      change: { subject: 'comity.gr.customs.statement' },
      said: 'HEADER_INVALID',
    },
    {
      name: 'a wildcard as subject',
      change: { subject: 'comity.gr.customs.all.day.>' },
      said: 'HEADER_INVALID',
    },
    {
      name: 'a UUIDv4',
      change: { messageId: Uint8Array.from([0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]) },
      said: 'HEADER_INVALID',
    },
    { name: 'a long epoch', change: { epoch: zeros }, said: 'HEADER_INVALID' },
    { name: 'sequence 0', change: { sequence: 0n }, said: 'HEADER_INVALID' },
    { name: 'sequence 2^53', change: { sequence: big }, said: 'HEADER_INVALID' },
    {
      name: 'a first with a previous',
      change: { previous: new Uint8Array(32).fill(1) },
      said: 'HEADER_INVALID',
    },
    { name: 'a short previous', change: { previous: zeros.slice(1) }, said: 'HEADER_INVALID' },
    { name: 'created 0', change: { createdMs: 0n }, said: 'HEADER_INVALID' },
    {
      name: 'created in the year 10000',
      change: { createdMs: 253402300800000n, deliverByMs: 253402300800000n },
      said: 'HEADER_INVALID',
    },
    { name: 'created at 2^53', change: { createdMs: big, deliverByMs: big }, said: 'HEADER_INVALID' },
    {
      name: 'delivery before creation',
      change: { deliverByMs: BigInt(createdMs - 1) },
      said: 'DELIVER_BY_INVALID',
    },
    { name: 'delivery at creation', change: { deliverByMs: BigInt(createdMs) }, said: 'accepted' },
    {
      name: 'delivery after 30 days',
      change: { deliverByMs: BigInt(createdMs + 30 * dayMs + 1) },
      said: 'DELIVER_BY_INVALID',
    },
    {
      name: 'delivery after 7 days, now',
      change: { subject: 'comity.gr.customs.all.now.seizure', deliverByMs: BigInt(createdMs + 7 * dayMs) },
      said: 'accepted',
    },
    {
      name: 'delivery after more, now',
      change: {
        subject: 'comity.gr.customs.all.now.seizure',
        deliverByMs: BigInt(createdMs + 7 * dayMs + 1),
      },
      said: 'DELIVER_BY_INVALID',
    },
    {
      name: 'delivery after 30 days, now, of a gateway',
      change: { subject: 'comity.gr.customs.all.now.control', deliverByMs: BigInt(createdMs + 30 * dayMs) },
      said: 'accepted',
    },
    {
      name: 'delivery after more, of a gateway',
      change: {
        subject: 'comity.gr.customs.all.now.control',
        deliverByMs: BigInt(createdMs + 30 * dayMs + 1),
      },
      said: 'DELIVER_BY_INVALID',
    },
    { name: 'no schema', change: { schema: '' }, said: 'HEADER_INVALID' },
    { name: 'a path as schema', change: { schema: '../seizure.v1.Notice' }, said: 'HEADER_INVALID' },
    { name: 'schema version 0', change: { schemaVersion: 0 }, said: 'HEADER_INVALID' },
    { name: 'a short schema digest', change: { schemaDigest: zeros.slice(1) }, said: 'HEADER_INVALID' },
    { name: 'trust version 0', change: { trustVersion: 0n }, said: 'HEADER_INVALID' },
    { name: 'no commitments', change: { commitments: [] }, said: 'HEADER_INVALID' },
    {
      name: '32 commitments',
      change: { commitments: Array.from({ length: 32 }, (_, i) => commitment(i + 1)) },
      said: 'accepted',
    },
    {
      name: '33 commitments',
      change: { commitments: Array.from({ length: 33 }, (_, i) => commitment(i + 1)) },
      said: 'HEADER_INVALID',
    },
    { name: 'field 0', change: { commitments: [commitment(0)] }, said: 'HEADER_INVALID' },
    { name: 'field 2^29', change: { commitments: [commitment(2 ** 29)] }, said: 'HEADER_INVALID' },
    { name: 'fields twice', change: { commitments: [commitment(1), commitment(1)] }, said: 'HEADER_INVALID' },
    {
      name: 'fields out of order',
      change: { commitments: [commitment(2), commitment(1)] },
      said: 'HEADER_INVALID',
    },
    {
      name: 'a short commitment',
      change: { commitments: [{ field: 1, digest: zeros.slice(1) }] },
      said: 'HEADER_INVALID',
    },
    {
      name: '9 parts',
      change: { parts: Array.from({ length: 9 }, () => ({ kid: zeros, digest: zeros })) },
      said: 'HEADER_INVALID',
    },
    {
      name: 'a short part digest',
      change: { parts: [{ kid: zeros, digest: zeros.slice(1) }] },
      said: 'HEADER_INVALID',
    },
    {
      name: 'a long key id',
      change: { parts: [{ kid: new Uint8Array(33), digest: zeros }] },
      said: 'HEADER_INVALID',
    },
    { name: 'more than its bound', change: { schema: 'a'.repeat(17_000) }, said: 'HEADER_TOO_LARGE' },
  ])('with $name: $said', ({ change, said }) => {
    expect(parse(change)).toBe(said);
  });

  it('is not written where it would not be read', () => {
    const w = world();
    const fields = (change: Partial<HeaderFields>) => w.fields(w.seal(), change);
    expect(verdict(() => encodeHeader(fields({ deliverByMs: createdMs - 1 })))).toBe('DELIVER_BY_INVALID');
    expect(verdict(() => encodeHeader(fields({ environment: '' })))).toBe('HEADER_INVALID');
    expect(verdict(() => encodeHeader(fields({ sequence: 1.5 })))).toBe('HEADER_INVALID');
  });

  it('of a later wire version is told as such, whatever else is new in it', () => {
    const header = Uint8Array.of(0x08, 0x02, 0xf8, 0x07, 0x01);
    const envelope = Uint8Array.from([0x0a, header.length, ...header, 0x7a, 0x01, 0x00]);
    expect(verdict(() => parseEnvelope(envelope))).toBe('WIRE_VERSION_UNKNOWN');
  });
});
