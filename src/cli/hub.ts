/** The hub's own tools: what it must be configured as, made so, checked, watched. */
import { rename, writeFile } from 'node:fs/promises';
import { type HubToolsConfig, type HubToolsSecrets, loadHubConfig, readConfigText } from '../config/index.ts';
import { openHubBook, watchHub } from '../federation/index.ts';
import { hubPlanOf } from '../gateway/index.ts';
import { parseStatement } from '../keys/index.ts';
import { limits } from '../limits.ts';
import {
  applyPlan,
  connectHubTools,
  type HubConnection,
  type HubLayout,
  type HubPlan,
  type HubServerOptions,
  hubConfig,
  hubLayout,
  hubStatus,
  inspectHub,
  provisionHub,
  publicKeyOfSeed,
  senderUse,
} from '../transport/index.ts';
import type { TrustBook } from '../trust/index.ts';
import { visible } from './escape.ts';
import { tableLines } from './table.ts';
import { type Call, only, required, usageError, type Verb } from './verb.ts';

export const hub: Verb = {
  name: 'hub',
  summary: 'configures, provisions, checks and watches the hub, by the trust list',
  usage: ['config|provision|check|status|watch --config FILE', 'admit STATEMENT.jws --config FILE'],
  options: { config: { type: 'string' } },
  optionHelp: [
    { name: '--config FILE', meaning: 'the hub’s YAML file; a local federation has one in .comity/hub' },
    { name: 'config', meaning: 'writes nats-server’s configuration' },
    { name: 'provision', meaning: 'makes streams and consumers what the trust list says; safe to repeat' },
    { name: 'check', meaning: 'refuses a server that could lose or leak what it holds' },
    { name: 'status', meaning: 'how full the streams are, who fills them, and who lags' },
    { name: 'admit', meaning: 'sets up the account of a new agency by its first statement' },
    { name: 'watch', meaning: 'follows the trust list and the statements, and keeps the hub in step' },
  ],
  example: 'comity hub status --config .comity/hub/hub.yaml',
  async run(call) {
    const [action = '', ...rest] = call.positionals;
    const run = actions[action];
    if (run === undefined || (rest.length > 0 && action !== 'admit')) {
      throw usageError('expected `hub config`, `provision`, `check`, `status`, `admit FILE` or `watch`');
    }
    const exit = await run(openTools(call), rest);
    return typeof exit === 'number' ? exit : 0;
  },
};

type Tools = Readonly<{ call: Call; config: HubToolsConfig; secrets: HubToolsSecrets }>;
type Action = (tools: Tools, rest: readonly string[]) => Promise<number> | Promise<void>;

const actions: Readonly<Record<string, Action>> = {
  config: writeServerConfig,
  provision,
  check,
  status,
  admit,
  watch,
};

function openTools(call: Call): Tools {
  return { call, ...loadHubConfig(required(call.values, 'config')) };
}

function bookOf({ call, config }: Tools): TrustBook {
  return openHubBook({ ...config.trust, clock: call.io.clock, log: call.io.log });
}

function planOf(tools: Tools, book: TrustBook = bookOf(tools)): HubPlan {
  return hubPlanOf(book, tools.call.io.clock.nowMs());
}

function serverOptions({ config, secrets }: Tools): Omit<HubServerOptions, 'layout'> {
  const { configFile: _file, name, tls, ...server } = config.server;
  return {
    ...server,
    ...(name === undefined ? {} : { serverName: name }),
    ...(tls === undefined ? {} : { tls: { certFile: tls.certFile, keyFile: tls.keyFile } }),
    hubUserKeys: [publicKeyOfSeed(secrets.hubSeed.reveal())],
    systemUserKeys: [publicKeyOfSeed(secrets.systemSeed.reveal())],
  };
}

async function writeServerConfig(tools: Tools): Promise<void> {
  const layout = hubLayout(planOf(tools));
  const { configFile } = tools.config.server;
  await writeFile(`${configFile}.new`, hubConfig({ ...serverOptions(tools), layout }), { mode: 0o600 });
  await rename(`${configFile}.new`, configFile);
  tools.call.show({ configFile, accounts: layout.accounts.map(({ name }) => name) }, () => [
    `wrote ${configFile}: ${layout.accounts.length} accounts`,
  ]);
}

