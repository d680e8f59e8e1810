/** What federation authorities do: found a federation, change its list together, publish it. */
import { join } from 'node:path';
import { hex } from '../bytes.ts';
import { rfc3339 } from '../clock.ts';
import { loadGatewayConfig, loadHubConfig, readConfigFile } from '../config/index.ts';
import { suiteKnown } from '../envelope/index.ts';
import { ComityError } from '../errors.ts';
import { limits } from '../limits.ts';
import { openStore } from '../store/index.ts';
import { connectHubTools, publishTrust } from '../transport/index.ts';
import {
  authorityKeyPem,
  createAuthorityKey,
  createMemoryVersions,
  createTrustBook,
  createTrustList,
  federationIdOf,
  foundFederation,
  joinSignatures,
  nextTrustList,
  parseList,
  parseRoot,
  pinTrust,
  readAuthorityKey,
  signTrustList,
  type TrustList,
} from '../trust/index.ts';
import { jurisdictionOf } from '../types.ts';
import { visible } from './escape.ts';
import { readSecret, writeOutput, writeSecret } from './input.ts';
import { tableLines } from './table.ts';
import { readChanges } from './trust-changes.ts';
import { type Call, only, required, text, usageError, type Verb, wholeNumber } from './verb.ts';

const dayMs = 24 * 60 * 60 * 1000;

export const trust: Verb = {
  name: 'trust',
  summary: 'founds a federation, and makes, signs, publishes and shows its trust list',
  usage: [
    'init --directory DIR --name NAME --environment WORD [--authorities N] [--threshold M]',
    'next --root FILE [--list FILE] --changes FILE --out FILE',
    'sign LIST --key AUTHORITY.pem',
    'publish LIST --config HUB.yaml',
    'show LIST [--root FILE]',
    'pin --config GATEWAY.yaml [--list-version N]',
  ],
  options: {
    directory: { type: 'string' },
    name: { type: 'string' },
    environment: { type: 'string' },
    authorities: { type: 'string' },
    threshold: { type: 'string' },
    root: { type: 'string' },
    list: { type: 'string' },
    changes: { type: 'string' },
    out: { type: 'string' },
    key: { type: 'string' },
    config: { type: 'string' },
    'list-version': { type: 'string' },
  },
  optionHelp: [
    { name: 'init', meaning: 'draws the authorities’ keys and signs the first root' },
    { name: 'next', meaning: 'writes the next list, unsigned; a newcomer’s chain is verified by OpenSSL' },
    { name: 'sign', meaning: 'adds one authority’s signature to the file' },
    { name: 'publish', meaning: 'gives a list that its threshold signed to the hub' },
    { name: 'show', meaning: 'prints a list; with --root says whether it is signed as it must be' },
    { name: 'pin', meaning: 'pins the root of a gateway again, after its record of versions was lost' },
    {
      name: '--list-version N',
      meaning: 'the least version of the list to accept: read it off another gateway',
    },
  ],
  example: 'comity trust show trust/list.json --root trust/root.json',
  async run(call) {
    const [action = '', ...rest] = call.positionals;
    if (action === 'sign') return sign(call, only(rest, 'a list file'));
    if (action === 'publish') return await publish(call, only(rest, 'a list file'));
    if (action === 'show') return show(call, only(rest, 'a list file'));
    if (rest.length > 0) throw usageError('expected one action');
    if (action === 'init') return init(call);
    if (action === 'next') return await next(call);
    if (action === 'pin') return pin(call);
    throw usageError('expected `trust init`, `next`, `sign`, `publish`, `show` or `pin`');
  },
};

function init(call: Call): void {
  const { values, io } = call;
  const directory = required(values, 'directory');
  const most = { min: 1, max: limits.trustAuthoritiesMax };
  const count = wholeNumber(values, 'authorities', { ...most, otherwise: 3 });
  const threshold = wholeNumber(values, 'threshold', { ...most, otherwise: Math.floor(count / 2) + 1 });
  if (threshold > count) throw usageError('`--threshold` is more than there are authorities');
  const authorities = Array.from({ length: count }, (_, index) => {
    const key = createAuthorityKey(io.random);
    writeSecret(join(directory, `authority-${index + 1}.pem`), authorityKeyPem(key));
    return { name: `authority-${index + 1}`, key };
  });
  const { firstRoot, federationId } = foundFederation({
    name: required(values, 'name'),
    environment: required(values, 'environment'),
    nowMs: io.clock.nowMs(),
    authorities,
    threshold,
  });
  const root = join(directory, 'root.json');
  writeOutput(root, firstRoot, { replace: false });
  call.show({ root, federationId, authorities: count, threshold }, () => [
    `wrote ${root}; a list needs ${threshold} of ${count} signatures`,
    `federation id, for every gateway to pin: ${federationId}`,
    'give each authority its own key file, and keep none together',
  ]);
}

async function next(call: Call): Promise<void> {
  const { values, io } = call;
  const nowMs = io.clock.nowMs();
  const rootBytes = readConfigFile(required(values, 'root'), limits.trustRootBytesMax);
  const listFile = text(values, 'list');
  const previous = listFile === undefined ? emptyList(rootBytes, nowMs) : parseList(readList(listFile)).list;
  const { expiresDays, ...changes } = await readChanges(required(values, 'changes'), previous, nowMs);
  const list = nextTrustList(previous, {
    ...changes,
    issuedMs: nowMs,
    expiresMs: nowMs + expiresDays * dayMs,
  });
  const placed = { ...list, partitions: withEveryJurisdiction(list) };
  const out = required(values, 'out');
  writeOutput(out, signTrustList(createTrustList(placed), []), { replace: false });
  call.show({ out, version: placed.version, agencies: placed.agencies.length }, () => [
    `wrote ${out}: list ${placed.version}, unsigned, ${placed.agencies.length} agencies`,
    'each authority signs it: comity trust sign',
  ]);
}

