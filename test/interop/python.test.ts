import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { base64, hex } from '../../src/bytes.ts';
import { assembleEnvelope, encodeHeader, parseEnvelope } from '../../src/envelope/index.ts';
import * as m from '../vectors/material.ts';

const script = join(import.meta.dirname, 'verify_envelope.py');
const vectors = join(import.meta.dirname, '../vectors/v1');
const folder = mkdtempSync(join(tmpdir(), 'comity-interop-'));
afterAll(() => rmSync(folder, { recursive: true }));

const has = (python: string, modules: string) => spawnSync(python, ['-c', `import ${modules}`]).status === 0;
const pythons = ['python3', '/usr/bin/python3'].filter((python) => has(python, 'cryptography'));
const withJwcrypto = pythons.filter((python) => has(python, 'jwcrypto'));
const skipped = 'skipped: needs python3-cryptography';

/** What the script finds, or what it says when it refuses. */
function verify(
  python: string,
  keys: unknown,
  given: unknown,
): Record<string, unknown> & { refused?: string } {
  const [keysFile, caseFile] = ['keys.json', 'case.json'].map((name) => join(folder, name)) as [
    string,
    string,
  ];
  writeFileSync(keysFile, JSON.stringify(keys));
  writeFileSync(caseFile, JSON.stringify(given));
  const { status, stdout, stderr } = spawnSync(python, [script, keysFile, caseFile], { encoding: 'utf8' });
  return status === 0 ? JSON.parse(stdout) : { refused: stderr.trim() };
}

/** A message signed now, with parts under the audience key and the pairwise key. */
function fresh() {
  const content = m.seal();
  const header = encodeHeader(m.headerFields(content));
  const envelope = assembleEnvelope({ header, signed: m.sign([header, header, header])[1]!, content });
  return { envelope, deliveredOn: m.subject };
}

describe.each(pythons.length > 0 ? pythons : ['none'])('by the documented recipe, with %s', (python) => {
  const runs = it.skipIf(python === 'none');
  if (python === 'none') it.skip(skipped, () => {});

  runs('a message signed here verifies and opens', () => {
    const { envelope, deliveredOn } = fresh();
    const found = verify(python, m.keysJson(), { envelope: base64(envelope), deliveredOn });
    expect(found).toMatchObject({ digest: hex(parseEnvelope(envelope).digest) });
    expect(found['sections']).toEqual(
      Object.fromEntries(m.sections.map((s) => [s.field, { salt: hex(s.salt), bytes: hex(s.bytes) }])),
    );
  });

  runs.each(readdirSync(join(vectors, 'valid')))('the frozen vector %s verifies and opens', (file) => {
    const keys = JSON.parse(readFileSync(join(vectors, 'keys.json'), 'utf8'));
    const given = JSON.parse(readFileSync(join(vectors, 'valid', file), 'utf8'));
    expect(verify(python, keys, given)).toMatchObject({ digest: given.digest, sections: given.sections });
  });

  runs.each([
    { name: 'the header', at: (e: Uint8Array) => find(e, parseEnvelope(e).header.epoch) },
    { name: 'the signed text', at: (e: Uint8Array) => find(e, parseEnvelope(e).proof.text) + 60 },
    { name: 'the path', at: (e: Uint8Array) => find(e, parseEnvelope(e).proof.path[0]!) },
    { name: 'the signature', at: (e: Uint8Array) => find(e, parseEnvelope(e).signatures[0]!.signature) + 50 },
    { name: 'a ciphertext', at: (e: Uint8Array) => find(e, parseEnvelope(e).sealed[0]!.parts.ciphertext) },
  ])('a flipped bit in $name is refused', ({ at }) => {
    const { envelope, deliveredOn } = fresh();
    envelope[at(envelope)]! ^= 1;
    const { refused } = verify(python, m.keysJson(), { envelope: base64(envelope), deliveredOn });
    expect(refused).toMatch(/^refused: /);
  });

  runs('another pairwise key opens nothing', () => {
    const { envelope, deliveredOn } = fresh();
    const keys = m.keysJson();
    const stranger = { kid: m.stranger.kid, jwk: m.stranger.jwk };
    const others = { ...keys, recipient: { ...keys.recipient, sealing: stranger } };
    const { refused } = verify(python, others, { envelope: base64(envelope), deliveredOn });
    expect(refused).toBe('refused: the audience key is not wrapped for this recipient');
  });
});

describe('jwcrypto', () => {
  it.skipIf(withJwcrypto.length === 0)(
    'agrees where it is installed (skipped: needs python3-jwcrypto)',
    () => {
      const { envelope, deliveredOn } = fresh();
      const found = verify(withJwcrypto[0]!, m.keysJson(), { envelope: base64(envelope), deliveredOn });
      expect(found['jwcrypto']).toBe(true);
    },
  );
});

function find(bytes: Uint8Array, part: Uint8Array): number {
  const at = Buffer.from(bytes).indexOf(part);
  expect(at).toBeGreaterThan(0);
  return at;
}
