/** What update systems keep getting wrong (TUF and its implementations), each refused with its own code. */
import { createHmac, createPublicKey, type KeyObject } from 'node:crypto';
import * as jose from 'jose';
import { describe, expect, test } from 'vitest';
import { base64, base64url, hex, utf8 } from '../../../src/bytes.ts';
import { ComityError } from '../../../src/errors.ts';
import { systemRandom } from '../../../src/ids.ts';
import {
  certificateDer,
  certificateDigest,
  signCompact,
  signEs256,
  splitCompact,
  thumbprint,
} from '../../../src/keys/index.ts';
import { limits } from '../../../src/limits.ts';
import { silentLog } from '../../../src/log.ts';
import type { Versions } from '../../../src/store/port.ts';
import {
  type AuthorityKey,
  createAuthorityKey,
  createMemoryVersions,
  createRoot,
  createTrustBook,
  createTrustList,
  openFileVersions,
  parseRoot,
  pinTrust,
  type RecordFile,
  signRoot,
  signTrustList,
  type TrustList,
  type TrustRoot,
  withState,
} from '../../../src/trust/index.ts';
import { agencyId } from '../../../src/types.ts';
import { codeOf } from '../../support/code.ts';
import { fixedClock, makeFederation, readPki } from '../../support/federation.ts';

const dayMs = 24 * 60 * 60 * 1000;
const customs = agencyId('gr.customs');
const police = agencyId('it.police');
const federation = makeFederation();
const { nowMs, trustList } = federation;
const [a, b, c] = federation.authorities as [AuthorityKey, AuthorityKey, AuthorityKey];

type Signature = { protected: string; signature: string };
type Jws = { payload: string; signatures: Signature[] };

const parse = (bytes: Uint8Array): Jws => JSON.parse(Buffer.from(bytes).toString('utf8'));
const written = (value: unknown): Uint8Array => utf8(JSON.stringify(value));

/** The list with changes, signed as given; version 2 unless said otherwise. */
function list(changes: Partial<TrustList> = {}, keys: readonly AuthorityKey[] = [a, b]): Uint8Array {
  return signTrustList(createTrustList({ ...trustList, version: 2, ...changes }), keys);
}

/** A signature over a payload with a header of the attacker's choice. */
function signature(key: AuthorityKey, payload: string, header: string): Signature {
  const protectedText = base64url(utf8(header));
  return {
    protected: protectedText,
    signature: base64url(signEs256(key.privateKey, utf8(`${protectedText}.${payload}`))),
  };
}

function header(key: AuthorityKey, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { alg: 'ES256', kid: thumbprint(key.jwk), typ: 'comity-trust+jws', ...more };
}

/** The list of version 2 whose first signature has another header; the second is in order. */
function listWithHeader(text: string): Uint8Array {
  const jws = parse(list({}, [b]));
  return written({ ...jws, signatures: [signature(a, jws.payload, text), ...jws.signatures] });
}

/** A payload that the issuing functions would not make, signed in order by two authorities. */
function rawList(edit: (payload: Record<string, unknown>) => unknown): Uint8Array {
  const payload = JSON.parse(Buffer.from(parse(list()).payload, 'base64url').toString('utf8'));
  return signTrustList(written(edit(payload)), [a, b]);
}

const applyList = (bytes: Uint8Array) => codeOf(() => federation.book().applyList(bytes));

