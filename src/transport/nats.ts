/** The transport over NATS JetStream, as one agency: see `port.ts` for its duties. */
import type { Cancel, Clock } from '../clock.ts';
import { ComityError } from '../errors.ts';
import type { Random } from '../ids.ts';
import { limits } from '../limits.ts';
import type { Log } from '../log.ts';
import type { AgencyId } from '../types.ts';
import type { HubAddress } from './connect-options.ts';
import { consumerInfo } from './consumer-info.ts';
import { DurableFollower } from './follow.ts';
import { apiPrefix, directoryStream, durableName } from './layout.ts';
import { type Link, LinkError, openLink } from './link.ts';
import type {
  Delivery,
  DurableName,
  Following,
  LinkState,
  Outgoing,
  PublishOutcome,
  Transport,
} from './port.ts';
import { publishBatch, publishOne } from './publish.ts';
import { createRateMeter } from './rate-meter.ts';

export type ConnectHubOptions = HubAddress &
  Readonly<{
    agency: AgencyId;
    /** Secret, `SU…`; its public key stands in the agency's statement. */
    natsSeed: string;
    clock: Clock;
    random: Random;
    log: Log;
  }>;

/**
 * Opens the agency's link to its hub and returns at once, connected or not: it connects and mends
 * itself until closed. Throws CONFIG_INVALID for servers off loopback without TLS, KEY_FILE_INVALID
 * for a seed that does not decode.
 */
export async function connectHub(options: ConnectHubOptions): Promise<Transport> {
  return new NatsTransport(options);
}

class NatsTransport implements Transport {
  clockOffsetMs: number | undefined;
  readonly #options: ConnectHubOptions;
  readonly #link: Link;
  readonly #carried = createRateMeter();
  readonly #received = createRateMeter();
  readonly #following = new Set<Following>();
  #cancelMeasure: Cancel = () => {};

  constructor(options: ConnectHubOptions) {
    this.#options = options;
    this.#link = openLink({ ...options, name: options.agency });
    this.#link.onState((state) => {
      this.#cancelMeasure();
      if (state === 'connected') void this.#measureClock();
    });
  }

  get state(): LinkState {
    return this.#link.state;
  }

  get bytesLastSecond(): number {
    return this.#carried.lastSecond(this.#options.clock.nowMs());
  }

  onState(run: (state: LinkState) => void): Cancel {
    return this.#link.onState(run);
  }

  async publishBatch(rows: readonly Outgoing[]): Promise<PublishOutcome> {
    return await publishBatch({ ...this.#options, link: this.#link, carried: this.#carried }, rows);
  }

  async publishOne(row: Outgoing): Promise<PublishOutcome> {
    return await publishOne({ ...this.#options, link: this.#link, carried: this.#carried }, row);
  }

  async lastOn(
    stream: string,
    subject: string,
  ): Promise<Readonly<{ sequence: number; data: Uint8Array }> | undefined> {
    const address = `${apiPrefix}.DIRECT.GET.${stream}.${subject}`;
    try {
      const reply = await this.#link.request(address, new Uint8Array(), {
        timeoutMs: limits.hubApiTimeoutMs,
      });
      if (reply.status === 404) return undefined;
      const sequence = Number(reply.header('Nats-Sequence'));
      if (reply.status === 0 && Number.isSafeInteger(sequence) && sequence > 0) {
        return { sequence, data: reply.data };
      }
      throw new ComityError('HUB_REJECTED', `the hub does not show the last message on \`${subject}\``);
    } catch (error) {
      if (!(error instanceof LinkError)) throw error;
      throw new ComityError('HUB_UNREACHABLE', undefined, { cause: error });
    }
  }

  async follow(
    durables: readonly DurableName[],
    onBatch: (batch: readonly Delivery[], durable: DurableName) => Promise<void>,
  ): Promise<Following> {
    const { clock, log } = this.#options;
    const followers = durables.map(
      (durable) =>
        new DurableFollower({ link: this.#link, clock, log, received: this.#received, durable, onBatch }),
    );
    const following: Following = {
      stop: async () => {
        this.#following.delete(following);
        await Promise.all(followers.map((follower) => follower.stop()));
      },
    };
    this.#following.add(following);
    return following;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#following].map((following) => following.stop()));
    this.#cancelMeasure();
    await this.#link.close();
  }

  /** The hub's time in the middle of a round trip. Bounds nothing by itself: a hub may lie about it. */
  async #measureClock(): Promise<void> {
    const { agency, clock } = this.#options;
    const askedMs = clock.nowMs();
    const info = await consumerInfo(this.#link, `${directoryStream}.${durableName(agency, 'directory')}`);
    const answeredMs = clock.nowMs();
    if (info?.serverTimeMs !== undefined) {
      this.clockOffsetMs = Math.round(info.serverTimeMs - (askedMs + answeredMs) / 2);
    }
    this.#cancelMeasure = clock.after(limits.clockMeasureMs, () => void this.#measureClock());
  }
}
