import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { loadGatewayConfig } from '../../../src/config/index.ts';
import { ComityError } from '../../../src/errors.ts';
import { systemRandom } from '../../../src/ids.ts';
import { createStoreKeyFile, createStoreSaltFile } from '../../../src/keys/index.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'comity-config-'));
  mkdirSync(join(folder, 'keys'));
  createStoreKeyFile(join(folder, 'store.key'), systemRandom);
  write('root.json', '{}');
  write('list.json', '{}');
  write('nats.seed', 'SUSECRETSEED\n', 0o600);
  write('federation.cedar', 'permit(principal, action, resource);');
  write('statement.jws', 'a.b.c\n');
  write('officers.yaml', stringify({ officers: [officer()] }));
  write('gateway.yaml', stringify(full()));
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (name: string, text: string, mode = 0o644) => writeFileSync(join(folder, name), text, { mode });
const path = () => join(folder, 'gateway.yaml');
const digest = 'a'.repeat(64);

function officer(more: object = {}) {
  return {
    pseudonym: 'officer-1',
    desk: 'ops',
    role: 'investigator',
    scopes: ['read'],
    tokenSha256: digest,
    ...more,
  };
}

function full() {
  return {
    agency: 'gr.customs',
    environment: 'demo',
    trust: { federationId: 'b'.repeat(64), rootFile: 'root.json', listFile: 'list.json' },
    store: { directory: 'store', key: { file: 'store.key' } },
    keys: { directory: 'keys' },
    hub: { servers: ['nats://127.0.0.1:7422'], natsSeedFile: 'nats.seed' },
    http: { host: '127.0.0.1', port: 7401 },
    officersFile: 'officers.yaml',
    policy: { federation: 'federation.cedar' },
    statementFile: 'statement.jws',
    log: { level: 'warn' },
  };
}

type Changes = Record<string, unknown>;

/** The full file with values set, or removed where undefined, by dotted key. */
function withChanges(changes: Changes): void {
  const file = full() as Record<string, unknown>;
  for (const [dotted, value] of Object.entries(changes)) {
    const keys = dotted.split('.');
    let at = file;
    for (const key of keys.slice(0, -1)) at = at[key] as Record<string, unknown>;
    const last = keys.at(-1) as string;
    if (value === undefined) delete at[last];
    else at[last] = value;
  }
  write('gateway.yaml', stringify(file));
}