describe('trust lists', () => {
  test('control: the list that the attacks start from is taken', () => {
    expect(applyList(list())).toBe('none');
    expect(applyList(listWithHeader(JSON.stringify(header(a))))).toBe('none');
    expect(applyList(rawList((payload) => payload))).toBe('none');
  });

  test('rollback: an older version', () => {
    const book = federation.book();
    book.applyList(list({ version: 5 }));
    expect(codeOf(() => book.applyList(list({ version: 4 })))).toBe('TRUST_ROLLBACK');
    expect(codeOf(() => book.applyList(federation.list))).toBe('TRUST_ROLLBACK');
    expect(book.list().version).toBe(5);
  });

  test('rollback by default: the first list after a restart is compared with the record, not with 0', () => {
    const versions = createMemoryVersions();
    federation.book({ versions }).applyList(list({ version: 5 }));
    const again = federation.book({ versions, empty: true });
    expect(codeOf(() => again.applyList(list({ version: 4 })))).toBe('TRUST_ROLLBACK');
  });

  test('equal version, other content', () => {
    expect(applyList(list({ version: 1, expiresMs: nowMs + dayMs }))).toBe('TRUST_ROLLBACK');
  });

  test('freeze: a list that is never replaced expires', () => {
    const book = federation.book();
    expect(book.expired(trustList.expiresMs + limits.trustListGraceMs)).toBe('yes');
    expect(codeOf(() => book.requireFresh(trustList.expiresMs + limits.trustListGraceMs))).toBe(
      'TRUST_EXPIRED',
    );
  });

  test('dated ahead', () => {
    expect(applyList(list({ issuedMs: nowMs + limits.clockSkewMsMax + 1 }))).toBe('TRUST_INVALID');
  });

  test('expired before it is issued', () => {
    expect(applyList(rawList((payload) => ({ ...payload, expires: payload['issued'] })))).toBe(
      'TRUST_INVALID',
    );
  });

  test('fast-forward: a huge version by fewer than the threshold', () => {
    expect(applyList(list({ version: Number.MAX_SAFE_INTEGER }, [a]))).toBe('TRUST_THRESHOLD');
  });

  test('versions that are no natural numbers', () => {
    for (const version of [0, -1, 1.5, 2 ** 53, '3', null]) {
      expect(applyList(rawList((payload) => ({ ...payload, version })))).toBe('TRUST_INVALID');
    }
  });

  test('unsigned', () => {
    expect(applyList(list({}, []))).toBe('TRUST_THRESHOLD');
  });

  test('one key signs twice', () => {
    expect(applyList(list({}, [a, a]))).toBe('TRUST_THRESHOLD');
    expect(applyList(list({}, [a, a, a]))).toBe('TRUST_THRESHOLD');
  });

  test('one key signs under two ids', () => {
    const jws = parse(list({}, [a]));
    for (const kid of [thumbprint(b.jwk), 'other', `${thumbprint(a.jwk)}=`]) {
      const twice = [...jws.signatures, signature(a, jws.payload, JSON.stringify(header(a, { kid })))];
      expect(applyList(written({ ...jws, signatures: twice }))).toBe('TRUST_THRESHOLD');
    }
  });

  test('strangers sign', () => {
    const strangers = [createAuthorityKey(systemRandom), createAuthorityKey(systemRandom)];
    expect(applyList(list({}, strangers))).toBe('TRUST_THRESHOLD');
    expect(applyList(list({}, [a, ...strangers]))).toBe('TRUST_THRESHOLD');
  });

  test('a signature over other content', () => {
    const [good, other] = [parse(list()), parse(list({ version: 3 }))];
    expect(applyList(written({ ...good, payload: other.payload }))).toBe('TRUST_THRESHOLD');
  });

  test('a signature for another type: that of a root over the payload of a list', () => {
    const payload = createTrustList({ ...trustList, version: 2 });
    expect(applyList(signRoot(payload, [a, b]))).toBe('SIGNATURE_HEADER_INVALID');
  });

  test.each([
    ['none', { alg: 'none' }],
    ['an HMAC by the public key', { alg: 'HS256' }],
    ['another curve', { alg: 'ES384' }],
    ['RSA', { alg: 'PS256' }],
  ])('algorithm from the message: %s', (_, more) => {
    expect(applyList(listWithHeader(JSON.stringify(header(a, more))))).toBe('ALGORITHM_REFUSED');
  });

  test('an HMAC that verifies under the public key is no signature', () => {
    const jws = parse(list({}, [b]));
    const protectedText = base64url(utf8(JSON.stringify(header(a, { alg: 'HS256' }))));
    const secret = createPublicKey(a.privateKey).export({ type: 'spki', format: 'pem' });
    const mac = createHmac('sha256', secret).update(`${protectedText}.${jws.payload}`).digest('base64url');
    const forged = { ...jws, signatures: [{ protected: protectedText, signature: mac }, ...jws.signatures] };
    expect(applyList(written(forged))).toBe('ALGORITHM_REFUSED');
  });

  test.each(['jwk', 'jku', 'x5u', 'x5c', 'crit', 'zip', 'b64', 'p2c', 'x'])('header member %s', (name) => {
    const value = {
      jwk: a.jwk,
      crit: ['exp'],
      x5c: [base64(certificateDer(readPki('gr.customs').certPem))],
      b64: false,
    }[name];
    const text = JSON.stringify(header(a, { [name]: value ?? 'https://example.org/keys' }));
    expect(applyList(listWithHeader(text))).toBe('SIGNATURE_HEADER_INVALID');
  });

  test('duplicate members in a protected header', () => {
    const kid = thumbprint(a.jwk);
    for (const text of [
      `{"alg":"ES256","alg":"ES256","kid":"${kid}","typ":"comity-trust+jws"}`,
      `{"alg":"none","alg":"ES256","kid":"${kid}","typ":"comity-trust+jws"}`,
      `{"alg":"ES256","kid":"other","k\\u0069d":"${kid}","typ":"comity-trust+jws"}`,
    ]) {
      expect(applyList(listWithHeader(text))).toBe('SIGNATURE_HEADER_INVALID');
    }
  });

  test('headers that are no objects, too long, or without type', () => {
    const texts = [
      '',
      '[]',
      'null',
      '{',
      '"ES256"',
      JSON.stringify(header(a, { typ: undefined })),
      JSON.stringify(header(a, { typ: 'JWT' })),
    ];
    for (const text of [
      ...texts,
      JSON.stringify(header(a, { kid: 'k'.repeat(limits.protectedHeaderBytesMax) })),
    ]) {
      expect(applyList(listWithHeader(text))).toBe('SIGNATURE_HEADER_INVALID');
    }
  });

  test('duplicate members in the document and in the payload', () => {
    const text = Buffer.from(list()).toString('utf8');
    expect(applyList(utf8(text.replace('{', '{"payload":"e30",')))).toBe('TRUST_INVALID');
    const payload = Buffer.from(parse(list()).payload, 'base64url').toString('utf8');
    const twice = payload.replace('"version":2', '"version":2,"version":2');
    expect(twice).not.toBe(payload);
    expect(applyList(signTrustList(utf8(twice), [a, b]))).toBe('TRUST_INVALID');
  });

  test('unknown members', () => {
    expect(applyList(rawList((payload) => ({ ...payload, note: 'x' })))).toBe('TRUST_INVALID');
    expect(applyList(written({ ...parse(list()), header: {} }))).toBe('TRUST_INVALID');
    const polluted = Buffer.from(parse(list()).payload, 'base64url')
      .toString('utf8')
      .replace('{', '{"__proto__":{},');
    expect(applyList(signTrustList(utf8(polluted), [a, b]))).toBe('TRUST_INVALID');
  });

  test('malleable base64url', () => {
    const jws = parse(list());
    const [first, second] = jws.signatures as [Signature, Signature];
    const last = first.signature.at(-1) === 'A' ? 'B' : `${first.signature.at(-1)}=`;
    const bent = { ...first, signature: first.signature.slice(0, -1) + last };
    expect(applyList(written({ ...jws, signatures: [bent, second] }))).toBe('TRUST_INVALID');
  });

  test('oversize is refused before it is parsed', () => {
    const bytes = new Uint8Array(limits.trustListBytesMax + 1).fill(0x20);
    expect(applyList(bytes)).toBe('TRUST_INVALID');
    const many = {
      payload: 'e30',
      signatures: Array.from({ length: 100 }, () => ({ protected: 'e30', signature: '' })),
    };
    expect(applyList(written(many))).toBe('TRUST_INVALID');
  });

  test('deep nesting and bytes that are no text', () => {
    expect(applyList(utf8('['.repeat(1_000_000)))).toBe('TRUST_INVALID');
    expect(applyList(Uint8Array.of(0xff, 0xfe))).toBe('TRUST_INVALID');
    expect(applyList(utf8('{"a":"'))).toBe('TRUST_INVALID');
  });

  test('another federation, another environment', () => {
    expect(applyList(list({ federationId: new Uint8Array(32) }))).toBe('FEDERATION_MISMATCH');
    expect(applyList(list({ environment: 'production' }))).toBe('ENVIRONMENT_MISMATCH');
    const other = makeFederation({ seed: 'other' });
    expect(applyList(other.signList())).toBe('TRUST_THRESHOLD');
  });

  test('one certificate pinned for two agencies, one agency twice, states out of order, no partition', () => {
    const [first, second, ...rest] = trustList.agencies;
    if (!first || !second) throw new Error('two members');
    const bad: Partial<TrustList>[] = [
      { agencies: [first, { ...second, certificates: first.certificates }, ...rest] },
      { agencies: [first, first] },
      { agencies: [{ ...first, status: [...first.status, ...first.status] }] },
      { partitions: {} },
      { partitions: { one: ['gr', 'it', 'fr', 'de', 'xa'], two: ['gr'] } },
    ];
    for (const changes of bad) {
      expect(codeOf(() => createTrustList({ ...trustList, ...changes }))).toBe('TRUST_INVALID');
    }
  });

  test('a refused list changes nothing', () => {
    const book = federation.book();
    const before = hex(book.listBytes());
    expect(codeOf(() => book.applyList(list({ version: 9 }, [a])))).toBe('TRUST_THRESHOLD');
    expect(hex(book.listBytes())).toBe(before);
    expect(book.applyList(list())).toBe(true);
  });
});

