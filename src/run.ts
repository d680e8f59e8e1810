/** Puts a gateway together from its configuration, runs it until it is told to stop, and stops it in order. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type AuditLog, createAuditLog } from './audit/index.ts';
import { type Clock, systemClock } from './clock.ts';
import { type Environment, type GatewayConfig, loadGatewayConfig } from './config/index.ts';
import { asComityError, ComityError, errorTable } from './errors.ts';
import { unlessOlder } from './federation/index.ts';
import { createGateway, createPairKeys, type Gateway, hubViewOf, type Profile } from './gateway/index.ts';
import { createHttp, type Http } from './http/index.ts';
import { type Random, systemRandom } from './ids.ts';
import { openMessageKeys } from './keys/index.ts';
import { createLog, type Log } from './log.ts';
import { createPolicyEngine, type PolicyEngine } from './policy/index.ts';
import { draftJsonSchema, kindsDrafted } from './schema/index.ts';
import { type OpenedStore, openReader, openStore, storeFiles } from './store/index.ts';
import { connectHub } from './transport/index.ts';
import type { Transport } from './transport/port.ts';
import { createTrustBook, pinTrust, type TrustBook } from './trust/index.ts';
import { version } from './version.ts';

export type RunOptions = Readonly<{
  configFile: string;
  env: Environment;
  /** Aborted when the gateway is to stop. */
  signal: AbortSignal;
  /** Lines for people and for the process that started this one. */
  say: (line: string) => void;
  clock?: Clock;
  random?: Random;
}>;

/** A gateway that runs, with its API. */
export interface RunningGateway {
  readonly gateway: Gateway;
  readonly url: string;
  /** Reads the policy files again; keeps the last good ones where they are not valid. */
  reloadPolicy(): void;
  /** Takes no more requests, drains, and closes everything. */
  stop(): Promise<void>;
}

/**
 * Runs a gateway until the signal is aborted; resolves with its exit code (docs/errors.md). What
 * keeps it from starting is logged and said, and never thrown.
 */
export async function runGateway(profile: Profile, options: RunOptions): Promise<number> {
  let log: Log = createLog('info', 'comity');
  try {
    const running = await startGateway(profile, options, (made) => {
      log = made;
    });
    options.say(`${running.gateway.agency} listens on ${running.url}`);
    await aborted(options.signal);
    await running.stop();
    return 0;
  } catch (error) {
    const ours = asComityError(error);
    log.error('gateway.failed', { code: ours.code, place: placeOf(ours) });
    options.say(`comity: ${ours.code}: ${ours.message}`);
    for (const { path, message } of ours.problems) options.say(`  ${path}: ${message}`);
    return errorTable[ours.code].exit;
  }
}

/** Everything opened, in the order in which it depends on what came before; closed again where a step fails. */
export async function startGateway(
  profile: Profile,
  options: RunOptions,
  onLog: (log: Log) => void = () => {},
): Promise<RunningGateway> {
  const { clock = systemClock, random = systemRandom } = options;
  const { config, secrets } = loadGatewayConfig(options.configFile, options.env);
  const log = createLog(config.log.level, config.agency);
  onLog(log);
  const closing: Closing = [];
  try {
    const keys = openMessageKeys({ directory: config.keys.directory, storeKey: secrets.storeKey.reveal() });
    const policy = createPolicyEngine(config.policy);
    const { store, trust } = openRecords(config, { storeKey: secrets.storeKey.reveal(), clock, random, log });
    closing.push(async () => store.close());
    const reader = openReader({ directory: config.store.directory, storeKey: secrets.storeKey.reveal() });
    closing.push(() => reader.close());
    const audit: AuditLog = createAuditLog({ rows: store.auditRows, clock, random, agency: config.agency });
    const transport: Transport = await connectHub({
      ...config.hub,
      agency: config.agency,
      natsSeed: secrets.natsSeed.reveal(),
      clock,
      random,
      log,
    });
    closing.push(() => transport.close());
    const gateway = createGateway(
      {
        agency: config.agency,
        profile,
        store,
        search: (filter, limit) => reader.page(filter, limit),
        trust,
        keys,
        pairs: createPairKeys(trust, keys),
        policy,
        audit,
        transport,
        layout: () => hubViewOf(trust, config.agency, clock.nowMs()),
        clock,
        random,
        log,
        reached: () => {},
      },
      { statement: config.statement },
    );
    const http = createApi(gateway, config, { clock, log });
    // The door closes first: nothing is taken that the stop would not bring out.
    closing.push(() => gateway.stop());
    closing.push(() => http.close());
    await gateway.start();
    const url = await http.listen(config.http);
    return {
      gateway,
      url,
      reloadPolicy: () => reloadPolicy(policy, options, log),
      stop: () => closeAll(closing),
    };
  } catch (error) {
    await closeAll(closing);
    throw error;
  }
}

type Closing = (() => Promise<void>)[];

/** In reverse order; one failure does not keep the rest open. */
async function closeAll(closing: Closing): Promise<void> {
  const failures: unknown[] = [];
  for (const close of closing.splice(0).reverse()) {
    await close().catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw failures[0];
}

type Records = Readonly<{ storeKey: Uint8Array; clock: Clock; random: Random; log: Log }>;

/** The store and, on its record of versions, the trust book. */
function openRecords(
  config: GatewayConfig,
  { storeKey, clock, random, log }: Records,
): { store: OpenedStore; trust: TrustBook } {
  const isNew = !existsSync(join(config.store.directory, storeFiles.database));
  const store = openStore({
    directory: config.store.directory,
    storeKey,
    clock,
    random,
    create: true,
    indexing: 'reader',
  });
  try {
    const pinned = { firstRoot: config.trust.root, pinnedFederationId: config.trust.federationId };
    // Only a store that never was gets its pin from here: one that lost it waits for its operator.
    if (isNew) pinTrust({ ...pinned, versions: store.versions });
    const trust = createTrustBook({ ...pinned, versions: store.versions, clock, log });
    if (config.environment !== trust.environment) {
      throw new ComityError(
        'ENVIRONMENT_MISMATCH',
        `the configuration says \`${config.environment}\`, the trust root \`${trust.environment}\``,
      );
    }
    const { list } = config.trust;
    if (list !== undefined) unlessOlder(() => trust.applyList(list));
    unlessOlder(() => trust.applyStatement(config.agency, config.statement));
    return { store, trust };
  } catch (error) {
    store.close();
    throw error;
  }
}

function createApi(gateway: Gateway, config: GatewayConfig, o: Readonly<{ clock: Clock; log: Log }>): Http {
  const drafts = Object.fromEntries(kindsDrafted.map((kind) => [kind, draftJsonSchema(kind)]));
  return createHttp({ gateway, officers: config.officers, ...o, openApi: { version, drafts } });
}

function reloadPolicy(policy: PolicyEngine, options: RunOptions, log: Log): void {
  try {
    policy.replace(loadGatewayConfig(options.configFile, options.env).config.policy);
    log.info('policy.replaced', { version: policy.version });
  } catch (error) {
    log.error('policy.kept', { code: asComityError(error).code, version: policy.version });
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** Where it failed, without the words of the error. */
function placeOf({ cause }: ComityError): string {
  if (!(cause instanceof Error)) return 'none';
  const frames = (cause.stack ?? '').split('\n').filter((line) => line.trimStart().startsWith('at '));
  return [cause.name, ...frames.slice(0, 6).map((line) => line.trim())].join(' ');
}