async function withHub<T>(
  { config, secrets }: Tools,
  account: 'hub' | 'system',
  use: (hub: HubConnection) => Promise<T>,
): Promise<T> {
  const { host, port, tls } = config.server;
  const seed = account === 'hub' ? secrets.hubSeed : secrets.systemSeed;
  const connection = await connectHubTools({
    servers: [`${host}:${port}`],
    ...(tls === undefined ? {} : { tls: { ca: tls.ca } }),
    natsSeed: seed.reveal(),
    name: `comity-${account}`,
  });
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}

async function provision(tools: Tools): Promise<void> {
  const layout: HubLayout = hubLayout(planOf(tools));
  const { replicas } = tools.config;
  const done = await withHub(tools, 'hub', (connection) => provisionHub(connection, layout, { replicas }));
  tools.call.show(done, () =>
    Object.entries(done).map(([what, names]) => `${what}: ${names.length === 0 ? 'none' : names.join(', ')}`),
  );
}

async function check(tools: Tools): Promise<number> {
  const { host, port, monitoringPort } = tools.config.server;
  const report = await inspectHub({
    monitoringUrl: `http://127.0.0.1:${monitoringPort}`,
    server: `${host}:${port}`,
    clock: tools.call.io.clock,
  });
  tools.call.show(report, () => [
    `nats-server ${visible(report.version)}: ${report.problems.length === 0 ? 'as it must be' : 'refused'}`,
    ...report.problems.map(({ path, message }) => `  ${visible(path)}: ${visible(message)}`),
  ]);
  return report.problems.length === 0 ? 0 : 7;
}

async function status(tools: Tools): Promise<void> {
  const view = await withHub(tools, 'hub', async (connection) => ({
    ...(await hubStatus(connection)),
    senders: await senderUse(connection),
  }));
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  tools.call.show(view, () => [
    ...tableLines(
      ['stream', 'messages', 'bytes', 'fill', 'warning'],
      view.streams.map(({ name, messages, bytes, fill, warning }) => [
        name,
        String(messages),
        String(bytes),
        percent(fill),
        warning === undefined ? '' : `over ${percent(warning)}`,
      ]),
    ),
    '',
    ...tableLines(
      ['consumer', 'stream', 'pending', 'unacknowledged', 'again', 'listening'],
      view.consumers.map(({ durable, stream, pending, ackPending, redelivered, pulls }) => [
        durable,
        stream,
        String(pending),
        String(ackPending),
        String(redelivered),
        pulls > 0 ? 'yes' : 'no',
      ]),
    ),
    '',
    ...tableLines(
      ['sender', 'stream', 'messages', 'share'],
      view.senders.map(({ agency, stream, messages, share }) => [
        agency,
        stream,
        String(messages),
        percent(share),
      ]),
    ),
  ]);
}

/** The statement is judged by the trust list; the gateway publishes it itself once it can connect. */
async function admit(tools: Tools, rest: readonly string[]): Promise<void> {
  const jws = readConfigText(only(rest, 'a statement file'), limits.statementBytesMax).trim();
  const { agency, version } = parseStatement(jws);
  const book = bookOf(tools);
  const newer = book.applyStatement(agency, jws);
  await apply(tools, planOf(tools, book));
  tools.call.show({ agency, version, newer }, () => [
    `${agency}: statement ${version} ${newer ? 'admitted' : 'was known'}; its account is set up`,
  ]);
}

async function apply(tools: Tools, plan: HubPlan): Promise<unknown> {
  return await withHub(tools, 'hub', (connection) =>
    withHub(tools, 'system', (system) =>
      applyPlan({
        hub: connection,
        system,
        configFile: tools.config.server.configFile,
        server: serverOptions(tools),
        plan,
        provision: { replicas: tools.config.replicas },
      }),
    ),
  );
}

async function watch(tools: Tools): Promise<void> {
  const { io, say } = tools.call;
  const trust = bookOf(tools);
  await withHub(tools, 'hub', async (connection) => {
    const watching = await watchHub({
      hub: connection,
      trust,
      apply: (plan) => apply(tools, plan),
      clock: io.clock,
      log: io.log,
    });
    say(`watching the hub, trust list ${trust.list().version}; Ctrl-C stops it`);
    await new Promise<void>((resolve) => {
      if (io.signal.aborted) resolve();
      io.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await watching.stop();
  });
}
