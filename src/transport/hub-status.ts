/** How full the hub is, who fills it, and who lags (docs/wire.md, Quota). */
import { limits } from '../limits.ts';
import { type AgencyId, isAgencyId } from '../types.ts';
import type { HubConnection } from './hub-connection.ts';

export type StreamStatus = Readonly<{
  name: string;
  messages: number;
  bytes: number;
  bytesMax: number;
  /** 0 to 1. */
  fill: number;
  /** The highest warning level that the fill has reached. */
  warning?: number;
}>;
export type ConsumerStatus = Readonly<{
  stream: string;
  durable: string;
  /** Not delivered yet. */
  pending: number;
  /** Delivered and not acknowledged. */
  ackPending: number;
  redelivered: number;
  /** Pulls that stand: none means that no gateway is listening. */
  pulls: number;
}>;
export type HubStatus = Readonly<{ streams: readonly StreamStatus[]; consumers: readonly ConsumerStatus[] }>;

export type SenderUse = Readonly<{
  agency: AgencyId;
  stream: string;
  messages: number;
  /** Its messages at the stream's mean size: the hub counts messages by subject, not bytes. */
  bytesAbout: number;
  /** Of what the stream may hold, 0 to 1. */
  share: number;
}>;

export async function hubStatus(hub: HubConnection): Promise<HubStatus> {
  const streams: StreamStatus[] = [];
  const consumers: ConsumerStatus[] = [];
  for await (const { config, state } of hub.manager.streams.list()) {
    streams.push(streamStatus(config.name, state, config.max_bytes));
    for await (const info of hub.manager.consumers.list(config.name)) {
      consumers.push({
        stream: config.name,
        durable: info.name,
        pending: info.num_pending,
        ackPending: info.num_ack_pending,
        redelivered: info.num_redelivered,
        pulls: info.num_waiting,
      });
    }
  }
  return { streams, consumers };
}

function streamStatus(
  name: string,
  { messages, bytes }: { messages: number; bytes: number },
  bytesMax: number,
): StreamStatus {
  const fill = bytesMax > 0 ? bytes / bytesMax : 0;
  const warning = limits.hubFillWarnings.findLast((level) => fill >= level);
  return { name, messages, bytes, bytesMax, fill, ...(warning === undefined ? {} : { warning }) };
}

/** What each sender holds of each stream, the largest share first. */
export async function senderUse(hub: HubConnection): Promise<SenderUse[]> {
  const uses: SenderUse[] = [];
  const names: string[] = [];
  for await (const { config } of hub.manager.streams.list()) names.push(config.name);
  for (const stream of names) {
    const { state, config } = await hub.manager.streams.info(stream, { subjects_filter: 'comity.>' });
    const bySender = new Map<AgencyId, number>();
    for (const [subject, messages] of Object.entries(state.subjects ?? {})) {
      const agency = subject.split('.').slice(1, 3).join('.');
      if (isAgencyId(agency)) bySender.set(agency, (bySender.get(agency) ?? 0) + messages);
    }
    const mean = state.messages === 0 ? 0 : state.bytes / state.messages;
    for (const [agency, messages] of bySender) {
      const bytesAbout = Math.round(messages * mean);
      uses.push({ agency, stream, messages, bytesAbout, share: bytesAbout / Math.max(config.max_bytes, 1) });
    }
  }
  return uses.sort((a, b) => b.share - a.share);
}

/**
 * Removes everything that one agency has published but its statements, after its publish exports
 * were withdrawn (`overQuota` in the plan). Its outbox keeps what was not receipted.
 */
export async function purgeSender(hub: HubConnection, agency: AgencyId): Promise<number> {
  let purged = 0;
  const names: string[] = [];
  for await (const { config } of hub.manager.streams.list()) names.push(config.name);
  for (const name of names) {
    for (const filter of [`comity.${agency}.all.>`, `comity.${agency}.to.>`, `comity.${agency}.beat.>`]) {
      purged += (await hub.manager.streams.purge(name, { filter })).purged;
    }
  }
  return purged;
}
