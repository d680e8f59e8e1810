import { createPrivateKey } from 'node:crypto';
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemRandom } from '../../../src/ids.ts';
import {
  createMessageKeys,
  createStoreKeyFile,
  createStoreSaltFile,
  generateEcKey,
  generateMessageKeys,
  loadStoreKey,
  mergeWindows,
  openMessageKeys,
  pruneMessageKeys,
  publicKeyOf,
  readPrivateFile,
  rollMessageKeys,
  signEs256,
  thumbprint,
  verifyEs256,
  windowStart,
  writePrivateFile,
} from '../../../src/keys/index.ts';
import { limits } from '../../../src/limits.ts';
import { codeOf } from '../../support/code.ts';
import { seededRandom } from '../../support/random.ts';

const nowMs = Date.UTC(2027, 2, 9, 10);
const week = limits.keyWindowMs;
let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'comity-keys-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

describe('windows', () => {
  const keys = createMessageKeys(
    generateMessageKeys({ fromMs: nowMs, weeks: 3, random: seededRandom('keys') }),
  );
  const start = windowStart(nowMs);

  test('start at whole weeks and follow each other', () => {
    const { signing, sealing } = keys.publicWindows();
    expect(signing.map(({ notBeforeMs }) => notBeforeMs)).toEqual([start, start + week, start + 2 * week]);
    expect(sealing.map(({ notAfterMs }) => notAfterMs)).toEqual([
      start + week,
      start + 2 * week,
      start + 3 * week,
    ]);
    expect(start % week).toBe(0);
    expect(start).toBeLessThanOrEqual(nowMs);
  });

  test('the end of a window is outside of it', () => {
    const first = keys.signingKeyAt(start);
    expect(keys.signingKeyAt(start + week - 1)).toBe(first);
    expect(keys.signingKeyAt(start + week)).not.toBe(first);
    expect(keys.signingKeyAt(start - 1)).toBeUndefined();
  });

  test('signing has no grace, sealing has one', () => {
    const endMs = keys.windowEndingMs();
    expect(endMs).toBe(start + 3 * week);
    expect(keys.signingKeyAt(endMs)).toBeUndefined();
    expect(keys.sealingKeyAt(endMs - 1)?.grace).toBe(false);
    expect(keys.sealingKeyAt(endMs)?.grace).toBe(true);
    expect(keys.sealingKeyAt(endMs + limits.sealingKeyGraceMs - 1)?.grace).toBe(true);
    expect(keys.sealingKeyAt(endMs + limits.sealingKeyGraceMs)).toBeUndefined();
    expect(keys.sealingKeyAt(start - 1)).toBeUndefined();
  });

  test('sealing keys are found by id, signing keys are not', () => {
    const sealing = keys.sealingKeyAt(nowMs);
    expect(keys.sealingKeyByKid(sealing?.kid ?? '')).toBe(sealing?.privateKey);
    expect(keys.sealingKeyByKid(keys.signingKeyAt(nowMs)?.kid ?? '')).toBeUndefined();
  });

  test('no keys at all', () => {
    const none = createMessageKeys([]);
    expect(none.windowEndingMs()).toBe(0);
    expect(none.signingKeyAt(nowMs)).toBeUndefined();
    expect(none.sealingKeyAt(nowMs)).toBeUndefined();
  });

  test('a ceremony covers the present window and five ahead', () => {
    const random = seededRandom('weeks');
    expect(generateMessageKeys({ fromMs: nowMs, weeks: 6, random })).toHaveLength(12);
    for (const weeks of [0, 7, 1.5]) {
      expect(() => generateMessageKeys({ fromMs: nowMs, weeks, random })).toThrow(TypeError);
    }
  });

  test('merging carries past windows along, and cuts those that are cut', () => {
    const { signing } = keys.publicWindows();
    const cut = { ...signing[0]!, notAfterMs: start + 1 };
    const merged = mergeWindows(signing.slice(0, 2), [cut, signing[2]!]);
    expect(merged).toEqual([cut, signing[1], signing[2]]);
  });

  test('keys come from the given randomness, and zero is drawn again', () => {
    expect(generateEcKey(seededRandom('x')).jwk).toEqual(generateEcKey(seededRandom('x')).jwk);
    const draws = [new Uint8Array(32), new Uint8Array(32).fill(255), new Uint8Array(32).fill(1)];
    const { privateKey, jwk } = generateEcKey({ bytes: () => draws.shift() ?? new Uint8Array(32) });
    expect(draws).toHaveLength(0);
    expect(verifyEs256(publicKeyOf(jwk), Uint8Array.of(1), signEs256(privateKey, Uint8Array.of(1)))).toBe(
      true,
    );
  });
});

