/** The stage that every act plays on: a federation of real processes in a folder of its own. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type AgencyId,
  agencyId,
  createLocalFederation,
  createLog,
  type Environment,
  type FederationPlan,
  type GatewayProcess,
  type LocalHub,
  processEnvironment,
  type RunningFederation,
  readClientSettings,
  readFederationPlan,
  type Submission,
  startFederation,
  startGatewayProcess,
  systemClock,
  systemRandom,
} from '../src/index.ts';
import type { Checks } from './checks.ts';
import { Desk } from './desk.ts';

export const root = fileURLToPath(new URL('..', import.meta.url));

export const customs = agencyId('gr.customs');
export const police = agencyId('it.police');
export const heritage = agencyId('fr.heritage');
export const liaison = agencyId('de.liaison');
/** A member whose keys everybody knows, until a later trust list revokes it. It receives no broadcasts. */
export const former = agencyId('xa.former');

export type Act = Readonly<{
  name: string;
  /** What it shows, for the help. */
  summary: string;
  play(stage: Stage, checks: Checks): Promise<void>;
}>;

export type Draft = Readonly<{ to: unknown; cover: object; payload: object }> &
  Readonly<{ [member: string]: unknown }>;

export interface Stage {
  readonly running: RunningFederation;
  readonly hub: LocalHub;
  desk(agency: AgencyId): Desk;
  /** The seizure of antiquities, sent once however many acts speak of it. */
  seizure(): Promise<Submission>;
  /** The agency's gateway as a process that cannot reach the hub; `close` ends it. */
  cutOff(agency: AgencyId): Promise<Desk>;
  /** Runs a program of the checkout, and gives what it printed. */
  run(script: string, argv: readonly string[]): Promise<Readonly<{ exit: number; output: string }>>;
  /** Ends every process and removes the folder. */
  close(): Promise<void>;
}

/** A draft of config/examples. */
export function example(name: string): Draft {
  return JSON.parse(readFileSync(join(root, 'config', 'examples', `${name}.json`), 'utf8')) as Draft;
}

/** What `comity up` starts, and the fifth agency. */
function planWithFormer(): FederationPlan {
  const plan = readFederationPlan(join(root, 'config', 'local-federation.yaml'));
  const fifth: FederationPlan['agencies'][number] = {
    agency: former,
    agent: 'police',
    names: { en: 'A former member' },
    roles: ['police'],
    publishes: ['red-flag'],
    receives: [],
    port: 0,
    languages: ['en'],
    timeZone: 'UTC',
  };
  return { ...plan, name: 'Demonstration', agencies: [...plan.agencies, fifth] };
}

export async function openStage(): Promise<Stage> {
  const env = processEnvironment();
  const folder = mkdtempSync(join(tmpdir(), 'comity-demo-'));
  try {
    const federation = await createLocalFederation({
      directory: join(folder, 'federation'),
      plan: planWithFormer(),
      clock: systemClock,
      random: systemRandom,
    });
    const { natsServer, searchPath } = readClientSettings(env);
    const running = await startFederation({
      federation,
      clock: systemClock,
      env,
      log: createLog('error', 'hub'),
      hubPort: 0,
      ports: {},
      natsServer,
      searchPath,
      cacheDirectory: join(root, '.cache', 'nats'),
    });
    return new Played(running, { env, folder });
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Nothing listens there. */
const deadHub = '127.0.0.1:9';

class Played implements Stage {
  readonly running: RunningFederation;
  readonly hub: LocalHub;
  readonly #o: Readonly<{ env: Environment; folder: string }>;
  readonly #besides: GatewayProcess[] = [];
  #seizure: Promise<Submission> | undefined;

  constructor(running: RunningFederation, o: Readonly<{ env: Environment; folder: string }>) {
    this.running = running;
    this.hub = running.hub;
    this.#o = o;
  }

  desk(agency: AgencyId): Desk {
    return new Desk(this.running.gateway(agency));
  }

  seizure(): Promise<Submission> {
    this.#seizure ??= this.desk(customs).send(example('seizure'));
    return this.#seizure;
  }

  async cutOff(agency: AgencyId): Promise<Desk> {
    await this.running.gateway(agency).stop();
    const { federation } = this.running;
    const gateway = await startGatewayProcess({
      federation,
      agency,
      hubServer: deadHub,
      port: 0,
      env: this.#o.env,
      clock: systemClock,
    });
    this.#besides.push(gateway);
    return new Desk(gateway);
  }

  async run(script: string, argv: readonly string[]): Promise<Readonly<{ exit: number; output: string }>> {
    const child = spawn(process.execPath, [join(root, script), ...argv], {
      env: { ...this.#o.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    const exit = await new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 1)));
    return { exit, output };
  }

  async close(): Promise<void> {
    try {
      // One that reaches no hub would try for a while to bring out what waits.
      await Promise.all([this.running.stop(), ...this.#besides.map((gateway) => gateway.kill9())]);
    } finally {
      rmSync(this.#o.folder, { recursive: true, force: true });
    }
  }
}
