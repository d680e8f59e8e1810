/** The text of the nats-server configuration (docs/wire.md, The hub). Pure. */
import { ComityError, type Problem } from '../errors.ts';
import { limits } from '../limits.ts';
import type { AccountPlan, HubLayout, Service } from './layout.ts';
import { isNatsUserKey } from './nats-keys.ts';

export type HubServerOptions = Readonly<{
  layout: HubLayout;
  /** JetStream's folder: absolute. */
  storeDirectory: string;
  /** Public user keys of the hub's own tools (account HUB) and of its operator (account SYS). */
  hubUserKeys: readonly string[];
  systemUserKeys: readonly string[];
  host: string;
  /** -1 lets the system choose; the server then says which in its ports file. */
  port: number;
  monitoringPort: number;
  /** PEM files. Absent only on loopback. */
  tls?: Readonly<{ certFile: string; keyFile: string }>;
  serverName?: string;
  /** What JetStream may reserve on disk; the sum of the streams' bounds must fit. */
  storeBytesMax: number;
}>;

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Throws CONFIG_INVALID with every problem. */
export function hubConfig(options: HubServerOptions): string {
  checkOptions(options);
  const { layout } = options;
  return [
    `server_name: ${quoted(options.serverName ?? 'comity-hub')}`,
    `host: ${quoted(options.host)}`,
    `port: ${options.port}`,
    `http: ${quoted(`127.0.0.1:${options.monitoringPort}`)}`,
    `max_payload: ${limits.hubPayloadBytesMax}`,
    `max_connections: ${16 + layout.accounts.length * limits.hubConnectionsPerAgencyMax}`,
    'max_traced_msg_len: 1024',
    ...tlsBlock(options),
    'jetstream {',
    `  store_dir: ${quoted(options.storeDirectory)}`,
    `  max_file_store: ${options.storeBytesMax}`,
    '  max_memory_store: 16777216',
    // By default an acknowledged message may be lost at a power cut.
    '  sync_interval: always',
    '}',
    'accounts {',
    ...hubAccount(options),
    ...layout.accounts.flatMap(agencyAccount),
    '  SYS {',
    `    users: [ ${options.systemUserKeys.map(user).join(', ')} ]`,
    '  }',
    '}',
    'system_account: SYS',
    '',
  ].join('\n');
}

function checkOptions(options: HubServerOptions): void {
  const problems: Problem[] = [];
  if (options.tls === undefined && !isLoopback(options.host)) {
    problems.push({ path: 'tls', message: `\`${options.host}\` is not loopback, so TLS is required` });
  }
  for (const key of [...options.hubUserKeys, ...options.systemUserKeys]) {
    if (!isNatsUserKey(key)) problems.push({ path: 'userKeys', message: `\`${key}\` is no NATS user key` });
  }
  for (const { agency, natsUserKeys } of options.layout.accounts) {
    for (const key of natsUserKeys) {
      if (!isNatsUserKey(key)) problems.push({ path: agency, message: `\`${key}\` is no NATS user key` });
    }
  }
  const keys = [...options.hubUserKeys, ...options.systemUserKeys].concat(
    options.layout.accounts.flatMap(({ natsUserKeys }) => natsUserKeys),
  );
  if (new Set(keys).size < keys.length) {
    problems.push({ path: 'userKeys', message: 'one NATS user key is given to more than one account' });
  }
  if (problems.length > 0) {
    throw new ComityError('CONFIG_INVALID', 'the hub cannot be configured', { problems });
  }
}

function tlsBlock({ tls }: HubServerOptions): string[] {
  if (tls === undefined) return [];
  return [
    'tls {',
    `  cert_file: ${quoted(tls.certFile)}`,
    `  key_file: ${quoted(tls.keyFile)}`,
    '  min_version: "1.3"',
    // Nothing is sent in clear, the server's own greeting included.
    '  handshake_first: true',
    '  timeout: 5',
    '}',
  ];
}

function hubAccount({ layout, hubUserKeys }: HubServerOptions): string[] {
  return [
    '  HUB {',
    '    jetstream: enabled',
    `    users: [ ${hubUserKeys.map(user).join(', ')} ]`,
    '    exports: [',
    ...layout.accounts.flatMap(({ name, services }) =>
      services.map(({ subject, streams }) => {
        const form = streams ? ', response_type: stream' : '';
        return `      { service: ${quoted(subject)}${form}, accounts: [${quoted(name)}] }`;
      }),
    ),
    '    ]',
    '  }',
  ];
}

function agencyAccount({ name, natsUserKeys, services }: AccountPlan): string[] {
  return [
    `  ${quoted(name)} {`,
    `    users: [ ${natsUserKeys.map(user).join(', ')} ]`,
    '    limits {',
    `      max_connections: ${limits.hubConnectionsPerAgencyMax}`,
    `      max_subscriptions: ${limits.hubSubscriptionsPerAgencyMax}`,
    '      max_leafnodes: 0',
    '    }',
    '    imports: [',
    ...services.map(importOf),
    '    ]',
    '  }',
  ];
}

function importOf({ subject, local }: Service): string {
  const to = local === subject ? '' : `, to: ${quoted(local)}`;
  return `      { service: { account: HUB, subject: ${quoted(subject)} }${to} }`;
}

function user(key: string): string {
  return `{ nkey: ${key}, allowed_connection_types: ["STANDARD"] }`;
}

function quoted(text: string): string {
  if (/["\\\n\r]/.test(text)) {
    throw new ComityError('CONFIG_INVALID', `\`${text}\` cannot stand in the server's configuration`);
  }
  return `"${text}"`;
}