function emptyList(rootBytes: Uint8Array, nowMs: number): TrustList {
  return {
    version: 0,
    federationId: federationIdOf(rootBytes),
    environment: parseRoot(rootBytes).root.environment,
    issuedMs: nowMs,
    expiresMs: nowMs,
    agencies: [],
    minimum: { schemas: {}, suites: [suiteKnown] },
    partitions: {},
  };
}

/** A jurisdiction that no partition holds gets one of its own. */
function withEveryJurisdiction({ agencies, partitions }: TrustList): TrustList['partitions'] {
  const placed = new Set(Object.values(partitions).flat());
  const rest = agencies.map(({ agency }) => jurisdictionOf(agency)).filter((one) => !placed.has(one));
  return { ...partitions, ...Object.fromEntries([...new Set(rest)].map((one) => [one, [one]])) };
}

function sign(call: Call, file: string): void {
  const bytes = readList(file);
  const key = readAuthorityKey(readSecret(required(call.values, 'key')));
  const { document, list } = parseList(bytes);
  writeOutput(file, joinSignatures(bytes, signTrustList(document.payload, [key])), { replace: true });
  const signatures = document.signatures.length + 1;
  call.show({ file, version: list.version, signatures }, () => [
    `${file}: ${signatures} signatures on list ${list.version}`,
  ]);
}

async function publish(call: Call, file: string): Promise<void> {
  const { config, secrets } = loadHubConfig(required(call.values, 'config'));
  const bytes = readList(file);
  // What gateways would refuse is not published: a bad list would only make noise at all of them.
  verified(call, bytes, { root: config.trust.root, federationId: config.trust.federationId });
  const { host, port, tls } = config.server;
  const hub = await connectHubTools({
    servers: [`${host}:${port}`],
    ...(tls === undefined ? {} : { tls: { ca: tls.ca } }),
    natsSeed: secrets.hubSeed.reveal(),
    name: 'comity-trust',
  });
  try {
    const { sequence } = await publishTrust(hub, bytes);
    const { version } = parseList(bytes).list;
    call.show({ version, sequence }, () => [`published list ${version}`]);
  } finally {
    await hub.close();
  }
}

function verified(
  call: Call,
  bytes: Uint8Array,
  o: Readonly<{ root: Uint8Array; federationId: string }>,
): void {
  const versions = createMemoryVersions();
  const pinned = { firstRoot: o.root, pinnedFederationId: o.federationId };
  pinTrust({ ...pinned, versions });
  createTrustBook({ ...pinned, versions, clock: call.io.clock, log: call.io.log }).applyList(bytes);
}

function show(call: Call, file: string): void {
  const bytes = readList(file);
  const { list, document } = parseList(bytes);
  const rootFile = text(call.values, 'root');
  if (rootFile !== undefined) {
    const root = readConfigFile(rootFile, limits.trustRootBytesMax);
    verified(call, bytes, { root, federationId: hex(federationIdOf(root)) });
  }
  const judged = rootFile === undefined ? 'not judged: give --root' : 'signed as it must be';
  call.show({ ...list, federationId: hex(list.federationId), verified: rootFile !== undefined }, () => [
    `trust list ${list.version} of ${visible(list.environment)}, ${document.signatures.length} signatures (${judged})`,
    `  federation ${hex(list.federationId)}`,
    `  issued ${rfc3339(list.issuedMs)}, expires ${rfc3339(list.expiresMs)}`,
    ...tableLines(
      ['agency', 'roles', 'state', 'since', 'publishes', 'receives'],
      list.agencies.map(({ agency, roles, status, publishes, receives }) => [
        agency,
        roles.join(', '),
        status.at(-1)?.state ?? '',
        rfc3339(status.at(-1)?.fromMs ?? 0),
        publishes.join(', '),
        receives.join(', '),
      ]),
    ),
  ]);
}

/** The operator's act after a loss: what the record kept out, the least version keeps out from now on. */
function pin(call: Call): void {
  const { values, io } = call;
  const { config, secrets } = loadGatewayConfig(required(values, 'config'), io.env);
  const listVersionMin = wholeNumber(values, 'list-version', {
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    otherwise: 0,
  });
  const store = openStore({
    directory: config.store.directory,
    storeKey: secrets.storeKey.reveal(),
    clock: io.clock,
    random: io.random,
  });
  try {
    const { root, federationId } = config.trust;
    pinTrust({ firstRoot: root, pinnedFederationId: federationId, versions: store.versions, listVersionMin });
  } finally {
    store.close();
  }
  call.show({ federationId: config.trust.federationId, listVersionMin }, () => [
    `pinned ${config.trust.federationId}; lists below version ${listVersionMin} are refused`,
  ]);
}

function readList(file: string): Uint8Array {
  const bytes = readConfigFile(file, limits.trustListBytesMax);
  if (bytes.length === 0) throw new ComityError('TRUST_INVALID', `\`${file}\` is empty`);
  return bytes;
}
