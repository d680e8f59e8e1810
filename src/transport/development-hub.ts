/** One nats-server, configured, provisioned and kept by this process: for development, demonstration and tests. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { limits } from '../limits.ts';
import { type HubServerOptions, hubConfig } from './hub-config.ts';
import { connectHubTools, type HubConnection } from './hub-connection.ts';
import { type HubPlan, hubLayout } from './layout.ts';
import { createNatsUserKey, publicKeyOfSeed } from './nats-keys.ts';
import { type Provisioned, type ProvisionOptions, provisionHub } from './provision.ts';
import { type RunningServer, runServer } from './server.ts';
import { applyPlan } from './watch.ts';

export type DevelopmentHubOptions = Readonly<{
  binary: string;
  /** Holds keys, configuration, log and JetStream's files; a second start on it finds what it had. */
  directory: string;
  plan: HubPlan;
  clock: Clock;
  /** Absent: any free port. */
  port?: number;
  monitoringPort?: number;
  tls?: Readonly<{ certFile: string; keyFile: string; ca: string }>;
  provision?: ProvisionOptions;
}>;

export interface DevelopmentHub {
  readonly servers: readonly string[];
  readonly tls: Readonly<{ ca: string }> | undefined;
  readonly server: RunningServer;
  readonly plan: HubPlan;
  /** Account HUB. */
  readonly hub: HubConnection;
  /** Account SYS. */
  readonly system: HubConnection;
  /** Secret, `SU…`, of accounts HUB and SYS. */
  readonly seeds: Readonly<{ hub: string; system: string }>;
  readonly provisioned: Provisioned;
  apply(plan: HubPlan): Promise<Provisioned>;
  /** Ends the server at once and starts it again on the same ports and files. */
  crashAndRestart(): Promise<void>;
  /** Ends the server at once. */
  crash(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Throws what starting, configuring and provisioning throw: PORT_TAKEN, HUB_REFUSED, CONFIG_INVALID… */
export async function startDevelopmentHub(options: DevelopmentHubOptions): Promise<DevelopmentHub> {
  await mkdir(options.directory, { recursive: true });
  const seeds = {
    hub: await seedIn(join(options.directory, 'hub.seed')),
    system: await seedIn(join(options.directory, 'system.seed')),
  };
  const running = new RunningHub(options, seeds);
  await running.start();
  return running;
}

async function seedIn(file: string): Promise<string> {
  if (!existsSync(file)) await writeFile(file, createNatsUserKey().seed, { mode: 0o600, flag: 'wx' });
  return (await readFile(file, 'utf8')).trim();
}

type Parts = { server: RunningServer; hub: HubConnection; system: HubConnection; provisioned: Provisioned };

class RunningHub implements DevelopmentHub {
  plan: HubPlan;
  readonly seeds: Readonly<{ hub: string; system: string }>;
  readonly #options: DevelopmentHubOptions;
  #parts: Parts | undefined;
  /** As the running server's configuration names them: a reload may not change them. */
  #ports: Readonly<{ port: number; monitoringPort: number }>;
  /** As they are: a restart keeps them, so that gateways find the hub again. */
  #portsInUse: Readonly<{ port: number; monitoringPort: number }> | undefined;

  constructor(options: DevelopmentHubOptions, seeds: Readonly<{ hub: string; system: string }>) {
    this.#options = options;
    this.seeds = seeds;
    this.plan = options.plan;
    this.#ports = { port: options.port ?? -1, monitoringPort: options.monitoringPort ?? -1 };
  }

  get server(): RunningServer {
    return this.#running().server;
  }
  get hub(): HubConnection {
    return this.#running().hub;
  }
  get system(): HubConnection {
    return this.#running().system;
  }
  get provisioned(): Provisioned {
    return this.#running().provisioned;
  }
  get servers(): readonly string[] {
    return this.server.servers;
  }
  get tls(): Readonly<{ ca: string }> | undefined {
    const { tls } = this.#options;
    return tls === undefined ? undefined : { ca: tls.ca };
  }

  async start(): Promise<void> {
    const { binary, directory, clock, provision } = this.#options;
    this.#ports = this.#portsInUse ?? this.#ports;
    const layout = hubLayout(this.plan);
    const config = hubConfig({ ...this.#serverOptions(), layout });
    const server = await runServer({ binary, directory, config, clock });
    try {
      const address = { servers: server.servers, tls: this.tls };
      const hub = await connectHubTools({ ...address, natsSeed: this.seeds.hub, name: 'hub' });
      const system = await connectHubTools({ ...address, natsSeed: this.seeds.system, name: 'system' });
      const provisioned = await provisionHub(hub, layout, provision);
      this.#portsInUse = { port: server.port, monitoringPort: server.monitoringPort };
      this.#parts = { server, hub, system, provisioned };
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  async apply(plan: HubPlan): Promise<Provisioned> {
    const { hub, system, server } = this.#running();
    this.plan = plan;
    const { provision } = this.#options;
    return await applyPlan({
      hub,
      system,
      configFile: server.configFile,
      server: this.#serverOptions(),
      plan,
      ...(provision === undefined ? {} : { provision }),
    });
  }

  async crashAndRestart(): Promise<void> {
    await this.crash();
    await this.restart();
  }

  async crash(): Promise<void> {
    const { server, hub, system } = this.#running();
    await Promise.all([server.kill9(), hub.close(), system.close()]);
  }

  async restart(): Promise<void> {
    await this.start();
  }

  async stop(): Promise<void> {
    const { server, hub, system } = this.#running();
    await Promise.all([hub.close(), system.close()]);
    await server.stop();
  }

  #running(): Parts {
    if (this.#parts === undefined) throw new TypeError('the hub was not started');
    return this.#parts;
  }

  #serverOptions(): Omit<HubServerOptions, 'layout'> {
    const { directory, tls } = this.#options;
    return {
      ...this.#ports,
      host: '127.0.0.1',
      storeDirectory: join(directory, 'jetstream'),
      hubUserKeys: [publicKeyOfSeed(this.seeds.hub)],
      systemUserKeys: [publicKeyOfSeed(this.seeds.system)],
      storeBytesMax: limits.hubStoreBytesMax,
      ...(tls === undefined ? {} : { tls: { certFile: tls.certFile, keyFile: tls.keyFile } }),
    };
  }
}
