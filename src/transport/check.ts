/** Whether a hub is configured as it must be: `comity hub check` (docs/wire.md, The hub). */
import { createConnection } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { connect } from '@nats-io/transport-node';
import type { Clock } from '../clock.ts';
import { ComityError, type Problem } from '../errors.ts';
import { limits } from '../limits.ts';
import { isServerVersionUsable, serverVersionFloor } from './find-server.ts';
import { isLoopback } from './hub-config.ts';

export type CheckHubOptions = Readonly<{
  /** The server's own report, on the machine that runs it: `http://127.0.0.1:8222`. */
  monitoringUrl: string;
  /** A client address, `host:port`. */
  server: string;
  clock: Clock;
}>;

export type HubReport = Readonly<{ version: string; problems: readonly Problem[] }>;

type Facts = Readonly<Record<string, unknown>>;

/** Throws HUB_REFUSED with every problem, or HUB_UNREACHABLE. Returns the server's version. */
export async function checkHub(options: CheckHubOptions): Promise<{ version: string }> {
  const { version, problems } = await inspectHub(options);
  if (problems.length > 0) throw new ComityError('HUB_REFUSED', undefined, { problems });
  return { version };
}

export async function inspectHub(options: CheckHubOptions): Promise<HubReport> {
  const varz = await report(options, '/varz');
  const jsz = await report(options, '/jsz?accounts=true&config=true');
  const version = String(varz['version']);
  const problems = [
    ...versionProblems(version),
    ...durabilityProblems(jsz),
    ...listenerProblems(varz),
    ...accountProblems(varz, jsz),
    ...(await linkProblems(options, varz)),
  ];
  return { version, problems };
}

async function report({ monitoringUrl, clock }: CheckHubOptions, path: string): Promise<Facts> {
  const stop = new AbortController();
  const cancel = clock.after(limits.hubApiTimeoutMs, () => stop.abort());
  try {
    const response = await fetch(`${monitoringUrl}${path}`, { signal: stop.signal, redirect: 'error' });
    return facts(await response.json());
  } catch (cause) {
    throw new ComityError('HUB_UNREACHABLE', `the server's report at \`${monitoringUrl}\` cannot be read`, {
      cause,
    });
  } finally {
    cancel();
  }
}

function versionProblems(version: string): Problem[] {
  if (isServerVersionUsable(version)) return [];
  return [{ path: 'version', message: `nats-server \`${version}\` is older than ${serverVersionFloor}` }];
}

function durabilityProblems(jsz: Facts): Problem[] {
  if (facts(jsz['config'])['sync_always'] === true) return [];
  const message = 'acknowledged messages may be lost at a power cut: set `sync_interval: always`';
  return [{ path: 'jetstream.sync_interval', message }];
}

function listenerProblems(varz: Facts): Problem[] {
  const problems: Problem[] = [];
  for (const name of ['mqtt', 'websocket', 'leaf', 'gateway']) {
    if (Number(facts(varz[name])['port'] ?? 0) !== 0) {
      problems.push({ path: name, message: `the ${name} listener must be off` });
    }
  }
  for (const name of ['mqtt', 'websocket']) {
    if (facts(varz[name])['no_auth_user'] !== undefined) {
      problems.push({ path: `${name}.no_auth_user`, message: 'nobody may connect without credentials' });
    }
  }
  const httpHost = String(varz['http_host'] ?? '');
  if (Number(varz['http_port'] ?? 0) !== 0 && !isLoopback(httpHost)) {
    problems.push({ path: 'http', message: `monitoring listens on \`${httpHost}\`, which is not loopback` });
  }
  const { host, cluster_port: routes, tls_required: routesTls } = clusterFacts(varz);
  if (routes !== 0 && routesTls !== true && !isLoopback(host)) {
    problems.push({ path: 'cluster', message: 'routes must use TLS' });
  }
  return problems;
}

