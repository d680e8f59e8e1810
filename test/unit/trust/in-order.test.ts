import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hex } from '../../../src/bytes.ts';
import { systemRandom } from '../../../src/ids.ts';
import { certificateDer, certificateDigest } from '../../../src/keys/index.ts';
import { limits } from '../../../src/limits.ts';
import {
  authorityKeyPem,
  createAuthorityKey,
  createMemoryVersions,
  createRoot,
  createTrustList,
  federationIdOf,
  isPinned,
  joinSignatures,
  nextTrustList,
  openFileVersions,
  partitionOf,
  pinTrust,
  readAuthorityKey,
  recordFileAt,
  signRoot,
  signTrustList,
  type TrustChange,
  withState,
} from '../../../src/trust/index.ts';
import { agencyId } from '../../../src/types.ts';
import { codeOf } from '../../support/code.ts';
import { fixedClock, makeFederation, readPki } from '../../support/federation.ts';

const hourMs = 60 * 60 * 1000;
const dayMs = 24 * hourMs;
const customs = agencyId('gr.customs');
const police = agencyId('it.police');
const former = agencyId('xa.former');

describe('what the book says', () => {
  const federation = makeFederation();
  const { nowMs } = federation;
  const book = federation.book();

  test('the federation id is the digest of the first root', () => {
    expect(hex(book.federationId)).toBe(hex(federationIdOf(federation.firstRoot)));
    expect(book.environment).toBe('test');
  });

  test('members, states and grants', () => {
    expect(book.members().map(({ agency }) => agency)).toEqual([...federation.agencies.keys()]);
    expect(book.statusAt(customs, nowMs)).toBe('active');
    expect(book.statusAt(customs, nowMs - 31 * dayMs)).toBe('unknown');
    expect(book.statusAt(former, nowMs - 2 * dayMs)).toBe('active');
    expect(book.statusAt(former, nowMs - dayMs)).toBe('revoked');
    expect(book.statusAt(agencyId('zz.nobody'), nowMs)).toBe('unknown');
    expect(book.mayPublish(agencyId('zz.nobody'), 'note')).toBe(false);
    expect(partitionOf(book.list(), 'gr')).toBe('main');
    expect(partitionOf(book.list(), 'zz')).toBeUndefined();
  });

  test('kinds beyond those always granted need a grant', () => {
    const strict = makeFederation({
      agencies: [{ id: 'gr.customs', publishes: ['seizure'], receives: [] }],
    }).book();
    expect(strict.mayPublish(customs, 'seizure')).toBe(true);
    expect(strict.mayPublish(customs, 'object')).toBe(false);
    expect(strict.mayPublish(customs, 'control')).toBe(true);
    expect(strict.mayReceive(customs, 'seizure')).toBe(false);
    expect(strict.mayReceive(customs, 'response')).toBe(true);
  });

  test('keys of statements are found by agency and id, and by time', () => {
    const own = federation.agency('gr.customs').messageKeys;
    const signing = own.signingKeyAt(nowMs);
    expect(book.signingKey(customs, signing?.kid ?? '')?.kid).toBe(signing?.kid);
    expect(book.signingKey(police, signing?.kid ?? '')).toBeUndefined();
    expect(book.sealingKeyAt(customs, nowMs)?.key.kid).toBe(own.sealingKeyAt(nowMs)?.kid);
    const endMs = own.windowEndingMs();
    expect(book.sealingKeyAt(customs, endMs)?.grace).toBe(true);
    expect(book.sealingKeyAt(customs, endMs + limits.sealingKeyGraceMs - 1)?.grace).toBe(true);
    expect(book.sealingKeyAt(customs, endMs + limits.sealingKeyGraceMs)).toBeUndefined();
  });

  test('expiry has a grace, and then stops', () => {
    const { expiresMs } = book.list();
    expect(book.expired(expiresMs - 1)).toBe('no');
    expect(book.expired(expiresMs)).toBe('grace');
    expect(book.expired(expiresMs + limits.trustListGraceMs - 1)).toBe('grace');
    expect(book.expired(expiresMs + limits.trustListGraceMs)).toBe('yes');
    expect(codeOf(() => book.requireFresh(expiresMs))).toBe('none');
    expect(codeOf(() => book.requireFresh(expiresMs + limits.trustListGraceMs))).toBe('TRUST_EXPIRED');
  });
});

