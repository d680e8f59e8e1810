import { fromBinary, toBinary } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex, uint32be, utf8 } from '../../../src/bytes.ts';
import {
  assembleEnvelope,
  checkCommitments,
  checkParts,
  commitmentsOf,
  encodeHeader,
  openInner,
  openParts,
  parseEnvelope,
  sealAad,
  sealInner,
  sealSections,
  signBatch,
  verifyEnvelope,
} from '../../../src/envelope/index.ts';
import { EnvelopeSchema } from '../../../src/gen/comity/envelope/v1/envelope_pb.js';
import { leafDigest, sha256 } from '../../../src/keys/index.ts';
import { limits } from '../../../src/limits.ts';
import { accept, createdMs, dayMs, field, keysOf, sender, verdict, world, zeros } from './world.ts';

const code = (code: string) => expect.objectContaining({ code });

describe('an envelope', () => {
  it('gives back what was sealed', () => {
    const w = world();
    const opened = accept(w.envelope(), w.options(), w.keyFor);
    expect([...opened.sections.keys()].sort()).toEqual([1, 2, 3, 5]);
    for (const { field, salt, bytes } of w.sections) {
      expect(hex(opened.sections.get(field)!.bytes)).toBe(hex(bytes));
      expect(hex(opened.sections.get(field)!.salt)).toBe(hex(salt));
    }
    expect(opened.awaiting).toEqual([]);
    expect(opened.missing).toEqual([]);
  });

  it('is what protobuf writes of it', () => {
    const w = world();
    const bytes = w.envelope();
    expect(hex(toBinary(EnvelopeSchema, fromBinary(EnvelopeSchema, bytes)))).toBe(hex(bytes));
  });

  it('gives plain numbers, the digest of the message, and is frozen', () => {
    const w = world();
    const given = w.envelope({ header: { sequence: 3, previous: sha256(utf8('before')) } });
    const opened = parseEnvelope(given);
    expect(opened.header).toMatchObject({ sequence: 3, createdMs, deliverByMs: createdMs + 30 * dayMs });
    expect(opened.subject).toEqual({ form: 'message', sender, lane: 'day', kind: 'seizure' });
    expect(hex(opened.digest)).toBe(hex(leafDigest(opened.headerBytes)));
    expect(Object.isFrozen(opened) && Object.isFrozen(opened.header)).toBe(true);
    given.fill(0);
    expect(verdict(() => accept(opened.bytes, w.options(), w.keyFor))).toBe('accepted');
  });

  it('shows to each what is sealed to it', () => {
    const w = world();
    const opened = accept(w.envelope(), w.options(), keysOf([w.all]));
    expect([...opened.sections.keys()]).toEqual([1, 2]);
    const waiting = accept(w.envelope(), w.options(), keysOf([w.all], 'unknown'));
    expect(waiting.awaiting.map(hex)).toEqual([hex(w.few.id)]);
  });

  it('tells absent from withheld', () => {
    const w = world();
    const opened = accept(w.envelope(), w.options(), keysOf([w.few]));
    expect(opened.sections.get(5)!.bytes).toHaveLength(0);
    expect(opened.sections.has(1)).toBe(false);
  });

  it('verifies in batches of 1, 2, 3, 255 and 256, each in its own place only', () => {
    const w = world();
    for (const size of [1, 2, 3, 255, 256]) {
      const content = w.seal();
      const headers = Array.from({ length: size }, () => encodeHeader(w.fields(content)));
      const signed = w.sign(headers);
      const options = w.options();
      for (const [i, header] of headers.entries()) {
        const bytes = assembleEnvelope({ header, signed: signed[i]!, content });
        expect(verdict(() => verifyEnvelope(parseEnvelope(bytes), options))).toBe('accepted');
        const swapped = { ...signed[i]!, proof: signed[(i + 1) % size]!.proof };
        const other = assembleEnvelope({ header, signed: swapped, content });
        const said = verdict(() => verifyEnvelope(parseEnvelope(other), options));
        expect(said).toBe(size === 1 ? 'accepted' : 'BATCH_PROOF_INVALID');
      }
    }
    expect(() => w.sign([])).toThrow(TypeError);
    expect(() => w.sign(Array.from({ length: 257 }, () => utf8('h')))).toThrow(TypeError);
  });

  it('verifies a signature of a batch once', () => {
    const w = world();
    const content = w.seal();
    const headers = [1, 2, 3].map(() => encodeHeader(w.fields(content)));
    const signed = w.sign(headers);
    const options = w.options();
    let remembered = 0;
    const memory = {
      has: (fact: string) => options.memory.has(fact) && ++remembered > 0,
      add: options.memory.add,
    };
    for (const [i, header] of headers.entries()) {
      verifyEnvelope(parseEnvelope(assembleEnvelope({ header, signed: signed[i]!, content })), {
        ...options,
        memory,
      });
    }
    expect(remembered).toBe(2);
  });

  it('of a heartbeat has no place in a chain', () => {
    const w = world();
    const beat = 'comity.gr.customs.beat.seizure';
    const sections = [{ field: 2, salt: w.random.bytes(32), bytes: field(2, 'heads') }];
    const content = sealSections({ ...w.place, subject: beat, sections, groups: [], open: [2] }, w.random);
    const header = { subject: beat, sequence: 0, schema: 'comity.beat.v1.Heartbeat' };
    const bytes = w.envelope({ content, header });
    const opened = accept(bytes, { ...w.options(), deliveredOn: beat }, w.keyFor);
    expect(hex(opened.sections.get(2)!.bytes)).toBe(hex(field(2, 'heads')));
    expect(() => w.envelope({ content, header: { ...header, sequence: 1 } })).toThrow(code('HEADER_INVALID'));
  });
});

