/** A bare NATS client, with none of a gateway's manners: for demonstrations and tests of what the hub refuses. */
import { headers } from '@nats-io/transport-node';
import { utf8 } from '../bytes.ts';
import { connectHubTools, type HubToolOptions } from './hub-connection.ts';

export type RawMessage = Readonly<{ subject: string; data: Uint8Array; reply: string; status: number }>;
export type RawPublish = Readonly<{ reply?: string; headers?: Readonly<Record<string, string>> }>;

export interface RawClient {
  /** The server's id, as it tells every client. */
  readonly serverId: string;
  publish(subject: string, data: string | Uint8Array, options?: RawPublish): void;
  /** A subscription that the server refuses ends in silence. */
  subscribe(subject: string, run: (message: RawMessage) => void, queue?: string): void;
  /** Resolves once the server has read what was sent. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** `name` decides the inboxes that the client may use: `_INBOX.<name, underscored>.>`. Throws HUB_UNREACHABLE. */
export async function connectRaw(options: HubToolOptions): Promise<RawClient> {
  const { connection, close } = await connectHubTools(options);
  return {
    serverId: connection.info?.server_id ?? '',
    publish(subject, data, { reply, headers: given } = {}) {
      connection.publish(subject, typeof data === 'string' ? utf8(data) : data, {
        ...(reply === undefined ? {} : { reply }),
        ...(given === undefined ? {} : { headers: carried(given) }),
      });
    },
    subscribe(subject, run, queue) {
      connection.subscribe(subject, {
        ...(queue === undefined ? {} : { queue }),
        callback: (error, message) => {
          if (error !== null) return;
          const { data, reply = '', headers: heard } = message;
          run({ subject: message.subject, data, reply, status: heard?.code ?? 0 });
        },
      });
    },
    flush: () => connection.flush(),
    close,
  };
}

function carried(given: Readonly<Record<string, string>>) {
  const result = headers();
  for (const [name, value] of Object.entries(given)) result.set(name, value);
  return result;
}
