/**
 * Writes the vectors of a wire version, once: ES256 signatures are randomised, so what is written is frozen,
 * and a folder that has vectors is never written again. `node test/vectors/generate.ts`
 */

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { base64, concat, hex, utf8 } from '../../src/bytes.ts';
import { frameSections } from '../../src/envelope/framing.ts';
import {
  assembleEnvelope,
  commitmentsOf,
  encodeHeader,
  type HeaderFields,
  parseEnvelope,
  type SealedContent,
  sealAad,
} from '../../src/envelope/index.ts';
import {
  type Envelope,
  EnvelopeSchema,
  HeaderSchema,
  SealedPartSchema,
} from '../../src/gen/comity/envelope/v1/envelope_pb.js';
import { leafDigest, merklePath, merkleRoot, sealJwe, sha256, signDetached } from '../../src/keys/index.ts';
import { createdMs, dayMs, field } from '../unit/envelope/world.ts';
import * as m from './material.ts';

const folder = join(import.meta.dirname, 'v1');
if (existsSync(join(folder, 'keys.json'))) throw new Error(`${folder} has vectors, which are frozen`);

function write(path: string, value: unknown): void {
  const file = join(folder, `${path}.json`);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
}

type Case = { envelope: Uint8Array; deliveredOn?: string };

function build(o: { content?: SealedContent; header?: Partial<HeaderFields> } = {}): Uint8Array {
  const content = o.content ?? m.seal();
  const header = encodeHeader(m.headerFields(content, o.header));
  return assembleEnvelope({ header, signed: m.sign([header])[0]!, content });
}

function valid(name: string, about: string, { envelope, deliveredOn = m.subject }: Case): void {
  const opened = parseEnvelope(envelope);
  const plain = deliveredOn === m.subject ? m.sections : beatSections;
  write(`valid/${name}`, {
    about,
    deliveredOn,
    envelope: base64(envelope),
    digest: hex(opened.digest),
    sections: Object.fromEntries(plain.map((s) => [s.field, { salt: hex(s.salt), bytes: hex(s.bytes) }])),
  });
}

function invalid(name: string, expected: string, { envelope, deliveredOn = m.subject }: Case): void {
  write(`invalid/${name}`, { expected, deliveredOn, envelope: base64(envelope) });
}

/** A change of the decoded envelope, encoded again. */
function altered(change: (envelope: Envelope) => void): Case {
  const envelope = fromBinary(EnvelopeSchema, build());
  change(envelope);
  return { envelope: toBinary(EnvelopeSchema, envelope) };
}

/** Signed by the sender itself over a header that its own encoder would refuse. */
function signedHeader(change: (header: Record<string, unknown>) => void): Case {
  const content = m.seal();
  const { $typeName: _name, ...fields } = fromBinary(HeaderSchema, encodeHeader(m.headerFields(content)));
  change(fields);
  const header = toBinary(HeaderSchema, create(HeaderSchema, fields as never));
  return { envelope: assembleEnvelope({ header, signed: m.sign([header])[0]!, content }) };
}

/** One part with any plaintext, under a header that names it rightly. */
function part(plaintext: Uint8Array, section = m.sections[0]!): Case {
  const commitments = commitmentsOf([section]);
  const jwe = sealJwe({ key: m.audience, plaintext, aad: sealAad({ ...m.place, commitments }) }, m.random);
  const bytes = toBinary(SealedPartSchema, create(SealedPartSchema, jwe));
  const references = [{ kid: m.audience.id, digest: sha256(bytes) }];
  return { envelope: build({ content: { commitments, openSections: [], parts: [bytes], references } }) };
}

const beatSubject = 'comity.gr.customs.beat.seizure';
const beatSections = [{ field: 2, salt: m.random.bytes(32), bytes: field(2, 'heads') }];

write('keys', m.keysJson());

const digests = Array.from({ length: 256 }, (_, i) => leafDigest(utf8(`leaf ${i}`)));
write(
  'merkle',
  [1, 2, 3, 4, 5, 7, 8, 9, 255, 256].map((size) => {
    const leaves = digests.slice(0, size);
    const at = [...new Set([0, size >> 1, size - 1])];
    const paths = at.map((index) => ({ index, path: merklePath(leaves, index).map(hex) }));
    return {
      leaves: `SHA-256(0x00 || "leaf <i>"), i from 0 to ${size - 1}`,
      size,
      root: hex(merkleRoot(leaves)),
      paths,
    };
  }),
);

