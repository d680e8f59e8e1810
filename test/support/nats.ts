/** A real hub for one test file: free ports, a folder of its own, ended by its own process handle. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Clock, systemClock } from '../../src/clock.ts';
import { systemRandom } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import {
  type AgencyPlan,
  connectHub,
  createNatsUserKey,
  type DevelopmentHub,
  type DevelopmentHubOptions,
  durablesOf,
  findServer,
  type HubPlan,
  publicKeyOfSeed,
  startDevelopmentHub,
  streamOf,
  whenConnected,
} from '../../src/transport/index.ts';
import type { Delivery, DurableName, Following, Transport } from '../../src/transport/port.ts';
import { type AgencyId, agencyId, type Kind, kinds } from '../../src/types.ts';

export type TestAgency = Readonly<{
  publishes?: readonly Kind[];
  receives?: readonly Kind[];
  natsSeed?: string;
}>;
export type TestHubOptions = Readonly<{ agencies: Readonly<Record<string, TestAgency>> }> &
  Pick<HubPlan, 'partitions'> &
  Partial<Pick<DevelopmentHubOptions, 'tls' | 'provision' | 'directory'>>;

export interface TestHub extends DevelopmentHub {
  seedOf(agency: string): string;
  durables(agency: string): DurableName[];
  stream(subject: string): string;
  /** Connected when it resolves, and closed by `stop`. */
  connect(agency: string, clock?: Clock): Promise<Transport>;
  /** The plan with some agencies changed; `undefined` removes one. */
  planWith(changes: Readonly<Record<string, Partial<AgencyPlan> | undefined>>): HubPlan;
}

let binary: Promise<string> | undefined;

/** The server's path: `NATS_SERVER`, the search path, the project's cache, or fetched once. */
export async function natsServerBinary(): Promise<string> {
  binary ??= findServer({
    given: process.env['NATS_SERVER'],
    searchPath: process.env['PATH'],
    cacheDirectory: resolve(import.meta.dirname, '../../.cache/nats'),
    mayFetch: true,
    log: silentLog,
  }).then(({ path }) => path);
  return await binary;
}

export async function temporaryDirectory(): Promise<string> {
  return await mkdtemp(join(tmpdir(), 'comity-hub-'));
}

export async function startTestHub(options: TestHubOptions): Promise<TestHub> {
  const seeds = new Map<string, string>();
  const agencies = Object.entries(options.agencies).map(([id, facts]): AgencyPlan => {
    const key = facts.natsSeed === undefined ? createNatsUserKey() : keyOf(facts.natsSeed);
    seeds.set(id, key.seed);
    return {
      agency: agencyId(id),
      publishes: facts.publishes ?? kinds,
      receives: facts.receives ?? kinds,
      natsUserKeys: [key.publicKey],
      status: 'active',
    };
  });
  const plan: HubPlan = {
    agencies,
    ...(options.partitions === undefined ? {} : { partitions: options.partitions }),
  };
  const directory = options.directory ?? (await temporaryDirectory());
  const hub = await startDevelopmentHub({
    binary: await natsServerBinary(),
    directory,
    plan,
    clock: systemClock,
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    ...(options.provision === undefined ? {} : { provision: options.provision }),
  });
  return decorate(hub, { seeds, directory });
}

function decorate(
  hub: DevelopmentHub,
  { seeds, directory }: { seeds: ReadonlyMap<string, string>; directory: string },
): TestHub {
  const transports: Transport[] = [];
  const seedOf = (agency: string): string => seeds.get(agency) ?? fail(`${agency} is not of this hub`);
  const stopServer = hub.stop.bind(hub);
  return Object.assign(hub, {
    seedOf,
    durables: (agency: string) => durablesOf(agencyId(agency), hub.plan),
    stream: (subject: string) => streamOf(subject, hub.plan) ?? fail(`${subject} has no stream`),
    async connect(agency: string, clock: Clock = systemClock) {
      const transport = await connectHub({
        agency: agencyId(agency),
        servers: hub.servers,
        tls: hub.tls,
        natsSeed: seedOf(agency),
        clock,
        random: systemRandom,
        log: silentLog,
      });
      transports.push(transport);
      await whenConnected(transport);
      return transport;
    },
    planWith(changes: Readonly<Record<string, Partial<AgencyPlan> | undefined>>): HubPlan {
      const kept = hub.plan.agencies.filter(
        ({ agency }) => !(agency in changes) || changes[agency] !== undefined,
      );
      return { ...hub.plan, agencies: kept.map((plan) => ({ ...plan, ...changes[plan.agency] })) };
    },
    async stop() {
      await Promise.all(transports.map((transport) => transport.close()));
      await stopServer();
      await rm(directory, { recursive: true, force: true });
    },
  });
}

/** Collects what a transport is given; `until` resolves once so many have come. */
export class Collector {
  readonly all: Delivery[] = [];
  readonly batches: { stream: string; size: number }[] = [];
  readonly #waiting = new Set<() => void>();

  readonly take = async (batch: readonly Delivery[], { stream }: DurableName): Promise<void> => {
    this.all.push(...batch);
    this.batches.push({ stream, size: batch.length });
    for (const look of [...this.#waiting]) look();
  };

  async until(enough: (all: readonly Delivery[]) => boolean): Promise<void> {
    if (enough(this.all)) return;
    await new Promise<void>((done) => {
      const look = () => {
        if (!enough(this.all)) return;
        this.#waiting.delete(look);
        done();
      };
      this.#waiting.add(look);
    });
  }

  async count(messages: number): Promise<void> {
    await this.until((all) => all.length >= messages);
  }
}

export async function follow(
  transport: Transport,
  durables: readonly DurableName[],
): Promise<{ collector: Collector; following: Following }> {
  const collector = new Collector();
  return { collector, following: await transport.follow(durables, collector.take) };
}

export function agency(id: string): AgencyId {
  return agencyId(id);
}

function keyOf(seed: string): { seed: string; publicKey: string } {
  return { seed, publicKey: publicKeyOfSeed(seed) };
}

function fail(message: string): never {
  throw new TypeError(message);
}