function failure(env: Record<string, string> = {}): ComityError {
  try {
    loadGatewayConfig(path(), env);
  } catch (error) {
    if (error instanceof ComityError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

describe('a gateway configuration', () => {
  it('is read whole, resolved against its folder, and frozen', () => {
    const { config, secrets } = loadGatewayConfig(path(), {});
    expect(config).toMatchObject({
      agency: 'gr.customs',
      environment: 'demo',
      hub: { servers: ['127.0.0.1:7422'] },
      http: { host: '127.0.0.1', port: 7401 },
      statement: 'a.b.c',
      store: { directory: join(folder, 'store') },
      log: { level: 'warn' },
      policy: { federation: { name: 'federation.cedar' } },
    });
    expect(config.officers[0]?.officer.pseudonym).toBe('officer-1');
    expect(secrets.natsSeed.reveal()).toBe('SUSECRETSEED');
    expect(secrets.storeKey.reveal()).toHaveLength(32);
    expect(() => Object.assign(config.http, { port: 1 })).toThrow(TypeError);
    expect(() => Object.assign(config.officers[0]!.officer, { role: 'x' })).toThrow(TypeError);
  });

  it('has defaults for what may be left out', () => {
    withChanges({ http: undefined, log: undefined, 'trust.listFile': undefined });
    const { config } = loadGatewayConfig(path(), {});
    expect(config.http).toEqual({ host: '127.0.0.1', port: 7400 });
    expect(config.log).toEqual({ level: 'info' });
    expect(config.trust.list).toBeUndefined();
  });

  it('never shows its secrets', () => {
    const loaded = loadGatewayConfig(path(), {});
    const shown = [
      inspect(loaded, { depth: 9 }),
      JSON.stringify(loaded),
      String(loaded.secrets.natsSeed),
    ].join();
    expect(shown).not.toContain('SUSECRETSEED');
    expect(shown).toContain('[secret]');
  });

  it.each<[string, Changes, string]>([
    ['an unknown key', { colour: 'red' }, '(the file)'],
    ['an unknown key inside', { 'hub.retries': 3 }, 'hub'],
    ['a missing key', { statementFile: undefined }, 'statementFile'],
    ['a word that is no agency', { agency: 'customs' }, 'agency'],
    ['an environment in capitals', { environment: 'Demo' }, 'environment'],
    ['a short federation id', { 'trust.federationId': 'ab' }, 'trust.federationId'],
    ['a federation id in capitals', { 'trust.federationId': 'B'.repeat(64) }, 'trust.federationId'],
    ['a port as text', { 'http.port': '7401' }, 'http.port'],
    ['a port beyond all ports', { 'http.port': 65_536 }, 'http.port'],
    ['no servers', { 'hub.servers': [] }, 'hub.servers'],
    ['a server without scheme', { 'hub.servers': ['127.0.0.1:7422'] }, 'hub.servers.0'],
    ['a server with a password', { 'hub.servers': ['nats://u:p@127.0.0.1:7422'] }, 'hub.servers.0'],
    ['plain text off loopback', { 'hub.servers': ['nats://10.0.0.1:7422'] }, 'hub.servers.0'],
    ['plain text to a name', { 'hub.servers': ['nats://127.0.0.1.example.org:7422'] }, 'hub.servers.0'],
    ['one plain server among others', { 'hub.servers': ['nats://[::1]:1', 'nats://h:2'] }, 'hub.servers.1'],
    ['TLS without a CA', { 'hub.servers': ['tls://hub.example.org:7422'] }, 'hub.tls'],
    ['two sources of the key', { 'store.key': { file: 'store.key', credential: 'x' } }, 'store.key'],
    ['no source of the key', { 'store.key': {} }, 'store.key'],
    ['an unknown level', { 'log.level': 'loud' }, 'log.level'],
    ['a missing root', { 'trust.rootFile': 'nowhere.json' }, 'trust.rootFile'],
    ['a folder as a file', { 'trust.rootFile': 'keys' }, 'trust.rootFile'],
    ['a missing policy', { 'policy.federation': 'nowhere.cedar' }, 'policy.federation'],
    ['a missing statement', { statementFile: 'nowhere.jws' }, 'statementFile'],
    ['missing keys', { 'keys.directory': 'nowhere' }, 'keys.directory'],
    ['a file as the store', { 'store.directory': 'root.json' }, 'store.directory'],
    ['a missing seed', { 'hub.natsSeedFile': 'nowhere' }, 'hub.natsSeedFile'],
    ['a missing store key', { 'store.key': { file: 'nowhere' } }, 'store.key'],
    ['missing officers', { officersFile: 'nowhere.yaml' }, 'officersFile'],
    ['a variable that is not set', { 'store.key': { passphraseEnv: 'NOPE', saltFile: 's' } }, 'store.key'],
    ['no credentials folder', { 'store.key': { credential: 'store' } }, 'store.key'],
  ])('is refused for %s', (_what, changes, key) => {
    withChanges(changes);
    const error = failure();
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toContain(path());
    expect(error.problems.map((problem) => problem.path)).toContain(key);
    expect(error.problems.every(({ message }) => message.length > 5)).toBe(true);
  });

  it('says everything that is wrong at once', () => {
    withChanges({ 'trust.rootFile': 'x', statementFile: 'y', officersFile: 'z', 'hub.natsSeedFile': 'w' });
    expect(failure().problems.map((problem) => problem.path)).toEqual([
      'trust.rootFile',
      'officersFile',
      'statementFile',
      'hub.natsSeedFile',
    ]);
  });

  it('refuses YAML that two readers take differently', () => {
    for (const text of ['agency: a\nagency: b\n', 'a: &x 1\nb: *x\n', 'agency: [\n', '- 1\n', '']) {
      write('gateway.yaml', text);
      expect(failure().code).toBe('CONFIG_INVALID');
    }
    unlinkSync(path());
    expect(failure().message).toContain('there is no file');
  });

  it('takes the store key from a passphrase or a credential', () => {
    createStoreSaltFile(join(folder, 'salt'), systemRandom);
    withChanges({ 'store.key': { passphraseEnv: 'COMITY_PASSPHRASE', saltFile: 'salt' } });
    const env = { COMITY_PASSPHRASE: 'correct horse battery' };
    expect(loadGatewayConfig(path(), env).secrets.storeKey.reveal()).toHaveLength(32);
    withChanges({ 'store.key': { credential: 'store.key' } });
    expect(
      loadGatewayConfig(path(), { CREDENTIALS_DIRECTORY: folder }).secrets.storeKey.reveal(),
    ).toHaveLength(32);
  });

  it('never repeats a passphrase that it refuses', () => {
    createStoreSaltFile(join(folder, 'salt'), systemRandom);
    withChanges({ 'store.key': { passphraseEnv: 'COMITY_PASSPHRASE', saltFile: 'salt' } });
    const error = failure({ COMITY_PASSPHRASE: 'tiny' });
    expect(error.problems.map((problem) => problem.path)).toEqual(['store.key']);
    expect(JSON.stringify([error.message, error.problems])).not.toContain('tiny');
  });

  it('refuses secrets that others can read, or that are links', () => {
    chmodSync(join(folder, 'nats.seed'), 0o644);
    expect(failure().problems.map((problem) => problem.path)).toEqual(['hub.natsSeedFile']);
    chmodSync(join(folder, 'nats.seed'), 0o600);
    symlinkSync(join(folder, 'nats.seed'), join(folder, 'link'));
    withChanges({ 'hub.natsSeedFile': 'link' });
    expect(failure().problems.map((problem) => problem.path)).toEqual(['hub.natsSeedFile']);
  });

  it.each<[string, object[]]>([
    ['a token that two share', [officer(), officer({ pseudonym: 'officer-2' })]],
    ['a pseudonym that stands twice', [officer(), officer({ tokenSha256: 'c'.repeat(64) })]],
    ['a scope that there is not', [officer({ scopes: ['admin'] })]],
    ['no scopes', [officer({ scopes: [] })]],
    ['a token in clear', [officer({ tokenSha256: 'token' })]],
    ['a name with a control character', [officer({ pseudonym: 'a\u202eb' })]],
    ['a service of somebody unknown', [officer({ actsFor: ['officer-9'] })]],
    ['nobody', []],
  ])('is refused with officers that have %s', (_what, officers) => {
    write('officers.yaml', stringify({ officers }));
    const error = failure();
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.problems.map((problem) => problem.path)).toContain('officersFile');
  });
});