describe('a copy with sections removed', () => {
  it('verifies, opens what it has, and is no message of a live channel', () => {
    const w = world();
    const content = w.seal();
    const header = encodeHeader(w.fields(content));
    const cut = { openSections: [], parts: content.parts.slice(1) };
    const bytes = assembleEnvelope({ header, signed: w.sign([header])[0]!, content: cut });
    const verified = verifyEnvelope(parseEnvelope(bytes), w.options());
    expect([...openParts(verified, w.keyFor).sections.keys()]).toEqual([3, 5]);
    expect(() => checkParts(verified)).toThrow(code('PART_MISSING'));
    const none = assembleEnvelope({
      header,
      signed: w.sign([header])[0]!,
      content: { openSections: [], parts: [] },
    });
    expect(openParts(verifyEnvelope(parseEnvelope(none), w.options()), w.keyFor).sections.size).toBe(0);
  });
});

describe('open sections', () => {
  const clear = () => {
    const w = world();
    const groups = [{ key: w.all, fields: [1] }];
    const content = w.seal({ groups, open: [2, 3, 5] });
    const header = encodeHeader(w.fields(content));
    const signed = w.sign([header])[0]!;
    const build = (openSections: readonly Uint8Array[]) =>
      assembleEnvelope({ header, signed, content: { ...content, openSections } });
    return { w, content, build };
  };

  it('are read with the sealed ones, absent ones by their commitment', () => {
    const { w, content, build } = clear();
    const opened = accept(build(content.openSections), w.options(), w.keyFor);
    expect([...opened.sections.keys()].sort()).toEqual([1, 2, 3, 5]);
    expect(opened.sections.get(5)!.bytes).toHaveLength(0);
  });

  it('are missed when they were taken away, but from a copy', () => {
    const { w, content, build } = clear();
    const bytes = build(content.openSections.slice(1));
    expect(verdict(() => accept(bytes, w.options(), w.keyFor))).toBe('PART_MISSING');
    const verified = verifyEnvelope(parseEnvelope(bytes), w.options());
    expect(openParts(verified, w.keyFor, { copy: true }).missing).toEqual([2]);
  });

  it.each([
    {
      name: 'in another order',
      change: (open: Uint8Array[]) => [open[1]!, open[0]!, open[2]!],
      refused: 'ENVELOPE_NOT_STRICT',
    },
    { name: 'twice', change: (open: Uint8Array[]) => [open[0]!, ...open], refused: 'ENVELOPE_NOT_STRICT' },
    {
      name: 'with other content',
      change: (open: Uint8Array[]) => [Uint8Array.from([...open[0]!.slice(0, 34), ...utf8('other')])],
      refused: 'COMMITMENT_MISMATCH',
    },
    { name: 'of no commitment', change: () => [new Uint8Array(32)], refused: 'COMMITMENT_MISMATCH' },
    {
      name: 'of two fields',
      change: (open: Uint8Array[]) => [Uint8Array.from([...open[0]!, ...field(2, 'x')])],
      refused: 'SECTION_INVALID',
    },
    {
      name: 'of another wire type',
      change: (open: Uint8Array[]) => [Uint8Array.from([...open[0]!.slice(0, 32), 16, 1])],
      refused: 'SECTION_INVALID',
    },
    {
      name: 'with a cut salt',
      change: (open: Uint8Array[]) => [open[0]!.slice(0, 31)],
      refused: 'ENVELOPE_MALFORMED',
    },
  ])('are refused $name', ({ change, refused }) => {
    const { w, content, build } = clear();
    const bytes = build(change([...content.openSections]));
    expect(verdict(() => accept(bytes, w.options(), w.keyFor))).toBe(refused);
  });

  it('are refused where the sender sealed them', () => {
    const w = world();
    const content = w.seal();
    const header = encodeHeader(w.fields(content));
    const { salt, bytes } = w.sections[1]!;
    const leaked = { ...content, openSections: [Uint8Array.from([...salt, ...bytes])] };
    const envelope = assembleEnvelope({ header, signed: w.sign([header])[0]!, content: leaked });
    expect(verdict(() => accept(envelope, w.options(), w.keyFor))).toBe('PART_MISSING');
  });

  it('are all there where nothing is sealed', () => {
    const w = world();
    const content = w.seal({ groups: [], open: [1, 2, 3, 5] });
    const header = encodeHeader(w.fields(content));
    const signed = w.sign([header])[0]!;
    const whole = assembleEnvelope({ header, signed, content });
    expect(accept(whole, w.options(), w.keyFor).sections.size).toBe(4);
    const cut = { ...content, openSections: content.openSections.slice(1) };
    const bytes = assembleEnvelope({ header, signed, content: cut });
    expect(verdict(() => accept(bytes, w.options(), w.keyFor))).toBe('PART_MISSING');
  });
});

