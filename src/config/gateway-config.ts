/** A gateway's whole configuration: one YAML file and those it names, read once and frozen. */
import { existsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ComityError } from '../errors.ts';
import { loadStoreKey, readPrivateFile, type StoreKeySource } from '../keys/index.ts';
import { limits } from '../limits.ts';
import type { AgencyId } from '../types.ts';
import { type Environment, namedVariable } from './environment.ts';
import { besides, Problems, readConfigFile, readConfigText, readYaml } from './files.ts';
import { type GatewayFile, gatewayFileShape } from './gateway-shape.ts';
import { type OfficerEntry, readOfficers } from './officers.ts';
import { type Secret, secret } from './secret.ts';

/** A policy file as the engine takes it. */
export type PolicyText = Readonly<{ name: string; text: string }>;

export type GatewayConfig = Readonly<{
  file: string;
  agency: AgencyId;
  environment: string;
  trust: Readonly<{
    /** Lower-case hexadecimal. */
    federationId: string;
    /** The exact bytes of the first trust root. */
    root: Uint8Array;
    list?: Uint8Array;
  }>;
  store: Readonly<{ directory: string }>;
  keys: Readonly<{ directory: string }>;
  /** Servers as host:port; `tls` holds the PEM of the hub's CA and is absent on loopback only. */
  hub: Readonly<{ servers: readonly string[]; tls?: Readonly<{ ca: string }> }>;
  http: Readonly<{ host: string; port: number }>;
  officers: readonly OfficerEntry[];
  policy: Readonly<{ federation: PolicyText; agency?: PolicyText }>;
  /** Compact JWS. */
  statement: string;
  log: Readonly<{ level: string }>;
}>;

export type GatewaySecrets = Readonly<{ storeKey: Secret<Uint8Array>; natsSeed: Secret<string> }>;

/**
 * Reads and checks everything at once. CONFIG_INVALID lists every problem, each with the key in the
 * file and what was expected there; nothing is created and nothing is connected to.
 */
export function loadGatewayConfig(
  file: string,
  env: Environment,
): Readonly<{ config: GatewayConfig; secrets: GatewaySecrets }> {
  const given = readYaml(file, gatewayFileShape);
  const at = besides(file);
  const problems = new Problems(file);
  checkHub(given, problems);
  checkFolders(given, at, problems);
  const files = readNamedFiles(given, at, problems);
  const storeKey = problems.attempt('store.key', () => loadStoreKey(storeKeySource(given, at, env)));
  const natsSeed = problems.attempt('hub.natsSeedFile', () =>
    Buffer.from(readPrivateFile(at(given.hub.natsSeedFile)))
      .toString('utf8')
      .trim(),
  );
  problems.refuse();
  if (files === undefined || storeKey === undefined || natsSeed === undefined) {
    throw new TypeError('unreachable: what is missing is a problem');
  }
  const { agency, environment, http, log } = given;
  const config: GatewayConfig = {
    file: at(basename(file)),
    agency,
    environment,
    trust: { federationId: given.trust.federationId, ...files.trust },
    store: { directory: at(given.store.directory) },
    keys: { directory: at(given.keys.directory) },
    hub: { servers: given.hub.servers.map(hostAndPort), ...files.hub },
    http,
    officers: files.officers,
    policy: files.policy,
    statement: files.statement,
    log,
  };
  return Object.freeze({
    config: frozen(config),
    secrets: Object.freeze({ storeKey: secret(storeKey), natsSeed: secret(natsSeed) }),
  });
}

type Resolve = (path: string) => string;

function readNamedFiles(given: GatewayFile, at: Resolve, problems: Problems) {
  const bytes = (key: string, path: string, bytesMax: number) =>
    problems.attempt(key, () => readConfigFile(at(path), bytesMax));
  const text = (key: string, path: string, bytesMax?: number) =>
    problems.attempt(key, () => readConfigText(at(path), bytesMax));
  const policy = (key: string, path: string): PolicyText | undefined => {
    const found = text(key, path, limits.policyFileBytesMax);
    return found === undefined ? undefined : { name: path, text: found };
  };
  const { trust, hub } = given;
  const root = bytes('trust.rootFile', trust.rootFile, limits.trustRootBytesMax);
  const list =
    trust.listFile === undefined
      ? undefined
      : bytes('trust.listFile', trust.listFile, limits.trustListBytesMax);
  const ca = hub.tls === undefined ? undefined : text('hub.tls.ca', hub.tls.ca);
  const officers = problems.attempt('officersFile', () => readOfficers(at(given.officersFile)));
  const federation = policy('policy.federation', given.policy.federation);
  const agency = given.policy.agency === undefined ? undefined : policy('policy.agency', given.policy.agency);
  const statement = text('statementFile', given.statementFile, limits.statementBytesMax)?.trim();
  if (root === undefined || officers === undefined || federation === undefined || statement === undefined) {
    return undefined;
  }
  return {
    trust: { root, ...(list === undefined ? {} : { list }) },
    hub: ca === undefined ? {} : { tls: { ca } },
    officers,
    policy: { federation, ...(agency === undefined ? {} : { agency }) },
    statement,
  };
}

/** In clear text only to this machine; by TLS only to a hub whose CA is pinned. */
function checkHub({ hub }: GatewayFile, problems: Problems): void {
  hub.servers.forEach((server, index) => {
    const key = `hub.servers.${index}`;
    const { protocol, hostname } = new URL(server);
    if (protocol === 'nats:' && !isLoopback(hostname)) {
      problems.add(key, `\`${server}\` is plain text off loopback: expected tls://`);
    }
    if (protocol === 'nats:' && hub.tls !== undefined) {
      problems.add(key, `\`${server}\` is plain text beside \`hub.tls\`: expected tls://`);
    }
    if (protocol === 'tls:' && hub.tls === undefined) {
      problems.add('hub.tls', `expected {ca} with the CA of \`${server}\``);
    }
  });
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(\.[0-9]{1,3}){3}$/.test(host);
}

/** The store's folder is made at the first start; that of the keys by the ceremony before. */
function checkFolders({ store, keys }: GatewayFile, at: Resolve, problems: Problems): void {
  if (existsSync(at(store.directory)) && !statSync(at(store.directory)).isDirectory()) {
    problems.add('store.directory', `\`${at(store.directory)}\` is not a folder`);
  }
  if (!existsSync(at(keys.directory)) || !statSync(at(keys.directory)).isDirectory()) {
    problems.add('keys.directory', `there is no folder \`${at(keys.directory)}\`: run \`comity keys roll\``);
  }
}

function storeKeySource({ store: { key } }: GatewayFile, at: Resolve, env: Environment): StoreKeySource {
  if ('file' in key) return { keyFile: at(key.file) };
  if ('passphraseEnv' in key) {
    return { passphrase: namedVariable(env, key.passphraseEnv), saltFile: at(key.saltFile) };
  }
  const folder = env['CREDENTIALS_DIRECTORY'];
  if (folder === undefined) {
    throw new ComityError('CONFIG_INVALID', 'no credentials are given: `CREDENTIALS_DIRECTORY` is not set');
  }
  return { credentialFile: join(folder, key.credential) };
}

function hostAndPort(server: string): string {
  return server.slice(server.indexOf('//') + 2);
}

function frozen<T extends object>(value: T): T {
  for (const member of Object.values(value)) {
    if (typeof member === 'object' && member !== null && !ArrayBuffer.isView(member)) frozen(member);
  }
  return Object.freeze(value);
}