describe('roots', () => {
  const { root: first } = parseRoot(federation.firstRoot);
  const next = (changes: Partial<TrustRoot> = {}): TrustRoot => ({ ...first, version: 2, ...changes });
  const applyRoot = (bytes: Uint8Array) => codeOf(() => federation.book().applyRoot(bytes));
  const fresh = [createAuthorityKey(systemRandom), createAuthorityKey(systemRandom)] as const;
  const handover = next({
    root: { threshold: 2, authorities: fresh.map(({ jwk }, index) => ({ name: `New ${index}`, jwk })) },
  });

  test('control: signed by the threshold of both, exactly the next version', () => {
    expect(applyRoot(signRoot(createRoot(handover), [a, b, ...fresh]))).toBe('none');
  });

  test('signatures of the old root are missing', () => {
    expect(applyRoot(signRoot(createRoot(handover), fresh))).toBe('ROOT_THRESHOLD');
    expect(applyRoot(signRoot(createRoot(handover), [a, ...fresh]))).toBe('ROOT_THRESHOLD');
    expect(applyRoot(signRoot(createRoot(handover), [a, a, ...fresh]))).toBe('ROOT_THRESHOLD');
  });

  test('signatures of the new root are missing', () => {
    expect(applyRoot(signRoot(createRoot(handover), [a, b]))).toBe('ROOT_THRESHOLD');
    expect(applyRoot(signRoot(createRoot(handover), [a, b, fresh[0]]))).toBe('ROOT_THRESHOLD');
  });

  test('a version is skipped', () => {
    expect(applyRoot(signRoot(createRoot(next({ version: 3 })), [a, b]))).toBe('ROOT_VERSION');
  });

  test('rollback, and the same version with other content', () => {
    const book = federation.book();
    book.applyRoot(signRoot(createRoot(next()), [a, b]));
    expect(codeOf(() => book.applyRoot(signRoot(createRoot(next({ name: 'Other' })), [a, b])))).toBe(
      'ROOT_VERSION',
    );
    expect(codeOf(() => book.applyRoot(signRoot(createRoot({ ...first, name: 'Other' }), [a, b])))).toBe(
      'ROOT_VERSION',
    );
    expect(book.applyRoot(federation.firstRoot)).toBe(false);
    expect(book.root().version).toBe(2);
  });

  test('threshold 0, beyond the keys, or no number', () => {
    const payload = JSON.parse(
      Buffer.from(parse(signRoot(createRoot(next()), [a])).payload, 'base64url').toString('utf8'),
    );
    for (const threshold of [0, -1, 0.5, 4, '2', null]) {
      const sabotaged = { ...payload, list: { ...payload.list, threshold } };
      expect(applyRoot(signRoot(written(sabotaged), [a, b]))).toBe('ROOT_INVALID');
    }
  });

  test('one key under two names, one name for two keys, no keys, a point off the curve', () => {
    const named = (keys: readonly AuthorityKey[], name = (index: number) => `N${index}`) =>
      keys.map(({ jwk }, index) => ({ name: name(index), jwk }));
    const sets = [
      { threshold: 1, authorities: named([a, a]) },
      { threshold: 2, authorities: named([a, a]) },
      { threshold: 2, authorities: named([a, b], () => 'N') },
      { threshold: 1, authorities: [] },
      { threshold: 1, authorities: [{ name: 'Off', jwk: { ...a.jwk, y: b.jwk.y } }] },
    ];
    for (const list of sets) expect(codeOf(() => createRoot(next({ list })))).toBe('ROOT_INVALID');
  });

  test('another environment', () => {
    expect(applyRoot(signRoot(createRoot(next({ environment: 'production' })), [a, b]))).toBe(
      'ENVIRONMENT_MISMATCH',
    );
  });

  test('oversize, unknown members', () => {
    expect(applyRoot(new Uint8Array(limits.trustRootBytesMax + 1))).toBe('ROOT_INVALID');
    const payload = JSON.parse(
      Buffer.from(parse(federation.firstRoot).payload, 'base64url').toString('utf8'),
    );
    expect(applyRoot(signRoot(written({ ...payload, version: 2, note: '' }), [a, b]))).toBe('ROOT_INVALID');
  });

  test('another first root than the pinned one, or one that does not sign itself', () => {
    const versions = createMemoryVersions();
    const pin = (firstRoot: Uint8Array, pinnedFederationId = federation.federationIdHex) =>
      codeOf(() => pinTrust({ firstRoot, pinnedFederationId, versions }));
    const other = makeFederation({ seed: 'other' });
    expect(pin(other.firstRoot)).toBe('FEDERATION_MISMATCH');
    expect(pin(written({ ...parse(federation.firstRoot), signatures: [] }))).toBe('ROOT_THRESHOLD');
    const second = signRoot(createRoot(next()), [a, b]);
    expect(pin(second, hex(other.federationId))).toBe('FEDERATION_MISMATCH');
    expect(pin(federation.firstRoot)).toBe('none');
    expect(pin(other.firstRoot, other.federationIdHex)).toBe('FEDERATION_MISMATCH');
  });

  test('an enclosed root that does not follow stops the list that brings it', () => {
    const skipped = signRoot(createRoot(next({ version: 3 })), [a, b]);
    const payload = createTrustList({ ...trustList, version: 2 });
    expect(applyList(signTrustList(payload, [a, b], [skipped]))).toBe('ROOT_VERSION');
  });
});