describe('sealSections', () => {
  const salt = new Uint8Array(32);
  const large = (number: number, length: number) => ({
    field: number,
    salt,
    bytes: Uint8Array.from([number * 8 + 2, ...varint(length), ...new Uint8Array(length)]),
  });
  const varint = (value: number): number[] =>
    value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
  const name = (number: number) => ({ 1: 'cover', 2: 'goods' })[number] ?? 'other';

  it('takes a section up to its bound and names one beyond', () => {
    const w = world();
    const groups = [{ key: w.all, fields: [1] }];
    const most = limits.sectionBytesMax - 4;
    const content = w.seal({ sections: [large(1, most)], groups });
    expect(verdict(() => accept(w.envelope({ content }), w.options(), w.keyFor))).toBe('accepted');
    expect(() => w.seal({ sections: [large(1, most + 1)], groups, nameOf: name })).toThrow(
      expect.objectContaining({
        code: 'DRAFT_TOO_LARGE',
        problems: [{ path: '/cover', message: 'the section exceeds 256 KiB' }],
      }),
    );
  });

  it('names the largest section of a part or of an envelope that does not fit', () => {
    const w = world();
    const sections = [large(1, 100_000), large(2, 250_000)];
    const named = expect.objectContaining({
      code: 'DRAFT_TOO_LARGE',
      problems: [expect.objectContaining({ path: '/goods' })],
    });
    const together = [{ key: w.all, fields: [1, 2] }];
    expect(() => w.seal({ sections, groups: together, nameOf: name })).toThrow(named);
    const apart = [
      { key: w.all, fields: [2] },
      { key: w.few, fields: [1, 2].slice(1) },
    ];
    expect(() => w.seal({ sections: [large(1, 5), large(2, 250_000)], groups: apart, nameOf: name })).toThrow(
      named,
    );
  });

  it('pads to buckets, so that lengths say little', () => {
    const w = world();
    const sizes = [10, 500, 2_000, 10_000, 50_000, 200_000].map((length) => {
      const groups = [{ key: w.all, fields: [1] }];
      const content = w.seal({ sections: [large(1, length)], groups });
      return parseEnvelope(w.envelope({ content })).sealed[0]!.parts.ciphertext.length / 1024;
    });
    expect(sizes).toEqual([1, 1, 4, 16, 64, 256]);
  });

  it('takes 8 audiences and not 9', () => {
    const w = world();
    const groups = (count: number) => Array.from({ length: count }, () => ({ key: w.all, fields: [1] }));
    expect(w.seal({ groups: groups(8) }).parts).toHaveLength(8);
    expect(() => w.seal({ groups: groups(9) })).toThrow(code('DRAFT_TOO_LARGE'));
  });

  it.each([
    { name: 'an unknown field', o: { groups: [], open: [9] } },
    { name: 'an empty group', o: { open: [1], group: [] } },
    { name: 'a field open and sealed', o: { open: [1], group: [1] } },
    { name: 'an unknown sealed field', o: { open: [], group: [9] } },
    { name: 'nothing sealed and not all open', o: { groups: [], open: [1] } },
  ])('refuses $name as misuse', ({ o }) => {
    const w = world();
    const groups = o.groups ?? [{ key: w.all, fields: o.group ?? [] }];
    expect(() => w.seal({ groups, open: o.open })).toThrow(TypeError);
  });

  it('commits in field order, with whole salts', () => {
    const section = (number: number) => ({ field: number, salt, bytes: field(number, 'x') });
    expect(() => commitmentsOf([section(2), section(1)])).toThrow(TypeError);
    expect(() => commitmentsOf([section(1), section(1)])).toThrow(TypeError);
    expect(() => commitmentsOf([{ ...section(1), salt: salt.slice(1) }])).toThrow(TypeError);
    expect(hex(commitmentsOf([section(1)])[0]!.digest)).toBe(hex(sha256(salt, field(1, 'x'))));
  });

  it('binds to federation, subject, message and every commitment', () => {
    const w = world();
    const { commitments } = w.seal();
    const subjectBytes = utf8(w.place.subject);
    const committed = commitments.flatMap((c) => [uint32be(c.field), c.digest]);
    const whole = sha256(
      utf8('comity/seal/1'),
      w.place.federationId,
      subjectBytes,
      w.messageId,
      ...committed,
    );
    expect(hex(sealAad({ ...w.place, commitments }))).toBe(hex(whole));
  });
});

