/** Gateways composed as production composes them, over a real hub or over none. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createAuditLog } from '../src/audit/index.ts';
import { systemClock } from '../src/clock.ts';
import {
  createGateway,
  createPairKeys,
  type Gateway,
  type GatewayContext,
  hubPlanOf,
  hubViewOf,
} from '../src/gateway/index.ts';
import type { Officer } from '../src/gateway/views.ts';
import { systemRandom } from '../src/ids.ts';
import { silentLog } from '../src/log.ts';
import { createPolicyEngine, type PolicyEngine } from '../src/policy/index.ts';
import { type OpenedStore, openReader, openStore } from '../src/store/index.ts';
import {
  connectHub,
  type DevelopmentHub,
  findServer,
  startDevelopmentHub,
  whenConnected,
} from '../src/transport/index.ts';
import type { Transport } from '../src/transport/port.ts';
import { createMemoryVersions } from '../src/trust/index.ts';
import { kinds } from '../src/types.ts';
import type { BenchFederation } from './federation.ts';

export const officer: Officer = {
  pseudonym: 'officer-17',
  desk: 'duty',
  role: 'investigator',
  scopes: ['draft', 'send', 'approve', 'read', 'operate', 'audit'],
};

const root = resolve(import.meta.dirname, '..');

export function policyEngine(): PolicyEngine {
  const text = readFileSync(join(root, 'config/policy/federation.cedar'), 'utf8');
  return createPolicyEngine({ federation: { name: 'federation.cedar', text } });
}

/** The server's path: `NATS_SERVER`, the search path, the project's cache, or fetched once. */
export async function serverBinary(): Promise<string> {
  const found = await findServer({
    given: process.env['NATS_SERVER'],
    searchPath: process.env['PATH'],
    cacheDirectory: join(root, '.cache/nats'),
    mayFetch: true,
    log: silentLog,
  });
  return found.path;
}

/** A folder that is removed when `work` is done. */
export async function inFolder<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'comity-bench-'));
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

export async function startHub(federation: BenchFederation, directory: string): Promise<DevelopmentHub> {
  return await startDevelopmentHub({
    binary: await serverBinary(),
    directory: join(directory, 'hub'),
    plan: hubPlanOf(federation.book(createMemoryVersions()), Date.now()),
    clock: systemClock,
  });
}

export interface BenchGateway {
  readonly gateway: Gateway;
  readonly store: OpenedStore;
  readonly context: GatewayContext;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export type ComposeOptions = Readonly<{
  federation: BenchFederation;
  agency: string;
  /** Of the store. */
  directory: string;
  /** Absent: a gateway whose hub is never reached. */
  hub?: DevelopmentHub;
  /** Stands between the gateway and its ports, to watch them. */
  wrap?: (context: GatewayContext) => GatewayContext;
}>;

/** A gateway with its own store; nothing runs before `start`. */
export async function composeGateway(o: ComposeOptions): Promise<BenchGateway> {
  const { messageKeys, natsSeed, statement, agency } = o.federation.agency(o.agency);
  const place = { directory: o.directory, storeKey: new Uint8Array(32).fill(7) };
  const store = openStore({
    ...place,
    clock: systemClock,
    random: systemRandom,
    create: true,
    indexing: 'reader',
  });
  const reader = openReader(place);
  const trust = o.federation.book(store.versions);
  const parts = { clock: systemClock, random: systemRandom, log: silentLog, agency };
  const transport =
    o.hub === undefined ? unreached() : await connectHub({ ...parts, servers: o.hub.servers, natsSeed });
  const context: GatewayContext = {
    ...parts,
    profile: { title: agency, sends: kinds, takes: kinds },
    store,
    search: async (filter, limit) => store.messages.page(filter, limit),
    trust,
    keys: messageKeys,
    pairs: createPairKeys(trust, messageKeys),
    policy: policyEngine(),
    audit: createAuditLog({ rows: store.auditRows, ...parts }),
    transport,
    layout: () => hubViewOf(trust, agency, Date.now()),
    reached: () => {},
  };
  const wrapped = o.wrap?.(context) ?? context;
  const gateway = createGateway(wrapped, { statement });
  if (o.hub !== undefined) await whenConnected(transport);
  return {
    gateway,
    store,
    context: wrapped,
    start: () => gateway.start(),
    async stop() {
      // Without a hub what waits in the outbox would be waited for.
      if (o.hub !== undefined) await gateway.stop();
      await transport.close();
      await reader.close();
      store.close();
    },
  };
}

function unreached(): Transport {
  const refused = { result: 'unknown', reason: 'there is no hub' } as const;
  return {
    state: 'disconnected',
    clockOffsetMs: undefined,
    bytesLastSecond: 0,
    onState: () => () => {},
    publishBatch: async () => refused,
    publishOne: async () => refused,
    lastOn: async () => undefined,
    follow: async () => ({ stop: async () => {} }),
    close: async () => {},
  };
}