describe('on disk', () => {
  const storeKey = new Uint8Array(32).fill(7);
  const roll = (weeks: number, fromMs = nowMs) =>
    rollMessageKeys({ directory, storeKey, fromMs, weeks, random: systemRandom });
  const files = () => readdirSync(directory).sort();
  const open = () => openMessageKeys({ directory, storeKey });

  test('keys come back as they were drawn, one file each, for nobody else to read', () => {
    const windows = roll(2);
    const keys = open();
    expect(keys.publicWindows()).toEqual(windows);
    expect(thumbprint(windows.signing[0]!.jwk)).toBe(keys.signingKeyAt(nowMs)?.kid);
    expect(files()).toHaveLength(4);
    for (const name of files()) expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
    const key = keys.signingKeyAt(nowMs)!;
    expect(
      verifyEs256(publicKeyOf(key.jwk), Uint8Array.of(1), signEs256(key.privateKey, Uint8Array.of(1))),
    ).toBe(true);
  });

  test('no private key stands in clear', () => {
    roll(1);
    for (const name of files()) {
      const { sealed, ...open } = JSON.parse(readFileSync(join(directory, name), 'utf8'));
      expect(JSON.stringify(open)).not.toContain('"d"');
      expect(() =>
        createPrivateKey({ key: Buffer.from(sealed, 'base64'), format: 'der', type: 'pkcs8' }),
      ).toThrow();
    }
  });

  test('rolling again adds what is missing and changes nothing', () => {
    roll(1);
    const before = files().map((name) => readFileSync(join(directory, name), 'utf8'));
    const windows = roll(3);
    expect(windows.signing).toHaveLength(3);
    expect(
      files()
        .slice(0, 2)
        .map((name) => readFileSync(join(directory, name), 'utf8')),
    ).toEqual(before);
    expect(files().some((name) => name.endsWith('.new'))).toBe(false);
  });

  test('another store key does not open them', () => {
    roll(1);
    expect(codeOf(() => openMessageKeys({ directory, storeKey: new Uint8Array(32) }))).toBe(
      'STORE_KEY_WRONG',
    );
  });

  test.each([0o640, 0o604, 0o660, 0o644])('mode %o is refused', (mode) => {
    roll(1);
    chmodSync(join(directory, files()[0]!), mode);
    expect(codeOf(open)).toBe('KEY_FILE_INVALID');
  });

  test('edited, renamed, linked or missing files are refused', () => {
    roll(2);
    const [sealing, signing, later] = files().map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    const text = readFileSync(sealing, 'utf8');
    const file = JSON.parse(text);
    const edited = (changes: object) => {
      writeFileSync(sealing, JSON.stringify({ ...file, ...changes }));
      return codeOf(open);
    };
    expect(edited({})).toBe('none');
    expect(edited({ to: JSON.parse(readFileSync(later, 'utf8')).to })).toBe('STORE_KEY_WRONG');
    expect(edited({ use: 'signing' })).toBe('STORE_KEY_WRONG');
    expect(edited({ jwk: JSON.parse(readFileSync(signing, 'utf8')).jwk })).toBe('STORE_KEY_WRONG');
    expect(edited({ sealed: '' })).toBe('KEY_FILE_INVALID');
    expect(edited({ more: 1 })).toBe('KEY_FILE_INVALID');
    writeFileSync(sealing, '{');
    expect(codeOf(open)).toBe('KEY_FILE_INVALID');
    writeFileSync(sealing, text);
    renameSync(sealing, join(directory, '2001-01-04-sealing.key.json'));
    expect(codeOf(open)).toBe('KEY_FILE_INVALID');
    symlinkSync(join(directory, '2001-01-04-sealing.key.json'), sealing);
    expect(codeOf(open)).toBe('KEY_FILE_INVALID');
    expect(codeOf(() => openMessageKeys({ directory: join(directory, 'none'), storeKey }))).toBe(
      'KEY_FILE_INVALID',
    );
  });

  test('pruning keeps sealing keys as long as something may arrive, and never the last', () => {
    roll(2);
    const start = windowStart(nowMs);
    const prune = (at: number) => pruneMessageKeys({ directory, storeKey, nowMs: at });
    expect(prune(start + week - 1)).toEqual([]);
    expect(prune(start + week).map((name) => name.slice(11))).toEqual(['signing.key.json']);
    expect(prune(start + week + limits.sealingKeyKeptMs - 1)).toEqual([]);
    expect(prune(start + week + limits.sealingKeyKeptMs).map((name) => name.slice(11))).toEqual([
      'sealing.key.json',
    ]);
    expect(prune(start + 1000 * week)).toEqual([]);
    expect(files()).toHaveLength(2);
  });

  test('a file is never overwritten, and a failed write leaves nothing', () => {
    const path = join(directory, 'secret');
    writePrivateFile(path, Uint8Array.of(1));
    expect(codeOf(() => writePrivateFile(path, Uint8Array.of(2)))).toBe('KEY_FILE_EXISTS');
    expect([...readPrivateFile(path)]).toEqual([1]);
    expect(files()).toEqual(['secret']);
  });

  test('a key file is bounded and a regular file', () => {
    const path = join(directory, 'large');
    writePrivateFile(path, new Uint8Array(limits.keyFileBytesMax + 1));
    expect(codeOf(() => readPrivateFile(path))).toBe('KEY_FILE_INVALID');
    expect(codeOf(() => readPrivateFile(directory))).toBe('KEY_FILE_INVALID');
  });
});

