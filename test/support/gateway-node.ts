/** One gateway composed of real parts, as production does: shared by tests in one process and in several. */

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createAuditLog } from '../../src/audit/index.ts';
import type { Cancel, Clock } from '../../src/clock.ts';
import {
  type Arrow,
  createGateway,
  createPairKeys,
  type Gateway,
  type GatewayContext,
  hubViewOf,
} from '../../src/gateway/index.ts';
import { systemRandom } from '../../src/ids.ts';
import type { MessageKeys } from '../../src/keys/index.ts';
import { silentLog } from '../../src/log.ts';
import { createPolicyEngine } from '../../src/policy/index.ts';
import { openStore } from '../../src/store/index.ts';
import type { Store, StoredEvent } from '../../src/store/port.ts';
import { connectHub, whenConnected } from '../../src/transport/index.ts';
import type { Transport } from '../../src/transport/port.ts';
import { createTrustBook, isPinned, pinTrust, type TrustBook } from '../../src/trust/index.ts';
import { type AgencyId, kinds } from '../../src/types.ts';

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
  event(matches: (event: StoredEvent) => boolean): Promise<StoredEvent>;
  /** Resolves when `holds` does, looked at after every event. */
  until(holds: () => boolean): Promise<void>;
  stop(): Promise<void>;
}

export type StartOptions = Readonly<{
  reached?: (arrow: Arrow) => void;
  clock?: Clock;
  federationPolicy?: string;
  /** Of the store, where it is not the agency's own folder. */
  directory?: string;
  /** Stands between the gateway and a port, to watch it or to sabotage it. */
  wrap?: (context: GatewayContext) => GatewayContext;
}>;

/** What one agency brings, and what it is told of the federation and the hub. */
export type NodeParts = Readonly<{
  agency: AgencyId;
  firstRoot: Uint8Array;
  federationIdHex: string;
  list: Uint8Array;
  natsSeed: string;
  messageKeys: MessageKeys;
  statement: string;
  servers: readonly string[];
  directory: string;
  clock: Clock;
  options: StartOptions;
}>;

const configDirectory = resolve(import.meta.dirname, '../../config/policy');

export async function startNode(parts: NodeParts): Promise<Node> {
  const context = await composeNode(parts);
  await whenConnected(context.transport);
  const gateway = createGateway(context, { statement: parts.statement });
  await gateway.start();
  return nodeOf(context, gateway, parts.directory);
}

async function composeNode(parts: NodeParts): Promise<GatewayContext> {
  const { agency, directory, clock, messageKeys, options } = parts;
  const storeKey = new Uint8Array(32).fill(7);
  const store = openStore({ directory, storeKey, clock, random: systemRandom, create: true });
  const pin = {
    firstRoot: parts.firstRoot,
    pinnedFederationId: parts.federationIdHex,
    versions: store.versions,
  };
  if (!isPinned(store.versions)) pinTrust(pin);
  const trust = createTrustBook({ ...pin, clock, log: silentLog });
  trust.applyList(parts.list);
  const transport = await connectHub({
    servers: parts.servers,
    agency,
    natsSeed: parts.natsSeed,
    clock,
    random: systemRandom,
    log: silentLog,
  });
  const context: GatewayContext = {
    agency,
    profile: { title: agency, sends: kinds, takes: kinds },
    store,
    search: async (filter, limit) => store.messages.page(filter, limit),
    trust,
    keys: messageKeys,
    pairs: createPairKeys(trust, messageKeys),
    policy: createPolicyEngine(policyOf(agency, options)),
    audit: createAuditLog({ rows: store.auditRows, clock, random: systemRandom, agency }),
    transport,
    layout: () => hubViewOf(trust, agency, clock.nowMs()),
    clock,
    random: systemRandom,
    log: silentLog,
    reached: options.reached ?? (() => {}),
  };
  return options.wrap?.(context) ?? context;
}

type PolicyFile = Readonly<{ name: string; text: string }>;

function readPolicy(name: string): PolicyFile {
  return { name, text: readFileSync(join(configDirectory, name), 'utf8') };
}

/** The baseline that the project ships. */
export function federationPolicy(): PolicyFile {
  return readPolicy('federation.cedar');
}

function policyOf(agency: AgencyId, options: StartOptions): Parameters<typeof createPolicyEngine>[0] {
  const federation =
    options.federationPolicy === undefined
      ? federationPolicy()
      : { name: 'federation.cedar', text: options.federationPolicy };
  try {
    return { federation, agency: readPolicy(`${agency}.cedar`) };
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
      await until(() => store.events.after(0, 100_000).some(matches));
      const found = store.events.after(0, 100_000).find(matches);
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