for (const size of [1, 3, 256]) {
  const content = m.seal();
  const headers = Array.from({ length: size }, (_, i) =>
    encodeHeader(m.headerFields(content, i === 0 ? {} : { sequence: i + 1, previous: sha256(utf8(`${i}`)) })),
  );
  const signed = m.sign(headers);
  const at = [...new Set([0, size >> 1, size - 1])];
  write(`batch-${size}`, {
    text: base64(signed[0]!.proof.text),
    digests: headers.map((header) => hex(leafDigest(header))),
    envelopes: at.map((i) => base64(assembleEnvelope({ header: headers[i]!, signed: signed[i]!, content }))),
  });
}

valid('sealed', 'two parts: one under the audience key, one under the pairwise key with an absent section', {
  envelope: build(),
});
const clear = m.seal({ groups: [{ key: m.audience, fields: [1] }], open: [2, 3, 5] });
valid('open-beside-sealed', 'TLP:CLEAR: the cover sealed, the rest open, one of it absent', {
  envelope: build({ content: clear }),
});
valid('all-open', 'nothing sealed', {
  envelope: build({ content: m.seal({ groups: [], open: [1, 2, 3, 5] }) }),
});
valid('second-of-a-channel', 'sequence 2 with a digest before it', {
  envelope: build({ header: { sequence: 2, previous: sha256(utf8('before')) } }),
});
valid('beat', 'a heartbeat: sequence 0, one open section', {
  deliveredOn: beatSubject,
  envelope: build({
    content: m.seal({ subject: beatSubject, sections: beatSections, groups: [], open: [2] }),
    header: { subject: beatSubject, sequence: 0, schema: 'comity.beat.v1.Heartbeat' },
  }),
});

const good = build();
invalid('empty', 'ENVELOPE_MALFORMED', { envelope: new Uint8Array(0) });
invalid('truncated', 'ENVELOPE_MALFORMED', { envelope: good.slice(0, -1) });
invalid('unknown-field', 'ENVELOPE_NOT_STRICT', { envelope: concat(good, field(7, 'unknown')) });
invalid('twice', 'ENVELOPE_NOT_STRICT', { envelope: concat(good, good) });
invalid('empty-header-first', 'ENVELOPE_NOT_STRICT', { envelope: concat(Uint8Array.of(0x0a, 0), good) });
invalid(
  'header-unknown-field',
  'ENVELOPE_NOT_STRICT',
  altered((e) => {
    e.header = concat(e.header, Uint8Array.of(0x98, 0x06, 1));
  }),
);
invalid(
  'wire-version',
  'WIRE_VERSION_UNKNOWN',
  signedHeader((h) => {
    h['wireVersion'] = 2;
  }),
);
invalid('suite', 'SUITE_UNKNOWN', { envelope: build({ header: { suite: 2 } }) });
invalid('federation', 'FEDERATION_MISMATCH', {
  envelope: build({ header: { federationId: sha256(utf8('another')) } }),
});
invalid('environment', 'ENVIRONMENT_MISMATCH', { envelope: build({ header: { environment: 'exercise' } }) });
invalid('subject', 'SUBJECT_MISMATCH', { envelope: good, deliveredOn: 'comity.gr.customs.all.now.seizure' });
invalid('sender', 'SENDER_UNKNOWN', {
  envelope: build({ header: { subject: 'comity.fr.customs.all.day.seizure' } }),
  deliveredOn: 'comity.fr.customs.all.day.seizure',
});
invalid('key-ended', 'KEY_NOT_IN_FORCE', {
  envelope: build({ header: { createdMs: createdMs + 6 * dayMs, deliverByMs: createdMs + 7 * dayMs } }),
});
invalid(
  'header-altered',
  'BATCH_PROOF_INVALID',
  altered((e) => {
    const h = fromBinary(HeaderSchema, e.header);
    h.trustVersion += 1n;
    e.header = toBinary(HeaderSchema, h);
  }),
);
invalid(
  'index',
  'BATCH_PROOF_INVALID',
  altered((e) => {
    e.proof!.index = 1;
  }),
);
invalid(
  'path-too-long',
  'BATCH_PROOF_INVALID',
  altered((e) => {
    e.proof!.path.push(new Uint8Array(32));
  }),
);
invalid(
  'signature-altered',
  'SIGNATURE_INVALID',
  altered((e) => {
    e.signatures[0]!.signature = e.signatures[0]!.signature.map((b, i) => (i === 40 ? b ^ 1 : b));
  }),
);
invalid(
  'two-signatures',
  'SIGNATURE_HEADER_INVALID',
  altered((e) => {
    e.signatures.push(e.signatures[0]!);
  }),
);
const claimed = (change: (header: string) => string) =>
  altered((e) => {
    e.signatures[0]!.protected = utf8(change(new TextDecoder().decode(e.signatures[0]!.protected)));
  });
