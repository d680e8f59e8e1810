/** What the hub says of one of our durables, and of its clock. */
import { utf8Text } from '../bytes.ts';
import { limits } from '../limits.ts';
import { apiPrefix } from './layout.ts';
import { type Link, LinkError } from './link.ts';

export type ConsumerState = Readonly<{
  pending: number;
  ackPending: number;
  serverTimeMs: number | undefined;
}>;

/** `address` is `<stream>.<durable>`. Undefined where the hub has no such consumer, or does not answer. */
export async function consumerInfo(link: Link, address: string): Promise<ConsumerState | undefined> {
  try {
    const subject = `${apiPrefix}.CONSUMER.INFO.${address}`;
    const { data, status } = await link.request(subject, new Uint8Array(), {
      timeoutMs: limits.hubApiTimeoutMs,
    });
    if (status !== 0) return undefined;
    const info = JSON.parse(utf8Text(data)) as Readonly<Record<string, unknown>>;
    if (info['error'] !== undefined) return undefined;
    const time = Date.parse(String(info['ts']));
    return {
      pending: Number(info['num_pending'] ?? 0),
      ackPending: Number(info['num_ack_pending'] ?? 0),
      serverTimeMs: Number.isNaN(time) ? undefined : time,
    };
  } catch (error) {
    if (error instanceof LinkError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
