import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import * as jose from 'jose';
import { describe, expect, test } from 'vitest';
import { base64url, utf8 } from '../../../src/bytes.ts';
import {
  certificateDer,
  certificateDigest,
  checkCertificate,
  generateEcKey,
  inspectCertificate,
  issueStatement,
  parseStatement,
  parseStrictJson,
  publicKeyOf,
  type StatementContent,
  signCompact,
  splitCompact,
  thumbprint,
  verifyCompact,
  verifyStatement,
} from '../../../src/keys/index.ts';
import { limits } from '../../../src/limits.ts';
import { agencyId } from '../../../src/types.ts';
import { codeOf } from '../../support/code.ts';
import { makeFederation, readPki } from '../../support/federation.ts';
import { seededRandom } from '../../support/random.ts';

const random = seededRandom('statement');
const customs = agencyId('gr.customs');
const federation = makeFederation({ agencies: ['gr.customs'] });
const own = federation.agency('gr.customs');
const { nowMs } = federation;

describe('compact JWS', () => {
  const { privateKey, jwk } = generateEcKey(random);
  const key = publicKeyOf(jwk);
  const kid = thumbprint(jwk);
  const payload = utf8('content');
  const jws = signCompact({ payload, typ: 'comity-test+jws', kid, key: privateKey, alg: 'ES256' });
  const pinned = { typ: 'comity-test+jws', algorithm: 'ES256' as const, key };

  test('verifies here and with jose, both ways', async () => {
    expect(verifyCompact({ jws, ...pinned })).toEqual(payload);
    expect(verifyCompact({ jws: utf8(jws), ...pinned })).toEqual(payload);
    const joseKey = await jose.importJWK({ ...jwk }, 'ES256');
    expect((await jose.compactVerify(jws, joseKey)).payload).toEqual(payload);
    const theirs = await new jose.CompactSign(payload)
      .setProtectedHeader({ alg: 'ES256', kid, typ: 'comity-test+jws' })
      .sign(privateKey);
    expect(verifyCompact({ jws: theirs, ...pinned })).toEqual(payload);
  });

  test('takes no key of another kind: misuse', () => {
    const rsa = createPrivateKey(readPki('gr.customs').keyPem);
    const publicRsa = inspectCertificate(certificateDer(readPki('gr.customs').certPem)).publicKey;
    expect(() => verifyCompact({ jws, ...pinned, key: publicRsa })).toThrow(TypeError);
    expect(() => verifyCompact({ jws, ...pinned, key: privateKey })).toThrow(TypeError);
    expect(() => signCompact({ payload, typ: 'x', kid, key: rsa, alg: 'ES256' })).toThrow(TypeError);
  });

  test('any changed character is refused', () => {
    fc.assert(
      fc.property(fc.nat(jws.length - 1), fc.constantFrom(...'AZaz09-_.=+/ \n'), (at, char) => {
        fc.pre(jws[at] !== char);
        const bent = jws.slice(0, at) + char + jws.slice(at + 1);
        expect(codeOf(() => verifyCompact({ jws: bent, ...pinned }))).not.toBe('none');
      }),
      { numRuns: 500 },
    );
  });

  test('any other protected header is refused', () => {
    const good = { alg: 'ES256', kid, typ: 'comity-test+jws' };
    const bad = fc.oneof(
      fc.dictionary(fc.constantFrom('jwk', 'jku', 'x5u', 'x5c', 'crit', 'zip', 'cty', 'nonce'), fc.json(), {
        minKeys: 1,
      }),
      fc.record({ typ: fc.string() }),
      fc.record({ alg: fc.constantFrom('none', 'HS256', 'EdDSA', 'RS256', '') }),
      fc.record({ kid: fc.constantFrom('', 1, null, 'k'.repeat(201)) }),
    );
    fc.assert(
      fc.property(bad, (changes) => {
        const [, body, tail] = jws.split('.');
        const bent = `${base64url(utf8(JSON.stringify({ ...good, ...changes })))}.${body}.${tail}`;
        expect(['SIGNATURE_HEADER_INVALID', 'ALGORITHM_REFUSED']).toContain(
          codeOf(() => verifyCompact({ jws: bent, ...pinned })),
        );
      }),
    );
  });
});

describe('strict JSON', () => {
  const read = (text: string) => codeOf(() => parseStrictJson(utf8(text), 'TRUST_INVALID'));

  test('takes what JSON.parse takes, but for duplicates', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), (text) => {
        fc.pre(!text.includes('__proto__'));
        expect(parseStrictJson(utf8(text), 'TRUST_INVALID')).toEqual(JSON.parse(text));
      }),
    );
    expect(read('{"a":{"b":1},"c":{"b":1}}')).toBe('none');
    expect(read('[{"a":1},{"a":1}]')).toBe('none');
    expect(read('{"a":"a","b":"\\"a\\":"}')).toBe('none');
  });

  test.each([
    '{"a":1,"a":1}',
    '{"a":1,"b":{"c":[{"d":1, "d" :2}]}}',
    '{"a":1,"\\u0061":1}',
    '{"__proto__":1}',
    '{"a":1,}',
    '',
    `${'['.repeat(limits.jsonNestingMax + 1)}${']'.repeat(limits.jsonNestingMax + 1)}`,
    '\ufeff{}',
  ])('refuses %s', (text) => {
    expect(read(text)).toBe('TRUST_INVALID');
  });
});

