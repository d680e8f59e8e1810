import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseEnvelope } from '../../../src/envelope/index.ts';
import { errorTable, isErrorCode } from '../../../src/errors.ts';
import {
  BatchProofSchema,
  CommitmentSchema,
  EnvelopeSchema,
  HeaderSchema,
  SealedPartSchema,
} from '../../../src/gen/comity/envelope/v1/envelope_pb.js';
import { limits } from '../../../src/limits.ts';
import { kinds, lanes } from '../../../src/types.ts';
import { world } from './world.ts';

const doc = readFileSync(join(import.meta.dirname, '../../../docs/wire.md'), 'utf8');
const kib = (bytes: number) => `${bytes / 1024} KiB`;
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

describe('docs/wire.md', () => {
  it('names every field of the envelope by its number', () => {
    for (const { number, name } of [...EnvelopeSchema.fields, ...HeaderSchema.fields]) {
      expect(doc).toContain(`| ${number} \`${name}\``);
    }
    const inline = [...BatchProofSchema.fields, ...SealedPartSchema.fields, ...CommitmentSchema.fields];
    for (const { number, name } of inline) expect(doc).toContain(`${number} \`${name}\``);
  });

  it('names every kind and lane, and only codes that exist', () => {
    for (const word of [...kinds, ...lanes]) expect(doc).toContain(`\`${word}\``);
    const codes = doc.match(/`[A-Z]+(_[A-Z]+)+`/g)?.map((code) => code.slice(1, -1)) ?? [];
    expect(codes.length).toBeGreaterThan(30);
    const streams = ['DIRECT.GET', 'BLOB_'];
    expect(codes.filter((code) => !isErrorCode(code) && !streams.includes(code))).toEqual([]);
    expect(Object.keys(errorTable)).toContain('PART_MISSING');
  });

  it('gives the limits that the code has', () => {
    for (const row of [
      `| envelope | ${kib(limits.envelopeBytesMax)} |`,
      `| header / field bytes of one section | ${kib(limits.headerBytesMax)} / ${kib(limits.sectionBytesMax)} |`,
      `| sections / sealed parts / signatures | ${limits.sectionsMax} / ${limits.sealedPartsMax} / ${limits.signaturesMax} `,
      `| headers in a batch / nodes in a path | ${limits.batchHeadersMax} / ${limits.batchPathMax} |`,
      `| JOSE protected header | ${kib(limits.protectedHeaderBytesMax)} |`,
      `| members of an audience | ${limits.audienceMembersMax.toLocaleString('en')} |`,
      `| nesting / fields | ${limits.wireNestingMax} / ${limits.wireFieldsMax.toLocaleString('en')} |`,
      `| clock skew | ${limits.clockSkewMsMax / 60_000} minutes |`,
      `${kib(limits.statementBytesMax)} / ${limits.trustListBytesMax / 1024 ** 2} MiB / ${kib(limits.trustRootBytesMax)} |`,
    ]) {
      expect(doc).toContain(row);
    }
    const buckets = limits.sealedBucketsBytes.map((bytes) => bytes / 1024);
    expect(doc).toContain(`${buckets.slice(0, -1).join(', ')} or ${buckets.at(-1)} KiB`);
  });

  it('shows the protected headers as they are written', () => {
    const w = world();
    const { signatures, sealed } = parseEnvelope(w.envelope());
    const jws = text(signatures[0]!.protected).replace(w.signer.window.kid, '<kid>');
    const jwe = text(sealed[0]!.parts.protected).replace(/"kid":"[^"]*"/, '"kid":"<key id, base64url>"');
    expect(doc).toContain(`\n${jws}\n`);
    expect(doc).toContain(`\n${jwe} `);
  });
});