invalid(
  'alg-none',
  'ALGORITHM_REFUSED',
  claimed((h) => h.replace('ES256', 'none')),
);
invalid(
  'alg-hs256',
  'ALGORITHM_REFUSED',
  claimed((h) => h.replace('ES256', 'HS256')),
);
invalid(
  'jwk-injected',
  'SIGNATURE_HEADER_INVALID',
  claimed((h) => h.replace('}', ',"jwk":{}}')),
);
invalid(
  'typ',
  'SIGNATURE_HEADER_INVALID',
  claimed((h) => h.replace('comity-batch+jws', 'JWT')),
);
invalid(
  'duplicate-member',
  'SIGNATURE_HEADER_INVALID',
  claimed((h) => h.replace('{', '{"alg":"ES256",')),
);
invalid(
  'stranger',
  'KEY_UNKNOWN',
  altered((e) => {
    e.signatures[0] = {
      ...e.signatures[0]!,
      ...signDetached({
        key: m.stranger.privateKey,
        kid: m.stranger.kid,
        typ: 'comity-batch+jws',
        text: e.proof!.text,
      }),
    };
  }),
);
invalid(
  'deliver-by',
  'DELIVER_BY_INVALID',
  signedHeader((h) => {
    h['deliverByMs'] = BigInt(createdMs + 30 * dayMs + 1);
  }),
);
invalid(
  'commitments-unordered',
  'HEADER_INVALID',
  signedHeader((h) => {
    (h['commitments'] as unknown[]).reverse();
  }),
);
invalid(
  'message-id',
  'HEADER_INVALID',
  signedHeader((h) => {
    h['messageId'] = new Uint8Array(16);
  }),
);
invalid(
  'part-missing',
  'PART_MISSING',
  altered((e) => {
    e.sealed.pop();
  }),
);
invalid(
  'part-altered',
  'PART_DIGEST_MISMATCH',
  altered((e) => {
    e.sealed[0]!.tag = e.sealed[0]!.tag.map((b) => b ^ 1);
  }),
);
const salted = concat(m.sections[0]!.salt, m.sections[0]!.bytes);
const frame = frameSections([{ field: 1, salted }])!;
invalid('padding', 'PART_UNREADABLE', part(frame.map((b, i) => (i === frame.length - 1 ? 1 : b))));
invalid('bucket', 'PART_UNREADABLE', part(frame.slice(0, 1000)));
invalid(
  'section-other',
  'COMMITMENT_MISMATCH',
  part(frameSections([{ field: 1, salted: concat(m.sections[0]!.salt, field(1, 'other')) }])!),
);
invalid(
  'section-uncommitted',
  'COMMITMENT_MISMATCH',
  part(
    frameSections([
      { field: 1, salted },
      { field: 2, salted },
    ])!,
  ),
);
const foreign = { ...m.sections[0]!, bytes: field(2, 'cover') };
invalid(
  'section-of-another-field',
  'COMMITMENT_MISMATCH',
  part(frameSections([{ field: 1, salted: concat(foreign.salt, foreign.bytes) }])!, foreign),
);
const two = { ...m.sections[0]!, bytes: concat(field(1, 'a'), field(1, 'b')) };
invalid(
  'section-twice',
  'SECTION_INVALID',
  part(frameSections([{ field: 1, salted: concat(two.salt, two.bytes) }])!, two),
);
const openCase = (change: (open: Uint8Array[]) => Uint8Array[]): Case => {
  const envelope = fromBinary(EnvelopeSchema, build({ content: clear }));
  envelope.openSections = change(envelope.openSections);
  return { envelope: toBinary(EnvelopeSchema, envelope) };
};
invalid(
  'open-unordered',
  'ENVELOPE_NOT_STRICT',
  openCase((open) => open.reverse()),
);
invalid(
  'open-altered',
  'COMMITMENT_MISMATCH',
  openCase(([first, ...more]) => [concat(first!.slice(0, 32), field(2, 'other')), ...more]),
);
invalid(
  'open-where-sealed',
  'PART_MISSING',
  altered((e) => {
    e.openSections = [concat(m.sections[1]!.salt, m.sections[1]!.bytes)];
  }),
);