describe('changes', () => {
  test('a newer list revokes, and listeners hear of it', () => {
    const federation = makeFederation();
    const book = federation.book();
    const heard: TrustChange[] = [];
    const stop = book.onChange((change) => heard.push(change));
    const members = [withState(book.list(), police, { state: 'revoked', fromMs: federation.nowMs })];
    const next = federation.signList({ members });
    expect(book.applyList(next)).toBe(true);
    expect(book.applyList(next)).toBe(false);
    expect(book.statusAt(police, federation.nowMs)).toBe('revoked');
    expect(book.statusAt(police, federation.nowMs - 1)).toBe('active');
    expect(heard).toEqual([{ what: 'list' }]);
    stop();
    book.applyStatement(customs, federation.agency('gr.customs').nextStatement());
    expect(heard).toHaveLength(1);
  });

  test('the same statement again is no change; a newer one keeps past keys', () => {
    const federation = makeFederation({ weeks: 1 });
    const book = federation.book();
    const { statement, nextStatement, messageKeys } = federation.agency('gr.customs');
    expect(book.applyStatement(customs, statement)).toBe(false);
    expect(book.applyStatement(customs, nextStatement())).toBe(true);
    expect(book.statement(customs)?.version).toBe(2);
    const kid = messageKeys.signingKeyAt(federation.nowMs)?.kid ?? '';
    expect(book.signingKey(customs, kid)).toBeDefined();
  });

  test('a statement stops counting when its certificate is unpinned, and counts again when it is pinned', () => {
    const federation = makeFederation();
    const book = federation.book();
    const member = book.member(customs);
    if (member === undefined) throw new Error('a member');
    const heard: TrustChange[] = [];
    book.onChange((change) => heard.push(change));
    book.applyList(federation.signList({ members: [{ ...member, certificates: [] }] }));
    expect(book.statement(customs)).toBeUndefined();
    expect(book.signingKey(customs, federation.agency('gr.customs').keys[0]?.kid ?? '')).toBeUndefined();
    book.applyList(federation.signList({ members: [member] }));
    expect(book.statement(customs)?.version).toBe(1);
    expect(heard.filter(({ what }) => what === 'statement')).toHaveLength(2);
  });

  test('a renewed certificate takes over, and an unpinned one no longer holds versions hostage', () => {
    const federation = makeFederation();
    const book = federation.book();
    const member = book.member(customs);
    if (member === undefined) throw new Error('a member');
    const renewed = readPki('odd-renewed');
    const digest = certificateDigest(certificateDer(renewed.certPem));
    const { nextStatement } = federation.agency('gr.customs');
    book.applyStatement(customs, nextStatement({ version: Number.MAX_SAFE_INTEGER }));
    book.applyList(
      federation.signList({ members: [{ ...member, certificates: [...member.certificates, digest] }] }),
    );
    const own = nextStatement({ version: 3, ...renewed });
    expect(codeOf(() => book.applyStatement(customs, own))).toBe('STATEMENT_ROLLBACK');
    book.applyList(federation.signList({ members: [{ ...member, certificates: [digest] }] }));
    expect(book.applyStatement(customs, own)).toBe(true);
    expect(book.statement(customs)?.version).toBe(3);
  });

  test('a statement that comes before its list waits, also across a restart', () => {
    const federation = makeFederation();
    const versions = createMemoryVersions();
    const early = federation.book({ versions, empty: true });
    const { statement } = federation.agency('gr.customs');
    expect(codeOf(() => early.applyStatement(customs, statement))).toBe('AWAITING_TRUST');
    const later = federation.book({ versions, empty: true });
    expect(later.applyList(federation.list)).toBe(true);
    expect(later.statement(customs)?.version).toBe(1);
    expect(later.statement(police)).toBeUndefined();
  });

  test('a restart finds root, list and statements', () => {
    const directory = mkdtempSync(join(tmpdir(), 'comity-trust-'));
    try {
      const federation = makeFederation();
      const path = join(directory, 'versions.json');
      federation.book({ versions: openFileVersions(recordFileAt(path)) }).applyList(federation.signList());
      const again = federation.book({ versions: openFileVersions(recordFileAt(path)), empty: true });
      expect(again.list().version).toBe(2);
      expect(again.statement(customs)?.version).toBe(1);
      expect(again.applyList(again.listBytes())).toBe(false);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test('an older list may follow once the operator has pinned anew; the pin can set a floor', () => {
    const federation = makeFederation();
    const versions = createMemoryVersions();
    expect(isPinned(versions)).toBe(false);
    const pin = { firstRoot: federation.firstRoot, pinnedFederationId: federation.federationIdHex, versions };
    pinTrust({ ...pin, listVersionMin: 2 });
    pinTrust({ ...pin, listVersionMin: 1 });
    pinTrust(pin);
    const book = federation.book({ versions, empty: true });
    expect(codeOf(() => book.applyList(federation.list))).toBe('TRUST_ROLLBACK');
    expect(book.applyList(federation.signList())).toBe(true);
  });
});

describe('rotation of the root', () => {
  const federation = makeFederation();
  const [a, b, c] = federation.authorities;
  if (!a || !b || !c) throw new Error('three authorities');

  function rotated(book: ReturnType<typeof federation.book>, list = book.root().list) {
    const { issuedMs } = book.root();
    return createRoot({ ...book.root(), version: book.root().version + 1, issuedMs, list });
  }

  test('the next root, signed by both thresholds, is followed', () => {
    const book = federation.book();
    expect(book.applyRoot(signRoot(rotated(book), [a, b]))).toBe(true);
    expect(book.root().version).toBe(2);
    expect(book.list().version).toBe(1);
  });

  test('roots enclosed with a list are followed first', () => {
    const fresh = createAuthorityKey(systemRandom);
    const book = federation.book();
    const list = { threshold: 1, authorities: [{ name: 'Fresh', jwk: fresh.jwk }] };
    const root = signRoot(rotated(book, list), [a, b]);
    const next = createTrustList(
      nextTrustList(book.list(), { issuedMs: federation.nowMs, expiresMs: federation.nowMs + dayMs }),
    );
    expect(codeOf(() => book.applyList(signTrustList(next, [fresh])))).toBe('TRUST_THRESHOLD');
    expect(book.applyList(signTrustList(next, [fresh], [root]))).toBe(true);
    expect(book.list().version).toBe(2);
    expect(codeOf(() => book.applyList(federation.signList()))).toBe('TRUST_THRESHOLD');
  });

  test('new list keys end a fast-forward: versions start afresh', () => {
    const versions = createMemoryVersions();
    const book = federation.book({ versions });
    const forward = createTrustList({ ...book.list(), version: Number.MAX_SAFE_INTEGER });
    book.applyList(signTrustList(forward, [a, b]));
    const fresh = createAuthorityKey(systemRandom);
    book.applyRoot(
      signRoot(rotated(book, { threshold: 1, authorities: [{ name: 'Fresh', jwk: fresh.jwk }] }), [a, b]),
    );
    expect(book.hasList()).toBe(false);
    expect(book.expired(federation.nowMs)).toBe('yes');
    expect(book.statement(customs)).toBeUndefined();
    const again = federation.book({ versions, empty: true });
    expect(again.hasList()).toBe(false);
    expect(again.applyList(signTrustList(createTrustList(federation.trustList), [fresh]))).toBe(true);
    expect(again.statement(customs)?.version).toBe(1);
  });
});

describe('authorities', () => {
  test('sign apart and join their signatures', () => {
    const federation = makeFederation();
    const [a, b] = federation.authorities;
    if (!a || !b) throw new Error('two authorities');
    const payload = createTrustList(federation.trustList);
    const apart = [signTrustList(payload, [a]), signTrustList(payload, [b])] as const;
    const book = federation.book({ empty: true });
    expect(codeOf(() => book.applyList(apart[0]))).toBe('TRUST_THRESHOLD');
    expect(book.applyList(joinSignatures(...apart))).toBe(true);
    expect(() => joinSignatures(apart[0], federation.firstRoot)).toThrow(TypeError);
  });

  test('keep their keys as PEM', () => {
    const key = createAuthorityKey(systemRandom);
    expect(readAuthorityKey(authorityKeyPem(key)).jwk).toEqual(key.jwk);
    expect(codeOf(() => readAuthorityKey('nothing'))).toBe('KEY_FILE_INVALID');
    expect(codeOf(() => readAuthorityKey(readPki('gr.customs').keyPem))).toBe('KEY_FILE_INVALID');
  });

  test('do not rewrite the past of an agency', () => {
    const { trustList, nowMs } = makeFederation();
    const [member] = trustList.agencies;
    if (member === undefined) throw new Error('a member');
    const members = [{ ...member, status: [{ state: 'active' as const, fromMs: nowMs }] }];
    const change = { issuedMs: nowMs, expiresMs: nowMs + dayMs, members };
    expect(codeOf(() => nextTrustList(trustList, change))).toBe('TRUST_INVALID');
    const unknown = () => withState(trustList, agencyId('zz.nobody'), { state: 'active', fromMs: nowMs });
    expect(codeOf(unknown)).toBe('TRUST_INVALID');
    expect(fixedClock(nowMs).nowMs()).toBe(nowMs);
  });
});