describe('certificates', () => {
  const der = certificateDer(own.certPem);
  const check = (changes: Partial<Parameters<typeof checkCertificate>[0]> = {}) =>
    codeOf(() => checkCertificate({ der, pinnedDigests: [certificateDigest(der)], atMs: nowMs, ...changes }));

  test('the pinned one, in its time', () => {
    expect(check()).toBe('none');
    const { validFromMs, validToMs, algorithm } = inspectCertificate(der);
    expect(algorithm).toBe('PS256');
    expect(check({ atMs: validFromMs })).toBe('none');
    expect(check({ atMs: validToMs })).toBe('none');
    expect(check({ atMs: validFromMs - 1 })).toBe('CERTIFICATE_REFUSED');
    expect(check({ atMs: validToMs + 1 })).toBe('CERTIFICATE_REFUSED');
    expect(check({ pinnedDigests: [] })).toBe('CERTIFICATE_REFUSED');
  });

  test('what a pin does not mend', () => {
    for (const bytes of [
      new Uint8Array(),
      Uint8Array.of(...der, 0),
      der.subarray(0, -1),
      new Uint8Array(limits.certificateBytesMax + 1),
      utf8(own.certPem),
    ]) {
      expect(check({ der: bytes, pinnedDigests: [certificateDigest(bytes)] })).toBe('CERTIFICATE_REFUSED');
    }
    for (const name of ['odd-ca', 'odd-rsa2048', 'odd-p384', 'odd-expired']) {
      const odd = certificateDer(readPki(name).certPem);
      expect(check({ der: odd, pinnedDigests: [certificateDigest(odd)] })).toBe('CERTIFICATE_REFUSED');
    }
    expect(codeOf(() => certificateDer('nothing'))).toBe('CERTIFICATE_REFUSED');
  });
});

describe('issuing a statement', () => {
  const before = parseStatement(own.statement);
  const content: StatementContent = { ...before, officers: [], version: 2, issuedMs: nowMs };
  const issue = (changes: Partial<StatementContent> = {}) =>
    issueStatement({
      content: { ...content, ...changes },
      certificateKey: own.certificateKey,
      certificatePem: own.certPem,
    });

  test('what is issued is what is read', () => {
    const officer = generateEcKey(random);
    const officers = [
      { pseudonym: 'CUS-0117', desk: 'duty', role: 'investigator', jwk: officer.jwk, notBeforeMs: nowMs },
    ];
    const statement = verifyStatement({
      jws: issue({ officers, schemas: { 'comity.seizure.v1.SeizureNotice': [1] } }),
      agency: customs,
      federationId: federation.federationIdHex,
      pinnedDigests: [own.certificateDigest],
      nowMs,
    });
    expect(statement.version).toBe(2);
    expect(statement.issuedMs).toBe(nowMs);
    expect(statement.officers[0]?.kid).toBe(thumbprint(officer.jwk));
    expect(statement.signingKeys.map(({ kid }) => kid)).toEqual(before.signingKeys.map(({ kid }) => kid));
    expect(statement.schemas).toEqual({ 'comity.seizure.v1.SeizureNotice': [1] });
    expect(statement.directory).toEqual(before.directory);
    expect(Object.isFrozen(statement)).toBe(true);
  });

  test('no private member leaves with a key', () => {
    const { jwk, privateKey } = generateEcKey(random);
    const secret = { ...jwk, d: String(privateKey.export({ format: 'jwk' }).d) };
    const officers = [{ pseudonym: 'A', desk: 'duty', role: 'analyst', jwk: secret, notBeforeMs: nowMs }];
    expect(Buffer.from(splitCompact(issue({ officers })).payload).toString()).not.toContain(secret.d);
  });

  test('what receivers would refuse is refused first', () => {
    expect(codeOf(() => issue({ version: 0 }))).toBe('STATEMENT_INVALID');
    expect(codeOf(() => issue({ natsUserKey: 'SUSECRET' }))).toBe('STATEMENT_INVALID');
    expect(codeOf(() => issue({ signingKeys: content.signingKeys.toReversed() }))).toBe('STATEMENT_INVALID');
    expect(codeOf(() => issue({ directory: { ...content.directory, names: { en: 'a\u202eb' } } }))).toBe(
      'STATEMENT_INVALID',
    );
  });

  test('key and certificate are a pair, and the certificate is fit', () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const by = (certificateKey: typeof other, certificatePem: string) =>
      codeOf(() => issueStatement({ content, certificateKey, certificatePem }));
    expect(by(other, own.certPem)).toBe('CERTIFICATE_REFUSED');
    const ca = readPki('odd-ca');
    expect(by(createPrivateKey(ca.keyPem), ca.certPem)).toBe('CERTIFICATE_REFUSED');
  });
});