describe('agency statements', () => {
  const own = federation.agency('gr.customs');
  const applyStatement = (jws: string | Uint8Array, agency = customs) =>
    codeOf(() => federation.book().applyStatement(agency, jws));

  /** A statement signed in order over a payload that the issuing function would not make. */
  function raw(edit: (payload: Record<string, unknown>) => unknown, typ = 'comity-statement+jws'): string {
    const payload = JSON.parse(Buffer.from(splitCompact(own.nextStatement()).payload).toString('utf8'));
    return sign(written(edit(payload)), { typ });
  }

  function sign(
    payload: Uint8Array,
    o: { typ?: string; key?: KeyObject; alg?: 'ES256' | 'PS256' } = {},
  ): string {
    return signCompact({
      payload,
      typ: o.typ ?? 'comity-statement+jws',
      kid: own.certificateDigest,
      key: o.key ?? own.certificateKey,
      alg: o.alg ?? 'PS256',
    });
  }

  function withHeader(jws: string, text: string): string {
    return [base64url(utf8(text)), ...jws.split('.').slice(1)].join('.');
  }

  /** A statement of gr.customs signed by an odd certificate of the test PKI. */
  function byOdd(name: string): { jws: string; digest: string } {
    const { certPem } = readPki(name);
    const der = certificateDer(certPem);
    const payload = {
      ...JSON.parse(Buffer.from(splitCompact(own.nextStatement()).payload).toString('utf8')),
      certificate: base64(der),
    };
    return { jws: sign(written(payload)), digest: certificateDigest(der) };
  }

  test('control: the statement that the attacks start from is taken', () => {
    expect(applyStatement(own.nextStatement())).toBe('none');
    expect(applyStatement(raw((payload) => payload))).toBe('none');
  });

  test('rollback, and equal version with other content', () => {
    const book = federation.book();
    book.applyStatement(customs, own.nextStatement({ version: 5 }));
    expect(codeOf(() => book.applyStatement(customs, own.nextStatement({ version: 4 })))).toBe(
      'STATEMENT_ROLLBACK',
    );
    expect(
      codeOf(() => book.applyStatement(customs, own.nextStatement({ version: 5, suites: [1, 2] }))),
    ).toBe('STATEMENT_ROLLBACK');
    expect(book.applyStatement(customs, own.nextStatement({ version: 5 }))).toBe(false);
  });

  test('of another agency: by its own certificate, and under our name', () => {
    expect(applyStatement(federation.agency('it.police').statement)).toBe('CERTIFICATE_REFUSED');
    expect(applyStatement(raw((payload) => ({ ...payload, agency: 'it.police' })))).toBe('STATEMENT_INVALID');
  });

  test('of another federation', () => {
    const other = 'ab'.repeat(32);
    expect(applyStatement(raw((payload) => ({ ...payload, federation: other })))).toBe('FEDERATION_MISMATCH');
  });

  test('of an agency that is not on the list', () => {
    expect(applyStatement(own.statement, agencyId('zz.nobody'))).toBe('SENDER_UNKNOWN');
  });

  test('by a certificate that is not pinned, though of the same authority', () => {
    expect(applyStatement(own.nextStatement(readPki('odd-renewed')))).toBe('CERTIFICATE_REFUSED');
  });

  test('by another key than that of the pinned certificate it carries', () => {
    const thief = federation.agency('it.police').certificateKey;
    const { payload } = splitCompact(own.nextStatement());
    expect(applyStatement(sign(payload, { key: thief }))).toBe('STATEMENT_SIGNATURE');
  });

  test('changed after signing', () => {
    const [head, , tail] = own.nextStatement().split('.');
    const { payload } = splitCompact(own.nextStatement({ suites: [1, 2] }));
    expect(applyStatement(`${head}.${base64url(payload)}.${tail}`)).toBe('STATEMENT_SIGNATURE');
  });

  test.each([
    ['odd-ca', 'a certificate authority'],
    ['odd-rsa2048', 'RSA with 2048 bits'],
    ['odd-p384', 'another curve'],
    ['odd-expired', 'expired when it signed'],
  ])('by a pinned certificate that is unfit: %s, %s', (name) => {
    const { jws, digest } = byOdd(name);
    const book = federation.book();
    const member = book.member(customs);
    if (member === undefined) throw new Error('a member');
    book.applyList(
      list({
        agencies: trustList.agencies.map((one) =>
          one.agency === customs ? { ...member, certificates: [digest] } : one,
        ),
      }),
    );
    expect(codeOf(() => book.applyStatement(customs, jws))).toBe('CERTIFICATE_REFUSED');
  });

  test('P-256 certificates are fit, and sign with ES256 alone', () => {
    const { certPem, keyPem } = readPki('odd-p256');
    const digest = certificateDigest(certificateDer(certPem));
    const book = federation.book();
    book.applyList(
      list({
        agencies: trustList.agencies.map((one) =>
          one.agency === customs ? { ...one, certificates: [digest] } : one,
        ),
      }),
    );
    expect(codeOf(() => book.applyStatement(customs, byOdd('odd-p256').jws))).toBe('ALGORITHM_REFUSED');
    expect(book.applyStatement(customs, own.nextStatement({ certPem, keyPem }))).toBe(true);
  });

  test('algorithm from the message', () => {
    const jws = own.nextStatement();
    for (const alg of ['none', 'HS256', 'RS256', 'ES256']) {
      const text = JSON.stringify({ alg, kid: 'x', typ: 'comity-statement+jws' });
      expect(applyStatement(withHeader(jws, text))).toBe('ALGORITHM_REFUSED');
    }
    const [head, payload] = jws.split('.');
    expect(applyStatement(`${head}.${payload}.`)).toBe('STATEMENT_SIGNATURE');
  });

  test('keys and certificates in the header, duplicate members, other types', () => {
    const jws = own.nextStatement();
    const rest = '"kid":"x","typ":"comity-statement+jws"}';
    for (const text of [
      `{"alg":"PS256","x5c":["${base64(certificateDer(own.certPem))}"],${rest}`,
      `{"alg":"PS256","jwk":{},${rest}`,
      `{"alg":"PS256","jku":"https://example.org",${rest}`,
      `{"alg":"PS256","alg":"PS256",${rest}`,
    ]) {
      expect(applyStatement(withHeader(jws, text))).toBe('SIGNATURE_HEADER_INVALID');
    }
    expect(applyStatement(raw((payload) => payload, 'comity-batch+jws'))).toBe('SIGNATURE_HEADER_INVALID');
  });

  test('not a compact JWS', () => {
    for (const jws of [
      '',
      'a.b',
      'a.b.c.d',
      `${own.statement}=`,
      `${own.statement}\n`,
      Uint8Array.of(0xff),
    ]) {
      expect(['SIGNATURE_HEADER_INVALID', 'STATEMENT_INVALID']).toContain(applyStatement(jws));
    }
  });

  test('unknown members, oversize, dated ahead', () => {
    expect(applyStatement(raw((payload) => ({ ...payload, note: 1 })))).toBe('STATEMENT_INVALID');
    expect(applyStatement('a'.repeat(limits.statementBytesMax + 1))).toBe('STATEMENT_INVALID');
    const ahead = own.nextStatement({ issuedMs: nowMs + limits.clockSkewMsMax + 1 });
    expect(applyStatement(ahead)).toBe('STATEMENT_INVALID');
  });

  test('key windows that are too long, overlap, reach too far ahead, or share a key', () => {
    type Listed = { jwk: object; from: string; to: string };
    const windows = (edit: (keys: Listed[]) => unknown) =>
      applyStatement(raw((payload) => ({ ...payload, signing: edit(payload['signing'] as Listed[]) })));
    const iso = (timeMs: number) => new Date(timeMs).toISOString();
    expect(windows((keys) => keys)).toBe('none');
    expect(windows((keys) => keys.map((key) => ({ ...key, to: iso(Date.parse(key.to) + 1) })))).toBe(
      'STATEMENT_INVALID',
    );
    expect(windows((keys) => keys.toReversed())).toBe('STATEMENT_INVALID');
    expect(windows((keys) => keys.map((key) => ({ ...key, to: key.from })))).toBe('STATEMENT_INVALID');
    expect(windows((keys) => keys.map((key) => ({ ...key, jwk: keys[0]?.jwk })))).toBe('STATEMENT_INVALID');
    expect(windows((keys) => keys.map((key) => ({ ...key, jwk: { ...key.jwk, y: a.jwk.y } })))).toBe(
      'STATEMENT_INVALID',
    );
    expect(windows((keys) => keys.map((key) => ({ ...key, jwk: { ...key.jwk, d: a.jwk.y } })))).toBe(
      'STATEMENT_INVALID',
    );
    const far = {
      jwk: c.jwk,
      from: iso(nowMs + 6 * limits.keyWindowMs),
      to: iso(nowMs + 7 * limits.keyWindowMs),
    };
    expect(windows((keys) => [...keys, far])).toBe('STATEMENT_INVALID');
    expect(windows(() => [])).toBe('STATEMENT_INVALID');
  });

  test('said by an agency while it is revoked', () => {
    const book = federation.book();
    const members = [withState(book.list(), police, { state: 'revoked', fromMs: nowMs })];
    const agencies = trustList.agencies.map(
      (one) => members.find(({ agency }) => agency === one.agency) ?? one,
    );
    book.applyList(list({ agencies }));
    const { nextStatement } = federation.agency('it.police');
    expect(codeOf(() => book.applyStatement(police, nextStatement()))).toBe('AGENCY_REVOKED');
    expect(book.applyStatement(police, nextStatement({ issuedMs: nowMs - 1 }))).toBe(true);
  });
});

