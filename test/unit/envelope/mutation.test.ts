import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { concat, equalBytes, hex, utf8 } from '../../../src/bytes.ts';
import {
  assembleEnvelope,
  checkParts,
  encodeHeader,
  type HeaderFields,
  type Opened,
  openParts,
  parseEnvelope,
  type Verified,
  verifyEnvelope,
} from '../../../src/envelope/index.ts';
import {
  type Envelope,
  EnvelopeSchema,
  HeaderSchema,
} from '../../../src/gen/comity/envelope/v1/envelope_pb.js';
import { type Random, uuidV7 } from '../../../src/ids.ts';
import { sha256 } from '../../../src/keys/index.ts';
import { accept, createdMs, dayMs, field, seededRandom, verdict, world } from './world.ts';

type World = ReturnType<typeof world>;

/** Valid envelopes of several shapes: sealed, open beside sealed, all open, one of a batch. */
function validEnvelopes(w: World): Uint8Array[] {
  const clear = w.seal({ groups: [{ key: w.all, fields: [1] }], open: [2, 3, 5] });
  const bare = w.seal({ groups: [], open: [1, 2, 3, 5] });
  const content = w.seal();
  const next = { sequence: 2, previous: sha256(utf8('before')) };
  const headers = [1, 2, 3, 4, 5].map(() => encodeHeader(w.fields(content, next)));
  const inBatch = assembleEnvelope({ header: headers[3]!, signed: w.sign(headers)[3]!, content });
  return [w.envelope(), w.envelope({ content: clear }), w.envelope({ content: bare }), inBatch];
}

const picker = (random: Random) => (below: number) =>
  below <= 1 ? 0 : Buffer.from(random.bytes(4)).readUInt32BE() % below;

type Pick = (below: number) => number;

function flip(bytes: Uint8Array, at: number, bit: number): Uint8Array {
  const flipped = bytes.slice();
  flipped[at]! ^= 1 << bit;
  return flipped;
}

function splice(a: Uint8Array, b: Uint8Array, pick: Pick): Uint8Array {
  const cut = pick(a.length);
  const from = pick(b.length);
  return concat(a.subarray(0, cut), b.subarray(from, from + pick(64)), a.subarray(cut + pick(64)));
}

/** Changes of the decoded message, encoded again. */
const surgery: ((e: Envelope, other: Envelope, pick: Pick) => void)[] = [
  (e, other) => {
    e.header = other.header;
  },
  (e, other) => {
    e.proof = other.proof!;
  },
  (e, other) => {
    e.signatures = other.signatures;
  },
  (e, other) => {
    e.sealed = other.sealed;
  },
  (e, other) => {
    e.openSections = other.openSections;
  },
  (e) => void e.signatures.push(e.signatures[0]!),
  (e, other) => void e.signatures.push(other.signatures[0]!),
  (e) => {
    e.signatures = [];
  },
  (e) => void e.sealed.reverse(),
  (e) => void e.sealed.pop(),
  (e) => void e.sealed.shift(),
  (e) => void e.sealed.push(...e.sealed.slice(0, 1)),
  (e) => void e.openSections.reverse(),
  (e) => void e.openSections.pop(),
  (e) => void e.openSections.push(...e.openSections.slice(0, 1)),
  (e, _, pick) => {
    e.proof!.index = pick(300);
  },
  (e, _, pick) => void e.proof!.path.splice(pick(e.proof!.path.length), 1),
  (e) => void e.proof!.path.push(new Uint8Array(32)),
  (e) => void e.proof!.path.reverse(),
  (e, _, pick) => {
    e.proof!.text = utf8(new TextDecoder().decode(e.proof!.text).replace(/\n\d+\n/, `\n${pick(300)}\n`));
  },
  (e, other, pick) => {
    const member = (['kid', 'protected', 'encryptedKey', 'iv', 'ciphertext', 'tag'] as const)[pick(6)]!;
    const part = e.sealed[pick(e.sealed.length)];
    const foreign = other.sealed[pick(other.sealed.length)];
    if (part && foreign) part[member] = foreign[member];
  },
  (e, other, pick) => {
    const header = fromBinary(HeaderSchema, e.header);
    const foreign = fromBinary(HeaderSchema, other.header);
    if (pick(2) === 0) header.commitments = foreign.commitments;
    else header.parts = foreign.parts;
    e.header = toBinary(HeaderSchema, header);
  },
  (e, _, pick) => {
    const header = fromBinary(HeaderSchema, e.header);
    header.sequence += BigInt(pick(3));
    header.trustVersion += BigInt(pick(3));
    header.createdMs -= BigInt(pick(3));
    e.header = toBinary(HeaderSchema, header);
  },
];

/** Other spellings: what a lenient parser reads as the very same message. */
const respellings: ((bytes: Uint8Array) => Uint8Array)[] = [
  (bytes) => concat(bytes, Uint8Array.of(0x30, 0x01)),
  (bytes) => concat(bytes, field(7, 'unknown')),
  (bytes) => concat(bytes, bytes),
  (bytes) => concat(field(15, ''), bytes),
  (bytes) => concat(Uint8Array.of(0x0a, 0x00), bytes),
  (bytes) => concat(bytes.subarray(0, 1), Uint8Array.of(bytes[1]!, bytes[2]! | 0x80, 0), bytes.subarray(3)),
  (bytes) => concat(Uint8Array.of(0x8a, 0x00), bytes.subarray(1)),
  (bytes) => concat(Uint8Array.of(0x12, 0x00), bytes),
];

