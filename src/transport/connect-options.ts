/** How every connection to the hub is made: TLS off loopback, own inboxes, no end of trying. */
import { type NodeConnectionOptions, nkeyAuthenticator } from '@nats-io/transport-node';
import { utf8 } from '../bytes.ts';
import { ComityError } from '../errors.ts';
import { isLoopback } from './hub-config.ts';

export type HubAddress = Readonly<{
  /** `host:port`, one or more of one hub. */
  servers: readonly string[];
  /** The hub's CA, PEM text. Absent only where every server is on loopback. */
  tls?: Readonly<{ ca: string }> | undefined;
}>;

/** Throws CONFIG_INVALID where the link would go off loopback in clear text. */
export function checkServers({ servers, tls }: HubAddress): void {
  if (servers.length === 0) throw new ComityError('CONFIG_INVALID', 'no hub server is named');
  const open = servers.filter((server) => !isLoopback(hostOf(server)));
  if (tls !== undefined || open.length === 0) return;
  const problems = open.map((server) => ({
    path: 'hub.servers',
    message: `\`${server}\` is off loopback and needs TLS`,
  }));
  throw new ComityError('CONFIG_INVALID', 'the hub must not be reached in clear text', { problems });
}

function hostOf(server: string): string {
  try {
    return new URL(`tls://${server}`).hostname.replace(/^\[|\]$/g, '');
  } catch {
    throw new ComityError('CONFIG_INVALID', `\`${server}\` is not host:port`);
  }
}

export function connectOptions(
  options: HubAddress & Readonly<{ name: string; natsSeed: string }>,
): NodeConnectionOptions {
  checkServers(options);
  const { servers, tls, name, natsSeed } = options;
  return {
    servers: [...servers],
    name,
    authenticator: nkeyAuthenticator(utf8(natsSeed)),
    inboxPrefix: inboxPrefix(name),
    noAsyncTraces: true,
    ignoreClusterUpdates: true,
    // The client's own limits end a link for good; here only `close` does.
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: 200,
    reconnectJitter: 100,
    reconnectJitterTLS: 100,
    timeout: 5000,
    pingInterval: 20_000,
    maxPingOut: 2,
    ...(tls === undefined ? {} : { tls: tlsOptions(tls.ca) }),
  };
}

export function inboxPrefix(name: string): string {
  return `_INBOX.${name.replaceAll('.', '_')}`;
}

/** The client hands unknown members on to Node's TLS, which is how the version is pinned. */
function tlsOptions(ca: string): { handshakeFirst: true; ca: string } {
  const options = { handshakeFirst: true as const, ca, minVersion: 'TLSv1.3' };
  return options;
}
