/** The hub of a local federation: a nats-server of its own, provisioned, published to and watched. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Clock } from '../clock.ts';
import { ComityError } from '../errors.ts';
import { limits } from '../limits.ts';
import { type Log, silentLog } from '../log.ts';
import {
  type DevelopmentHub,
  findServer,
  publishTrust,
  type ServerBinary,
  startDevelopmentHub,
} from '../transport/index.ts';
import type { TrustBook } from '../trust/index.ts';
import { openHubBook, unlessOlder } from './hub-book.ts';
import { type HubWatch, watchHub } from './hub-watch.ts';
import type { LocalFederation } from './local.ts';
import { freePort } from './ports.ts';

export type StartHubOptions = Readonly<{
  federation: LocalFederation;
  clock: Clock;
  /** 0 or absent: any free one. */
  port?: number;
  /** A server that the operator names; else the path and the cache are searched, and Debian's archive asked. */
  natsServer?: string | undefined;
  searchPath?: string | undefined;
  /** Where a fetched server is kept. */
  cacheDirectory: string;
  log?: Log;
}>;

export interface LocalHub {
  readonly hub: DevelopmentHub;
  readonly binary: ServerBinary;
  /** As `host:port`. */
  readonly server: string;
  /** Publishes a trust list (or the federation's newest); resolves when the hub itself has applied it. */
  publish(list?: Uint8Array): Promise<void>;
  /** Ends the server at once, and starts it again on the same port and files. */
  crashAndRestart(): Promise<void>;
  stop(): Promise<void>;
}

/** SERVER_MISSING, PORT_TAKEN, HUB_REFUSED. */
export async function startHub(options: StartHubOptions): Promise<LocalHub> {
  const { federation, clock, log = silentLog } = options;
  const binary = await findServer({
    given: options.natsServer,
    searchPath: options.searchPath,
    cacheDirectory: options.cacheDirectory,
    mayFetch: true,
    log,
  });
  const hub = await startDevelopmentHub({
    binary: binary.path,
    directory: federation.places.hub,
    plan: federation.hubPlan(),
    clock,
    // A server cannot be told by a reload which ports it chose by itself.
    port: options.port || (await freePort()),
    monitoringPort: await freePort(),
  });
  writeToolsConfig(federation, hub);
  const local = new Hub({ ...options, log }, hub, binary);
  try {
    await local.watch();
    await local.publish();
    return local;
  } catch (error) {
    await local.stop();
    throw error;
  }
}

class Hub implements LocalHub {
  readonly hub: DevelopmentHub;
  readonly binary: ServerBinary;
  readonly #o: StartHubOptions & { log: Log };
  readonly #trust: TrustBook;
  #watch: HubWatch | undefined;

  constructor(options: StartHubOptions & { log: Log }, hub: DevelopmentHub, binary: ServerBinary) {
    this.#o = options;
    this.hub = hub;
    this.binary = binary;
    this.#trust = openLocalBook(options);
  }

  get server(): string {
    const [server] = this.hub.servers;
    if (server === undefined) throw new TypeError('unreachable: a running hub listens');
    return server;
  }

  async watch(): Promise<void> {
    const { clock, log } = this.#o;
    this.#watch = await watchHub({
      hub: this.hub.hub,
      trust: this.#trust,
      apply: (plan) => this.hub.apply(plan),
      clock,
      log,
    });
  }

  async publish(list: Uint8Array = this.#o.federation.listBytes()): Promise<void> {
    await publishTrust(this.hub.hub, list);
    // The watch hears it from the hub in its own time; what is applied twice is applied once.
    const { version } = this.#o.federation.list();
    await this.#applied(version);
  }

  async crashAndRestart(): Promise<void> {
    await this.#watch?.stop();
    await this.hub.crashAndRestart();
    await this.watch();
  }

  async stop(): Promise<void> {
    await this.#watch?.stop();
    await this.hub.stop();
  }

  /** HUB_REJECTED where the watch does not take what was published within its time. */
  async #applied(version: number): Promise<void> {
    const there = () => this.#trust.hasList() && this.#trust.list().version >= version;
    if (!there()) {
      await new Promise<void>((resolve, reject) => {
        const late = () => reject(new ComityError('HUB_REJECTED', 'the hub did not take the trust list'));
        const cancel = this.#o.clock.after(limits.publishTimeoutMs, late);
        const stop = this.#trust.onChange(() => {
          if (!there()) return;
          cancel();
          stop();
          resolve();
        });
      });
    }
    // The list is in the book before its turn is in the queue.
    await new Promise((done) => setImmediate(done));
    await this.#watch?.settled();
  }
}

function openLocalBook({ federation, clock, log }: StartHubOptions & { log: Log }): TrustBook {
  const { places, federationId } = federation;
  mkdirSync(places.hub, { recursive: true });
  const book = openHubBook({
    recordFile: join(places.hub, 'trust.json'),
    root: Uint8Array.from(readFileSync(places.rootFile)),
    federationId,
    list: federation.listBytes(),
    clock,
    log,
  });
  for (const { planned } of federation.agencies) {
    unlessOlder(() => book.applyStatement(planned.agency, federation.statementOf(planned.agency)));
  }
  return book;
}

/** So that `comity hub status --config …` works on a local federation too. */
function writeToolsConfig({ places, federationId }: LocalFederation, hub: DevelopmentHub): void {
  const content = {
    trust: {
      federationId,
      rootFile: places.rootFile,
      listFile: places.listFile,
      recordFile: join(places.hub, 'trust.json'),
    },
    server: {
      configFile: hub.server.configFile,
      storeDirectory: join(places.hub, 'jetstream'),
      host: '127.0.0.1',
      port: hub.server.port,
      monitoringPort: hub.server.monitoringPort,
    },
    seeds: { hub: join(places.hub, 'hub.seed'), system: join(places.hub, 'system.seed') },
  };
  writeFileSync(join(places.hub, 'hub.yaml'), stringify(content));
}