function mutations(w: World, count: number): Uint8Array[] {
  const pick = picker(seededRandom('mutations'));
  const valid = validEnvelopes(w);
  const any = () => valid[pick(valid.length)]!;
  const made = valid.flatMap((bytes) => respellings.map((respell) => respell(bytes)));
  while (made.length < count) {
    const bytes = any();
    const kind = pick(8);
    if (kind <= 2) made.push(flip(bytes, pick(bytes.length), pick(8)));
    else if (kind === 3) made.push(bytes.slice(0, pick(bytes.length)));
    else if (kind === 4) made.push(splice(bytes, any(), pick));
    else {
      const envelope = fromBinary(EnvelopeSchema, bytes);
      surgery[pick(surgery.length)]!(envelope, fromBinary(EnvelopeSchema, any()), pick);
      made.push(toBinary(EnvelopeSchema, create(EnvelopeSchema, envelope)));
    }
  }
  return made.filter((bytes) => !valid.some((same) => equalBytes(same, bytes)));
}

describe('mutated envelopes', () => {
  const w = world();
  const mutated = mutations(w, 16_000);
  const said = (check: (bytes: Uint8Array) => void) =>
    Map.groupBy(mutated, (bytes) => verdict(() => check(bytes)));

  it('are never accepted, ten thousand and more', () => {
    const options = w.options();
    const verdicts = said((bytes) => accept(bytes, options, w.keyFor));
    expect(mutated.length).toBeGreaterThan(10_000);
    expect((verdicts.get('accepted') ?? []).map(hex)).toEqual([]);
    for (const code of [
      'ENVELOPE_NOT_STRICT',
      'BATCH_PROOF_INVALID',
      'SIGNATURE_INVALID',
      'PART_DIGEST_MISMATCH',
    ]) {
      expect(verdicts.has(code), code).toBe(true);
    }
  });

  it('would be accepted without the signature', () => {
    const verdicts = said((bytes) => {
      const opened = parseEnvelope(bytes) as Verified<Opened>;
      checkParts(opened);
      openParts(opened, w.keyFor);
    });
    expect(verdicts.get('accepted')?.length).toBeGreaterThan(100);
  });

  it('would be accepted without the digests and commitments of parts', () => {
    const verdicts = said((bytes) => verifyEnvelope(parseEnvelope(bytes), w.options()));
    expect(verdicts.get('accepted')?.length).toBeGreaterThan(100);
  });

  it('would be read as the same message by a lenient parser', () => {
    const [bytes] = validEnvelopes(w) as [Uint8Array];
    const same = respellings.filter((respell) =>
      equalBytes(fromBinary(EnvelopeSchema, respell(bytes)).header, fromBinary(EnvelopeSchema, bytes).header),
    );
    expect(same.length).toBeGreaterThan(4);
  });
});

describe('every single bit of a small envelope', () => {
  it('counts', () => {
    const w = world('bits');
    const content = w.seal({ sections: w.sections.slice(0, 1), groups: [], open: [1] });
    const bytes = w.envelope({ content });
    const options = w.options();
    expect(verdict(() => accept(bytes, options, w.keyFor))).toBe('accepted');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = flip(bytes, bit >> 3, bit & 7);
      expect(
        verdict(() => accept(flipped, options, w.keyFor)),
        `bit ${bit}`,
      ).not.toBe('accepted');
    }
  });
});

describe('header fields of two valid messages', () => {
  const w = world();
  const content = w.seal();
  const other: Partial<HeaderFields> = {
    federationId: sha256(utf8('another root')),
    environment: 'exercise',
    subject: 'comity.gr.customs.to.it.police.bulk.object',
    messageId: uuidV7(createdMs + 5, w.random),
    epoch: w.random.bytes(16),
    sequence: 3,
    previous: sha256(utf8('b')),
    createdMs: createdMs + 1000,
    deliverByMs: createdMs + 2 * dayMs,
    schema: 'comity.object.v1.ObjectNotice',
    schemaVersion: 2,
    schemaDigest: sha256(utf8('other descriptors')),
    trustVersion: 8,
    content: w.seal({ sections: w.sections.map((s) => ({ ...s, salt: w.random.bytes(32) })) }),
  };
  const mine = w.fields(content, { sequence: 2, previous: sha256(utf8('a')) });
  const names = Object.keys(other) as (keyof HeaderFields)[];
  const pairs = names.flatMap((a, i) => names.slice(i).map((b) => [a, b] as const));
  const signed = w.sign([encodeHeader(mine)])[0]!;
  const optionsOf = (fields: HeaderFields) => ({ ...w.options(), ...fields, deliveredOn: fields.subject });

  it('differ in all of them, and the message itself is accepted', () => {
    for (const name of names) expect(other[name]).not.toEqual(mine[name]);
    expect(names).toHaveLength(Object.keys(mine).length - 1); // all but the suite, which has one value
    const bytes = assembleEnvelope({ header: encodeHeader(mine), signed, content });
    expect(verdict(() => accept(bytes, optionsOf(mine), w.keyFor))).toBe('accepted');
  });

  it.each(pairs)('cannot be swapped: %s and %s', (a, b) => {
    const swapped = { ...mine, [a]: other[a], [b]: other[b] } as HeaderFields;
    const header = encodeHeader(swapped);
    const bytes = assembleEnvelope({ header, signed, content: swapped.content });
    // Transport reality is made to agree, so that nothing but the signature can object.
    expect(verdict(() => verifyEnvelope(parseEnvelope(bytes), optionsOf(swapped)))).toBe(
      'BATCH_PROOF_INVALID',
    );
    const resigned = assembleEnvelope({ header, signed: w.sign([header])[0]!, content: swapped.content });
    expect(verdict(() => verifyEnvelope(parseEnvelope(resigned), optionsOf(swapped)))).toBe('accepted');
  });
});