describe('the store key', () => {
  const path = (name: string) => join(directory, name);

  test('from a key file or a systemd credential', () => {
    createStoreKeyFile(path('store.key'), systemRandom);
    const key = loadStoreKey({ keyFile: path('store.key') });
    expect(key).toHaveLength(32);
    expect(loadStoreKey({ keyFile: path('store.key') })).toEqual(key);
    expect(codeOf(() => createStoreKeyFile(path('store.key'), systemRandom))).toBe('KEY_FILE_EXISTS');
    chmodSync(path('store.key'), 0o440);
    expect(codeOf(() => loadStoreKey({ keyFile: path('store.key') }))).toBe('KEY_FILE_INVALID');
    expect(loadStoreKey({ credentialFile: path('store.key') })).toEqual(key);
    chmodSync(path('store.key'), 0o444);
    expect(codeOf(() => loadStoreKey({ credentialFile: path('store.key') }))).toBe('KEY_FILE_INVALID');
  });

  test('from a passphrase with its kept salt', () => {
    createStoreSaltFile(path('a'), seededRandom('a'));
    createStoreSaltFile(path('b'), seededRandom('b'));
    const key = loadStoreKey({ passphrase: 'correct horse battery', saltFile: path('a') });
    expect(loadStoreKey({ passphrase: 'correct horse battery', saltFile: path('a') })).toEqual(key);
    expect(loadStoreKey({ passphrase: 'correct horse battery', saltFile: path('b') })).not.toEqual(key);
    expect(loadStoreKey({ passphrase: 'correct horse batterz', saltFile: path('a') })).not.toEqual(key);
    expect(codeOf(() => loadStoreKey({ passphrase: 'short', saltFile: path('a') }))).toBe('CONFIG_INVALID');
    expect(codeOf(() => loadStoreKey({ keyFile: path('a') }))).toBe('KEY_FILE_INVALID');
  });

  test('from one source, in its form', () => {
    expect(() => loadStoreKey({})).toThrow(TypeError);
    expect(() => loadStoreKey({ keyFile: 'a', credentialFile: 'b' })).toThrow(TypeError);
    expect(() => loadStoreKey({ passphrase: 'correct horse battery' })).toThrow(TypeError);
    for (const text of ['', 'comity-store-key-1', 'comity-store-key-1 AAAA\n', '\xff']) {
      const file = path(`bad${text.length}`);
      writePrivateFile(file, Buffer.from(text, 'latin1'));
      expect(codeOf(() => loadStoreKey({ keyFile: file }))).toBe('KEY_FILE_INVALID');
    }
    expect(codeOf(() => loadStoreKey({ keyFile: path('none') }))).toBe('KEY_FILE_INVALID');
  });
});
