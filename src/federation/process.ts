/** A gateway of a local federation as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../clock.ts';
import type { Environment } from '../config/index.ts';
import { ComityError, isErrorCode } from '../errors.ts';
import type { Health } from '../gateway/views.ts';
import { limits } from '../limits.ts';
import type { AgencyId } from '../types.ts';
import type { LocalFederation } from './local.ts';

export type StartGatewayOptions = Readonly<{
  federation: LocalFederation;
  agency: AgencyId;
  hubServer: string;
  /** 0: any free one. */
  port: number;
  env: Environment;
  clock: Clock;
  /** More for the child's environment: what a test sabotages it with. */
  more?: Environment;
}>;

export interface GatewayProcess {
  readonly agency: AgencyId;
  readonly url: string;
  readonly port: number;
  readonly token: string;
  readonly pid: number;
  /** Resolves with the exit code; null after a signal. */
  readonly exited: Promise<number | null>;
  health(): Promise<Health>;
  /** Resolves when it is ready and holds the statement of each of the agencies. */
  ready(agencies: readonly AgencyId[]): Promise<void>;
  kill9(): Promise<void>;
  stop(): Promise<void>;
}

const pollMs = 100;
/** Sources run as they are, and compiled: the programs beside this one are what it is. */
const sourceEnding = extname(import.meta.url);

/** Resolves when the API listens. Throws what kept the gateway from starting. */
export async function startGatewayProcess(options: StartGatewayOptions): Promise<GatewayProcess> {
  const { federation, agency } = options;
  const { planned, places } = federation.agency(agency);
  const configFile = federation.writeConfig(agency, { hubServer: options.hubServer, httpPort: options.port });
  const main = fileURLToPath(new URL(`../../agents/${planned.agent}/main${sourceEnding}`, import.meta.url));
  const child = launch(options, [main, '--config', configFile, '--stop-with-stdin'], places.logFile);
  const exited = new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(1));
    child.once('exit', (code) => resolve(code));
  });
  const url = await listening(child, exited, options);
  return new Running({
    ...options,
    child,
    exited,
    url,
    token: readFileSync(places.tokenFile, 'utf8').trim(),
  });
}

function launch({ env, more }: StartGatewayOptions, argv: readonly string[], logFile: string): ChildProcess {
  const log = openSync(logFile, 'a', 0o600);
  try {
    return spawn(process.execPath, argv, {
      env: { ...env, ...more },
      // Standard input stays open as long as this process lives: its end tells the gateway to stop.
      stdio: ['pipe', 'pipe', log],
    });
  } finally {
    closeSync(log);
  }
}

/** The gateway says where it listens, or why it does not. */
async function listening(
  child: ChildProcess,
  exited: Promise<number | null>,
  { agency, federation }: StartGatewayOptions,
): Promise<string> {
  const said: string[] = [];
  const lines = createInterface({ input: child.stdout ?? process.stdin });
  const url = new Promise<string>((resolve) => {
    lines.on('line', (line) => {
      if (said.length < 100) said.push(line);
      const found = / listens on (http:\/\/\S+)$/.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
  });
  const failed = exited.then((exit) => {
    const [, code = '', message = ''] = /^comity: ([A-Z_]+): (.*)$/m.exec(said.join('\n')) ?? [];
    const { logFile } = federation.agency(agency).places;
    throw isErrorCode(code)
      ? new ComityError(code, `${agency}: ${message}`)
      : new ComityError('INTERNAL', `the gateway of ${agency} ended with ${exit}: see \`${logFile}\``);
  });
  failed.catch(() => {});
  return await Promise.race([url, failed]);
}

type Started = StartGatewayOptions &
  Readonly<{ child: ChildProcess; exited: Promise<number | null>; url: string; token: string }>;

class Running implements GatewayProcess {
  readonly agency: AgencyId;
  readonly url: string;
  readonly port: number;
  readonly token: string;
  readonly pid: number;
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #clock: Clock;

  constructor(o: Started) {
    this.agency = o.agency;
    this.url = o.url;
    this.port = Number(new URL(o.url).port);
    this.token = o.token;
    this.pid = o.child.pid ?? 0;
    this.exited = o.exited;
    this.#child = o.child;
    this.#clock = o.clock;
  }

  async health(): Promise<Health> {
    const answer = await fetch(`${this.url}/v1/health`, {
      headers: { authorization: `Bearer ${this.token}` },
      redirect: 'error',
    });
    return (await answer.json()) as Health;
  }

  async ready(agencies: readonly AgencyId[]): Promise<void> {
    const lateMs = this.#clock.nowMs() + limits.federationReadyMsMax;
    let gone = false;
    void this.exited.then(() => {
      gone = true;
    });
    while (!gone && this.#clock.nowMs() < lateMs) {
      const { ready, statements } = await this.health();
      if (ready && agencies.every((agency) => statements.includes(agency))) return;
      await new Promise<void>((resolve) => this.#clock.after(pollMs, resolve));
    }
    throw new ComityError('GATEWAY_UNREACHABLE', `the gateway of ${this.agency} did not become ready`);
  }

  async kill9(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const cancel = this.#clock.after(limits.processStopMsMax, () => this.#child.kill('SIGKILL'));
    await this.exited;
    cancel();
  }
}
