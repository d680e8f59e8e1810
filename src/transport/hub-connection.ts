/** The connection of the hub's own tools: account HUB, which owns the streams, or SYS. */
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { ComityError } from '../errors.ts';
import { limits } from '../limits.ts';
import { connectOptions, type HubAddress } from './connect-options.ts';

export type HubToolOptions = HubAddress & Readonly<{ /** Secret, `SU…`. */ natsSeed: string; name: string }>;

/** Opaque outside this module. */
export type HubConnection = Readonly<{
  connection: NatsConnection;
  jetstream: JetStreamClient;
  manager: JetStreamManager;
  close(): Promise<void>;
}>;

/** Throws HUB_UNREACHABLE, or CONFIG_INVALID for clear text off loopback. */
export async function connectHubTools(options: HubToolOptions): Promise<HubConnection> {
  try {
    const connection = await connect(connectOptions(options));
    const manager = await jetstreamManager(connection, { checkAPI: false, timeout: limits.hubApiTimeoutMs });
    return {
      connection,
      manager,
      jetstream: jetstream(connection, { timeout: limits.hubApiTimeoutMs }),
      close: async () => await connection.close(),
    };
  } catch (cause) {
    if (cause instanceof ComityError) throw cause;
    const reason = cause instanceof Error ? `: ${cause.message}` : '';
    throw new ComityError('HUB_UNREACHABLE', `the hub does not answer${reason}`, { cause });
  }
}