describe('the record of versions', () => {
  const options = {
    firstRoot: federation.firstRoot,
    pinnedFederationId: federation.federationIdHex,
    clock: fixedClock(nowMs),
    log: silentLog,
  };

  test('lost: the book does not open until the operator pins again', () => {
    const versions = createMemoryVersions();
    expect(codeOf(() => createTrustBook({ ...options, versions }))).toBe('TRUST_STATE_LOST');
    pinTrust({ ...options, versions });
    expect(codeOf(() => createTrustBook({ ...options, versions }))).toBe('none');
  });

  test('cut short or emptied: the same', () => {
    for (const text of ['', '{"format":"comity-versions-1"', '{}', '{"format":"other","records":{}}']) {
      const file: RecordFile = { read: () => utf8(text), replace: () => {} };
      expect(codeOf(() => openFileVersions(file))).toBe('TRUST_STATE_LOST');
    }
  });

  /** A port that dies at a save: before it is durable, or just after. */
  function dying(inner: Versions, name: string, when: 'before' | 'after'): Versions {
    return {
      ...inner,
      save(saved, version, bytes) {
        const dies = saved.startsWith(name);
        if (!dies || when === 'after') inner.save(saved, version, bytes);
        if (dies) throw new ComityError('STORE_FAILED');
      },
    };
  }

  test('killed between persisting and applying: the floor stands', () => {
    const versions = createMemoryVersions();
    federation.book({ versions });
    const book = federation.book({ versions: dying(versions, 'list', 'after'), empty: true });
    expect(codeOf(() => book.applyList(list({ version: 7 })))).toBe('STORE_FAILED');
    const again = federation.book({ versions, empty: true });
    expect(again.list().version).toBe(7);
    expect(codeOf(() => again.applyList(list({ version: 6 })))).toBe('TRUST_ROLLBACK');
  });

  test('not persisted is not applied', () => {
    const versions = createMemoryVersions();
    federation.book({ versions });
    const book = federation.book({ versions: dying(versions, 'list', 'before'), empty: true });
    expect(codeOf(() => book.applyList(list({ version: 7 })))).toBe('STORE_FAILED');
    expect(book.list().version).toBe(1);
    const statements = federation.book({ versions: dying(versions, 'statement', 'before'), empty: true });
    const next = federation.agency('gr.customs').nextStatement();
    expect(codeOf(() => statements.applyStatement(customs, next))).toBe('STORE_FAILED');
    expect(statements.statement(customs)?.version).toBe(1);
  });
});