describe('a part inside a section', () => {
  it('opens in its own message only', () => {
    const w = world();
    const part = sealInner({ ...w.place, key: w.all, plaintext: utf8('members') }, w.random);
    expect(new TextDecoder().decode(openInner({ ...w.place, part, key: w.all.key }))).toBe('members');
    const elsewhere = { ...w.place, messageId: w.random.bytes(16) };
    expect(() => openInner({ ...elsewhere, part, key: w.all.key })).toThrow(code('PART_UNREADABLE'));
  });
});

describe('checkCommitments', () => {
  it('wants exactly the sections of the schema', () => {
    const w = world();
    const { header } = parseEnvelope(w.envelope());
    expect(() => checkCommitments(header, [1, 2, 3, 5])).not.toThrow();
    for (const fields of [[1, 2, 3], [1, 2, 3, 4], [1, 2, 3, 5, 6], []]) {
      expect(() => checkCommitments(header, fields)).toThrow(code('HEADER_INVALID'));
    }
  });
});

describe('sections of any content', () => {
  it('come back as they were', () => {
    const w = world();
    const body = fc.uint8Array({ maxLength: 100 });
    fc.assert(
      fc.property(fc.array(fc.option(body), { minLength: 1, maxLength: 15 }), (bodies) => {
        const sections = bodies.map((given, i) => ({
          field: i + 1,
          salt: w.random.bytes(32),
          bytes:
            given === null ? new Uint8Array(0) : Uint8Array.from([(i + 1) * 8 + 2, given.length, ...given]),
        }));
        const groups = [{ key: w.all, fields: sections.map((section) => section.field) }];
        const opened = accept(w.envelope({ content: w.seal({ sections, groups }) }), w.options(), w.keyFor);
        const back = [...opened.sections.values()].map(({ bytes }) => hex(bytes));
        expect(back).toEqual(sections.map(({ bytes }) => hex(bytes)));
      }),
      { numRuns: 60 },
    );
  });
});

describe('misuse', () => {
  it('of assembling is refused at the bound', () => {
    const w = world();
    const content = w.seal();
    const header = encodeHeader(w.fields(content));
    const huge = { ...content, openSections: [new Uint8Array(limits.envelopeBytesMax)] };
    const signed = w.sign([header])[0]!;
    expect(() => assembleEnvelope({ header, signed, content: huge })).toThrow(code('DRAFT_TOO_LARGE'));
  });

  it('of signing needs a thumbprint', () => {
    const w = world();
    const o = { agency: sender, kid: 'short', key: w.signer.privateKey, headers: [zeros] };
    expect(() => signBatch(o)).toThrow(TypeError);
  });
});
