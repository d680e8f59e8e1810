/** Several gateways in one process over a real hub, each with a real store: the very code of production. */

import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createAuditLog } from '../../src/audit/index.ts';
import type { Cancel, Clock } from '../../src/clock.ts';
import {
  type Arrow,
  createGateway,
  createPairKeys,
  type Gateway,
  type GatewayContext,
  hubPlanOf,
  hubViewOf,
} from '../../src/gateway/index.ts';
import type { EventView, Officer } from '../../src/gateway/views.ts';
import { systemRandom } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { createPolicyEngine } from '../../src/policy/index.ts';
import { openStore } from '../../src/store/index.ts';
import type { Store } from '../../src/store/port.ts';
import {
  connectHub,
  type DevelopmentHub,
  startDevelopmentHub,
  whenConnected,
} from '../../src/transport/index.ts';
import type { Transport } from '../../src/transport/port.ts';
import { createTrustBook, isPinned, pinTrust, type TrustBook } from '../../src/trust/index.ts';
import { type AgencyId, agencyId, kinds } from '../../src/types.ts';
import { type AgencySpec, type Federation, makeFederation } from './federation.ts';
import { natsServerBinary } from './nats.ts';

export const officer: Officer = {
  pseudonym: 'officer-17',
  desk: 'duty',
  role: 'investigator',
  scopes: ['draft', 'send', 'approve', 'read', 'operate', 'audit'],
};

/** Real time, moved on by what a test adds to it; timers that fall due on the way run at once. */
export interface ShiftingClock extends Clock {
  advance(ms: number): void;
}

export function shiftingClock(): ShiftingClock {
  let shiftMs = 0;
  const timers = new Set<{ atMs: number; run: () => void; cancel: Cancel }>();
  const nowMs = (): number => Date.now() + shiftMs;
  return {
    nowMs,
    after(delayMs, run) {
      const wait = setTimeout(() => fire(), Math.min(delayMs, 2 ** 31 - 1));
      wait.unref();
      const timer = { atMs: nowMs() + delayMs, run, cancel: () => clearTimeout(wait) };
      const fire = (): void => {
        if (timers.delete(timer)) run();
      };
      timers.add(timer);
      return () => {
        timers.delete(timer);
        clearTimeout(wait);
      };
    },
    advance(ms) {
      shiftMs += ms;
      for (const timer of [...timers].sort((a, b) => a.atMs - b.atMs)) {
        if (timer.atMs > nowMs() || !timers.delete(timer)) continue;
        timer.cancel();
        timer.run();
      }
    },
  };
}

export interface Node {
  readonly agency: AgencyId;
  readonly gateway: Gateway;
  readonly store: Store;
  readonly trust: TrustBook;
  readonly transport: Transport;
  readonly context: GatewayContext;
  readonly directory: string;
  /** Resolves with the first event from now or earlier that satisfies the test. */
  event(matches: (event: EventView) => boolean): Promise<EventView>;
  /** Resolves when `holds` does, looked at after every event. */
  until(holds: () => boolean): Promise<void>;
  stop(): Promise<void>;
}

export interface Network {
  readonly federation: Federation;
  readonly hub: DevelopmentHub;
  readonly nodes: ReadonlyMap<string, Node>;
  node(agency: string): Node;
  /** Starts (again) the gateway of an agency on its store. */
  start(agency: string, o?: StartOptions): Promise<Node>;
  stop(): Promise<void>;
}

export type StartOptions = Readonly<{
  reached?: (arrow: Arrow) => void;
  clock?: Clock;
  federationPolicy?: string;
}>;

export type NetworkOptions = Readonly<{
  agencies?: readonly (AgencySpec | string)[];
  /** Agencies whose gateways are not started. */
  down?: readonly string[];
  clock?: Clock;
  weeks?: number;
  federation?: Federation;
}>;

const configDirectory = resolve(import.meta.dirname, '../../config/policy');

