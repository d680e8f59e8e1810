/** A local federation that runs: its hub in this process' care, each gateway a process of its own. */
import { writeFileSync } from 'node:fs';
import type { Clock } from '../clock.ts';
import type { Environment } from '../config/index.ts';
import type { Log } from '../log.ts';
import type { AgencyId } from '../types.ts';
import { type LocalHub, startHub } from './hub.ts';
import type { LocalFederation } from './local.ts';
import { requireFreePort } from './ports.ts';
import { type GatewayProcess, startGatewayProcess } from './process.ts';

export type StartFederationOptions = Readonly<{
  federation: LocalFederation;
  clock: Clock;
  env: Environment;
  log?: Log;
  /** 0: any free one. */
  hubPort: number;
  /** By agency; those absent take any free one. */
  ports: Readonly<Record<string, number>>;
  natsServer?: string | undefined;
  searchPath?: string | undefined;
  cacheDirectory: string;
}>;

export interface RunningFederation {
  readonly federation: LocalFederation;
  readonly hub: LocalHub;
  readonly gateways: ReadonlyMap<AgencyId, GatewayProcess>;
  gateway(agency: AgencyId): GatewayProcess;
  /** Starts an agency's gateway again on its port, after it ended. */
  restartGateway(agency: AgencyId): Promise<GatewayProcess>;
  /** Gateways first, so that they still bring out what waits; then the hub. */
  stop(): Promise<void>;
}

/** Resolves when every gateway holds every statement. PORT_TAKEN names the port before anything runs. */
export async function startFederation(options: StartFederationOptions): Promise<RunningFederation> {
  const { federation } = options;
  await requireFreePort(options.hubPort, { of: 'the hub', option: '--hub-port' });
  for (const { planned } of federation.agencies) {
    const port = options.ports[planned.agency] ?? 0;
    await requireFreePort(port, { of: planned.agency, option: `--port ${planned.agency}=PORT` });
  }
  const hub = await startHub({ ...options, port: options.hubPort });
  const running = new Running(options, hub);
  try {
    await running.start();
    return running;
  } catch (error) {
    await running.stop();
    throw error;
  }
}

class Running implements RunningFederation {
  readonly federation: LocalFederation;
  readonly hub: LocalHub;
  readonly gateways = new Map<AgencyId, GatewayProcess>();
  readonly #o: StartFederationOptions;

  constructor(options: StartFederationOptions, hub: LocalHub) {
    this.#o = options;
    this.federation = options.federation;
    this.hub = hub;
  }

  async start(): Promise<void> {
    const agencies = this.federation.agencies.map(({ planned }) => planned.agency);
    const started = await Promise.allSettled(agencies.map((agency) => this.#startGateway(agency)));
    for (const result of started) if (result.status === 'rejected') throw result.reason;
    this.#writeGateways();
    await Promise.all([...this.gateways.values()].map((gateway) => gateway.ready(agencies)));
  }

  gateway(agency: AgencyId): GatewayProcess {
    const found = this.gateways.get(agency);
    if (found === undefined) throw new TypeError(`the gateway of ${agency} does not run`);
    return found;
  }

  async restartGateway(agency: AgencyId): Promise<GatewayProcess> {
    return await this.#startGateway(agency, this.gateways.get(agency)?.port);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.gateways.values()].map((gateway) => gateway.stop()));
    await this.hub.stop();
  }

  async #startGateway(agency: AgencyId, port = this.#o.ports[agency] ?? 0): Promise<GatewayProcess> {
    const { federation, env, clock } = this.#o;
    const started = await startGatewayProcess({
      federation,
      agency,
      hubServer: this.hub.server,
      port,
      env,
      clock,
    });
    this.gateways.set(agency, started);
    return started;
  }

  /** Where the command line finds the gateways. */
  #writeGateways(): void {
    const agencies = this.federation.agencies.flatMap(({ planned: { agency }, places }) => {
      const running = this.gateways.get(agency);
      return running === undefined ? [] : [{ agency, url: running.url, tokenFile: places.tokenFile }];
    });
    const content = { format: 'comity-federation-1', agencies };
    writeFileSync(this.federation.places.gatewaysFile, `${JSON.stringify(content, undefined, 2)}\n`);
  }
}