describe('control: what a plain JOSE verification takes', () => {
  const keyOf = async (key: AuthorityKey) => jose.importJWK({ ...key.jwk }, 'ES256');

  async function takenByJose(bytes: Uint8Array): Promise<boolean> {
    const keys = new Map(
      await Promise.all([a, b, c].map(async (key) => [thumbprint(key.jwk), await keyOf(key)] as const)),
    );
    const resolve = (head?: { kid?: string }) => {
      const key = keys.get(head?.kid ?? '');
      if (key === undefined) throw new Error('no such key');
      return key;
    };
    return jose.generalVerify(parse(bytes), resolve).then(
      () => true,
      () => false,
    );
  }

  /** Counts signatures that verify, as several update systems did. */
  async function countedNaively(bytes: Uint8Array): Promise<number> {
    const jws = parse(bytes);
    const verdicts = jws.signatures.map((one) => takenByJose(written({ ...jws, signatures: [one] })));
    return (await Promise.all(verdicts)).filter(Boolean).length;
  }

  test('our documents are JOSE: a list in order verifies there too', async () => {
    expect(await takenByJose(federation.list)).toBe(true);
    expect(await countedNaively(federation.list)).toBe(3);
  });

  test('one signature of two, which we refuse', async () => {
    const one = list({}, [a]);
    expect(await takenByJose(one)).toBe(true);
    expect(applyList(one)).toBe('TRUST_THRESHOLD');
  });

  test('one key counted twice, which we refuse', async () => {
    const twice = list({}, [a, a]);
    expect(await countedNaively(twice)).toBe(2);
    expect(applyList(twice)).toBe('TRUST_THRESHOLD');
  });

  test('an old list, a root as a list, a header with a key of its own, duplicate members', async () => {
    const kid = thumbprint(a.jwk);
    const taken = [
      list({ version: 1, expiresMs: nowMs + dayMs }),
      signRoot(createTrustList({ ...trustList, version: 2 }), [a, b]),
      listWithHeader(JSON.stringify(header(a, { jwk: a.jwk }))),
      listWithHeader(`{"alg":"none","alg":"ES256","kid":"${kid}","typ":"comity-trust+jws"}`),
    ];
    for (const bytes of taken) {
      expect(await takenByJose(bytes)).toBe(true);
      expect(applyList(bytes)).not.toBe('none');
    }
  });

  test('a statement of ours verifies with jose by the certificate', async () => {
    const { certPem, statement } = federation.agency('gr.customs');
    const key = await jose.importX509(certPem, 'PS256');
    const read = await jose.compactVerify(statement, key, { algorithms: ['PS256'] });
    expect(read.protectedHeader.typ).toBe('comity-statement+jws');
  });
});