export async function startNetwork(o: NetworkOptions = {}): Promise<Network> {
  const clock = o.clock ?? shiftingClock();
  const directory = await mkdtemp(join(tmpdir(), 'comity-network-'));
  const federation =
    o.federation ??
    makeFederation({
      nowMs: clock.nowMs(),
      ...(o.agencies === undefined ? {} : { agencies: o.agencies }),
      ...(o.weeks === undefined ? {} : { weeks: o.weeks }),
    });
  const book = federation.book({ clock });
  const hub = await startDevelopmentHub({
    binary: await natsServerBinary(),
    directory: join(directory, 'hub'),
    plan: hubPlanOf(book, clock.nowMs()),
    clock,
  });
  const nodes = new Map<string, Node>();
  const start = async (agency: string, options: StartOptions = {}): Promise<Node> => {
    const node = await startNode({
      agency: agencyId(agency),
      federation,
      hub,
      directory: join(directory, agency),
      clock: options.clock ?? clock,
      options,
    });
    nodes.set(agency, node);
    return node;
  };
  for (const agency of federation.agencies.keys()) {
    const active = book.statusAt(agency, clock.nowMs()) === 'active';
    if (active && !(o.down ?? []).includes(agency)) await start(agency);
  }
  await Promise.all(
    [...nodes.values()].map((node) =>
      node.until(() => node.gateway.health().missingStatements.length === (o.down ?? []).length),
    ),
  );
  return {
    federation,
    hub,
    nodes,
    node(agency) {
      const found = nodes.get(agency);
      if (found === undefined) throw new TypeError(`${agency} is not running`);
      return found;
    },
    start,
    async stop() {
      await Promise.all([...nodes.values()].map((node) => node.stop()));
      await hub.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

type Starting = Readonly<{
  agency: AgencyId;
  federation: Federation;
  hub: DevelopmentHub;
  directory: string;
  clock: Clock;
  options: StartOptions;
}>;

async function startNode({ agency, federation, hub, directory, clock, options }: Starting): Promise<Node> {
  const fixture = federation.agency(agency);
  const storeKey = new Uint8Array(32).fill(7);
  const store = openStore({ directory, storeKey, clock, random: systemRandom, create: true });
  const pin = {
    firstRoot: federation.firstRoot,
    pinnedFederationId: federation.federationIdHex,
    versions: store.versions,
  };
  if (!isPinned(store.versions)) pinTrust(pin);
  const trust = createTrustBook({ ...pin, clock, log: silentLog });
  trust.applyList(federation.list);
  const transport = await connectHub({
    servers: hub.servers,
    agency,
    natsSeed: fixture.natsSeed,
    clock,
    random: systemRandom,
    log: silentLog,
  });
  const context: GatewayContext = {
    agency,
    profile: { title: agency, sends: kinds, takes: kinds },
    store,
    trust,
    keys: fixture.messageKeys,
    pairs: createPairKeys(trust, fixture.messageKeys),
    policy: createPolicyEngine(policyOf(agency, options)),
    audit: createAuditLog({ rows: store.auditRows, clock, random: systemRandom, agency }),
    transport,
    layout: () => hubViewOf(trust, agency, clock.nowMs()),
    clock,
    random: systemRandom,
    log: silentLog,
    reached: options.reached ?? (() => {}),
  };
  await whenConnected(transport);
  const gateway = createGateway(context, { statement: fixture.statement });
  await gateway.start();
  return nodeOf(context, gateway, directory);
}

function policyOf(agency: AgencyId, options: StartOptions): Parameters<typeof createPolicyEngine>[0] {
  const read = (name: string): { name: string; text: string } => ({
    name,
    text: readFileSync(join(configDirectory, name), 'utf8'),
  });
  const federation =
    options.federationPolicy === undefined
      ? read('federation.cedar')
      : { name: 'federation.cedar', text: options.federationPolicy };
  try {
    return { federation, agency: read(`${agency}.cedar`) };
  } catch {
    return { federation };
  }
}

function nodeOf(context: GatewayContext, gateway: Gateway, directory: string): Node {
  const { agency, store, trust, transport } = context;
  const until = (holds: () => boolean): Promise<void> =>
    new Promise((done) => {
      const look = (): void => {
        if (!holds()) return;
        undo();
        off();
        clearInterval(poll);
        done();
      };
      const undo = store.events.onCommit(() => setImmediate(look));
      const off = trust.onChange(() => setImmediate(look));
      const poll = setInterval(look, 100);
      look();
    });
  return {
    agency,
    gateway,
    store,
    trust,
    transport,
    context,
    directory,
    until,
    async event(matches) {
      await until(() => gateway.eventsAfter(0, 100_000).some(matches));
      const found = gateway.eventsAfter(0, 100_000).find(matches);
      if (found === undefined) throw new TypeError('the event went away');
      return found;
    },
    async stop() {
      await gateway.stop();
      await transport.close();
      store.close();
    },
  };
}