function clusterFacts(varz: Facts): { host: string; cluster_port: number; tls_required: unknown } {
  const cluster = facts(varz['cluster']);
  return {
    host: String(cluster['addr'] ?? ''),
    cluster_port: Number(cluster['cluster_port'] ?? 0),
    tls_required: cluster['tls_required'],
  };
}

function accountProblems(varz: Facts, jsz: Facts): Problem[] {
  const problems: Problem[] = [];
  if (varz['auth_required'] !== true) {
    problems.push({ path: 'accounts', message: 'the server asks nobody for credentials' });
  }
  const details = Array.isArray(jsz['account_details']) ? jsz['account_details'] : [];
  for (const name of details.map((detail) => String(facts(detail)['name']))) {
    if (name !== 'HUB') {
      problems.push({ path: `accounts.${name}`, message: 'only account HUB may have JetStream' });
    }
  }
  if (Number(varz['max_payload']) !== limits.hubPayloadBytesMax) {
    problems.push({ path: 'max_payload', message: `must be ${limits.hubPayloadBytesMax}` });
  }
  return problems;
}

/** What a stranger meets at the door. */
async function linkProblems(options: CheckHubOptions, varz: Facts): Promise<Problem[]> {
  const problems: Problem[] = [];
  const { host, port } = addressOf(options.server);
  const listens = String(varz['host'] ?? '0.0.0.0');
  const greeting = await greetsInClear({ host, port, clock: options.clock });
  if (greeting && !isLoopback(listens)) {
    const message = `the server greets in clear text on \`${listens}\`: set tls with handshake_first`;
    problems.push({ path: 'tls', message });
  }
  if (!greeting && (await acceptsOldTls(host, port))) {
    problems.push({ path: 'tls.min_version', message: 'TLS 1.2 is accepted: set min_version to 1.3' });
  }
  if (greeting && (await acceptsStranger(options.server))) {
    problems.push({ path: 'no_auth_user', message: 'nobody may connect without credentials' });
  }
  return problems;
}

type Door = Readonly<{ host: string; port: number; clock: Clock }>;

/** A server that speaks first, before any handshake, says INFO within the wait. */
function greetsInClear({ host, port, clock }: Door): Promise<boolean> {
  return new Promise((done, fail) => {
    const socket = createConnection({ host, port });
    const finish = (greeting: boolean) => {
      cancel();
      socket.destroy();
      done(greeting);
    };
    const cancel = clock.after(limits.hubGreetingMs, () => finish(false));
    socket.once('data', (bytes) => finish(bytes.toString('latin1').startsWith('INFO ')));
    socket.once('close', () => finish(false));
    socket.once('error', (cause) => {
      cancel();
      fail(new ComityError('HUB_UNREACHABLE', `\`${host}:${port}\` does not answer`, { cause }));
    });
  });
}

function acceptsOldTls(host: string, port: number): Promise<boolean> {
  return new Promise((done) => {
    // Only the version that it agrees to matters here; the certificate is the gateways' to check.
    const socket = connectTls({
      host,
      port,
      maxVersion: 'TLSv1.2',
      minVersion: 'TLSv1.2',
      rejectUnauthorized: false,
    });
    const finish = (accepted: boolean) => {
      socket.destroy();
      done(accepted);
    };
    socket.once('secureConnect', () => finish(true));
    socket.once('error', () => finish(false));
    socket.once('close', () => finish(false));
  });
}

async function acceptsStranger(server: string): Promise<boolean> {
  try {
    const connection = await connect({
      servers: [server],
      reconnect: false,
      timeout: limits.hubApiTimeoutMs,
    });
    await connection.close();
    return true;
  } catch {
    return false;
  }
}

function addressOf(server: string): { host: string; port: number } {
  const url = new URL(`tls://${server}`);
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) };
}

function facts(value: unknown): Facts {
  return typeof value === 'object' && value !== null ? (value as Facts) : {};
}
