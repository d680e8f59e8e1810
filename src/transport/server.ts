/** Runs one nats-server as a child process: the development hub, and the hub of every test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, watch } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { ComityError } from '../errors.ts';
import { limits } from '../limits.ts';

export type RunServerOptions = Readonly<{
  binary: string;
  /** Holds the configuration, the log and the ports file. */
  directory: string;
  /** The configuration's text; `nats-server.conf` of the directory holds it, and a reload reads it there. */
  config: string;
  clock: Clock;
}>;

export interface RunningServer {
  /** Client addresses, as host:port. */
  readonly servers: readonly string[];
  readonly monitoringUrl: string;
  readonly port: number;
  readonly monitoringPort: number;
  readonly pid: number;
  readonly configFile: string;
  readonly logFile: string;
  /** Resolves with the exit code, null after a signal. */
  readonly exited: Promise<number | null>;
  /** Ends the process at once, as a crash would. */
  kill9(): Promise<void>;
  stop(): Promise<void>;
}

type Ports = Readonly<{ nats?: readonly string[]; monitoring?: readonly string[] }>;

/** Resolves once clients can connect. Throws PORT_TAKEN naming the port, or HUB_REFUSED with the server's words. */
export async function runServer(options: RunServerOptions): Promise<RunningServer> {
  const { directory } = options;
  await mkdir(directory, { recursive: true });
  const configFile = join(directory, 'nats-server.conf');
  const logFile = join(directory, 'nats-server.log');
  await writeFile(configFile, options.config, { mode: 0o600 });
  const child = launch(options.binary, { directory, configFile, logFile });
  const exited = new Promise<number | null>((done) => {
    child.once('error', () => done(-1));
    child.once('exit', (code) => done(code));
  });
  endWithParent(child, exited);
  const portsFile = join(directory, `nats-server_${child.pid}.ports`);
  try {
    const ports = await untilReady({ directory, portsFile, exited, clock: options.clock });
    if (ports === undefined) throw startError(logFile);
    return running(child, { ports, configFile, logFile, exited, portsFile, clock: options.clock });
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

function launch(
  binary: string,
  { directory, configFile, logFile }: { directory: string; configFile: string; logFile: string },
): ChildProcess {
  const log = openSync(logFile, 'a', 0o600);
  try {
    return spawn(binary, ['--config', configFile, '--ports_file_dir', directory], {
      stdio: ['ignore', log, log],
    });
  } finally {
    closeSync(log);
  }
}

/**
 * Ends the server when this process ends, however it ends: a shell waits on a pipe that only this
 * process holds open, and the kernel closes it.
 */
function endWithParent(server: ChildProcess, exited: Promise<number | null>): void {
  if (server.pid === undefined) return;
  const script = 'read -r _; kill "$1" 2>/dev/null';
  const guard = spawn('sh', ['-c', script, 'sh', String(server.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.on('error', () => {});
  guard.stdin.on('error', () => {});
  guard.unref();
  // The guard goes first, so that it never signals a process that has taken the number.
  void exited.then(() => guard.kill('SIGKILL'));
}

type Waiting = Readonly<{
  directory: string;
  portsFile: string;
  exited: Promise<number | null>;
  clock: Clock;
}>;

/** The server writes its ports file when it listens; undefined where it ends first. */
async function untilReady({ directory, portsFile, exited, clock }: Waiting): Promise<Ports | undefined> {
  const watcher = watch(directory);
  let cancel = () => {};
  try {
    const listens = new Promise<Ports>((done) => {
      const look = () => {
        const ports = readPorts(portsFile);
        if (ports !== undefined) done(ports);
      };
      watcher.on('change', look);
      look();
    });
    const late = new Promise<never>((_, fail) => {
      const refuse = () =>
        fail(new ComityError('HUB_REFUSED', 'the server did not listen within its time to start'));
      cancel = clock.after(limits.serverStartMsMax, refuse);
    });
    return await Promise.race([listens, exited.then(() => undefined), late]);
  } finally {
    cancel();
    watcher.close();
  }
}

/** Undefined while the file is not there, or is half written. */
function readPorts(portsFile: string): Ports | undefined {
  if (!existsSync(portsFile)) return undefined;
  try {
    return JSON.parse(readFileSync(portsFile, 'utf8')) as Ports;
  } catch {
    return undefined;
  }
}

function startError(logFile: string): ComityError {
  const lines = readFileSync(logFile, 'utf8').trim().split('\n');
  const words = lines.findLast((line) => line.includes('[FTL]')) ?? lines.at(-1) ?? '';
  const taken = /listen tcp \S*?:(\d+): bind: address already in use/.exec(lines.slice(-20).join('\n'));
  if (taken !== null) return new ComityError('PORT_TAKEN', `port ${taken[1]} is in use`);
  return new ComityError('HUB_REFUSED', `the server did not start: ${words.replace(/^.*\[FTL\] /, '')}`);
}

type Started = Readonly<{
  ports: Ports;
  configFile: string;
  logFile: string;
  portsFile: string;
  exited: Promise<number | null>;
  clock: Clock;
}>;

function running(child: ChildProcess, started: Started): RunningServer {
  const { exited, configFile, logFile } = started;
  const client = new URL(started.ports.nats?.[0] ?? 'nats://127.0.0.1:0');
  const monitoringUrl = (started.ports.monitoring?.[0] ?? 'http://127.0.0.1:0').replace(/\/$/, '');
  const tidy = () => rm(started.portsFile, { force: true });
  return {
    servers: [client.host],
    port: Number(client.port),
    monitoringUrl,
    monitoringPort: Number(new URL(monitoringUrl).port),
    pid: child.pid ?? 0,
    configFile,
    logFile,
    exited,
    async kill9() {
      child.kill('SIGKILL');
      await exited;
      await tidy();
    },
    async stop() {
      child.kill('SIGTERM');
      const cancel = started.clock.after(limits.serverStopMsMax, () => child.kill('SIGKILL'));
      await exited;
      cancel();
      await tidy();
    },
  };
}

/** The last lines of a server's log, for a message to people. */
export async function logTail(server: RunningServer, lines: number): Promise<string> {
  return (await readFile(server.logFile, 'utf8')).trim().split('\n').slice(-lines).join('\n');
}
