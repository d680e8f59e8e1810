/** Pulling from one durable: order, bounds and acknowledgement (docs/wire.md, Consumers). */
import { utf8 } from '../bytes.ts';
import type { Cancel, Clock } from '../clock.ts';
import { limits } from '../limits.ts';
import type { Log } from '../log.ts';
import { consumerInfo } from './consumer-info.ts';
import { apiPrefix } from './layout.ts';
import type { Heard, Link } from './link.ts';
import type { Delivery, DurableName, Following } from './port.ts';
import type { RateMeter } from './rate-meter.ts';

export type FollowOptions = Readonly<{
  link: Link;
  clock: Clock;
  log: Log;
  /** Bytes received over this link, all durables together. */
  received: RateMeter;
  durable: DurableName;
  onBatch: (batch: readonly Delivery[], durable: DurableName) => Promise<void>;
}>;

type Held = Readonly<{ delivery: Delivery; reply: string; bytes: number }>;
type Pull = { readonly inbox: string; left: number; got: number };

const empty = new Uint8Array();
const working = utf8('+WPI');
const giveBack = utf8('-NAK');
const nanosecondsInMs = 1_000_000;

export class DurableFollower implements Following {
  readonly #options: FollowOptions;
  readonly #address: string;
  #inbox = '';
  #pull: Pull | undefined;
  #pulls = 0;
  #waiting: Held[] = [];
  #waitingBytes = 0;
  #inHand: readonly Held[] = [];
  /** A message larger than the bound that the link's pace gave: the next pull asks for the most. */
  #large = false;
  #stopped = false;
  #draining: Promise<void> | undefined;
  #unsubscribe: Cancel = () => {};
  #cancelSilence: Cancel = () => {};
  #cancelWorking: Cancel = () => {};
  #endPause: () => void = () => {};
  readonly #unwatch: Cancel;

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#address = `${options.durable.stream}.${options.durable.durable}`;
    this.#unwatch = options.link.onState((state) => {
      if (state === 'connected') void this.#begin();
    });
    void this.#begin();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unwatch();
    this.#unsubscribe();
    this.#cancelSilence();
    this.#endPause();
    await this.#draining;
    for (const { reply } of this.#waiting) this.#options.link.send(reply, giveBack);
    this.#waiting = [];
    // Once the hub has read this, nothing more goes to a pull that nobody listens to.
    await this.#options.link.flush();
  }

  /** Each connection begins anew; what was asked for under the last one is not waited for. */
  async #begin(): Promise<void> {
    const { link } = this.#options;
    const { generation } = link;
    this.#unsubscribe();
    this.#pull = undefined;
    const inbox = link.inbox();
    this.#inbox = inbox;
    this.#unsubscribe = link.subscribe(`${inbox}.*`, (heard) => this.#receive(heard, inbox));
    for (let attempt = 0; this.#current(inbox) && link.generation === generation; attempt++) {
      // A pull before the hub has its consumer back would be lost without a word.
      if ((await consumerInfo(link, this.#address)) !== undefined) return this.#ask();
      await this.#pause(Math.min(limits.reconnectDelayMsMax, 50 * 2 ** Math.min(attempt, 10)));
    }
  }

  #current(inbox: string): boolean {
    return !this.#stopped && this.#inbox === inbox && this.#options.link.state === 'connected';
  }

  #ask(): void {
    const room = limits.pullMessagesMax - this.#waiting.length;
    if (this.#stopped || this.#pull !== undefined || this.#inbox === '') return;
    if (room < limits.pullMessagesMax / 2 || this.#waitingBytes > limits.pullBytesMax / 2) return;
    this.#pull = { inbox: `${this.#inbox}.${this.#pulls++}`, left: room, got: 0 };
    const request = {
      batch: room,
      max_bytes: this.#large ? limits.pullBytesMax : this.#pullBytes(),
      expires: limits.pullExpiresMs * nanosecondsInMs,
      idle_heartbeat: limits.pullHeartbeatMs * nanosecondsInMs,
    };
    const subject = `${apiPrefix}.CONSUMER.MSG.NEXT.${this.#address}`;
    const sent = this.#options.link.sendWithReply(subject, utf8(JSON.stringify(request)), this.#pull.inbox);
    if (!sent) this.#pull = undefined;
    else this.#watchSilence();
  }

  /** What the link carried in the last second, so that another lane never waits long behind it. */
  #pullBytes(): number {
    const { received, clock } = this.#options;
    const pace = Math.max(limits.publishBatchBytesFirst, received.lastSecond(clock.nowMs()));
    return Math.min(limits.pullBytesMax, pace);
  }

  /** The hub says every minute that a pull still stands; silence for two means that it does not. */
  #watchSilence(): void {
    this.#cancelSilence();
    this.#cancelSilence = this.#options.clock.after(2 * limits.pullHeartbeatMs + 5000, () => {
      if (this.#options.link.state === 'connected') void this.#begin();
    });
  }

  #receive(heard: Heard, inbox: string): void {
    if (this.#stopped || this.#inbox !== inbox) return;
    this.#watchSilence();
    if (heard.subject.startsWith(`${inbox}.`)) this.#receiveStatus(heard);
    else {
      const held = heldOf(heard, this.#options.durable.stream);
      if (held !== undefined) this.#receiveMessage(held);
    }
  }

  #receiveMessage(held: Held): void {
    this.#options.received.add(held.bytes, this.#options.clock.nowMs());
    this.#waiting.push(held);
    this.#waitingBytes += held.bytes;
    if (this.#pull !== undefined) {
      this.#pull.got += 1;
      this.#pull.left -= 1;
      if (this.#pull.left === 0) this.#pull = undefined;
    }
    // An empty message ends the reply of a streamed service import, so the server drops what follows it:
    // any member could stall us by sending one. What was lost on the way comes again after the ack wait.
    if (held.delivery.data.length === 0) void this.#begin();
    this.#draining ??= this.#drain();
  }

  #receiveStatus({ subject, status, description: reason }: Heard): void {
    if (status === 100 || subject !== this.#pull?.inbox) return;
    const { got } = this.#pull;
    this.#pull = undefined;
    const overBytes = status === 409 && /maxbytes/i.test(reason);
    this.#large = overBytes && got === 0;
    if (overBytes || status === 404 || status === 408) {
      this.#ask();
      return;
    }
    const { log, durable } = this.#options;
    log.warn('hub.pull.refused', { durable: durable.durable, stream: durable.stream, status, reason });
    void this.#begin();
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#stopped) {
      await this.#gather();
      this.#inHand = this.#take();
      this.#ask();
      this.#keepWorking();
      const done = await this.#handOver();
      // Persisted by now. Where the process or the link ends before the hub hears, it delivers again.
      for (const { reply } of this.#inHand) this.#options.link.send(reply, done ? empty : giveBack);
      this.#cancelWorking();
      this.#inHand = [];
    }
    this.#draining = undefined;
    this.#ask();
  }

  /** What is on its way already is handed over as one batch: each costs a sync, however small it is. */
  async #gather(): Promise<void> {
    let before = 0;
    while (this.#waiting.length > before && this.#waiting.length < limits.pullMessagesMax && !this.#stopped) {
      before = this.#waiting.length;
      await new Promise((read) => setImmediate(read));
    }
  }

  /** Hands the same batch over until it is taken: giving it back would let later messages pass it. */
  async #handOver(): Promise<boolean> {
    const { durable, onBatch, log } = this.#options;
    for (let failures = 0; !this.#stopped; failures++) {
      const batch = this.#inHand.map(({ delivery }) => ({
        ...delivery,
        delivered: delivery.delivered + failures,
      }));
      try {
        await onBatch(batch, durable);
        return true;
      } catch (error) {
        const reason = error instanceof Error ? error.message.slice(0, 200) : 'unknown';
        log.warn('hub.batch.refused', { durable: durable.durable, stream: durable.stream, reason });
        if (!this.#stopped)
          await this.#pause(Math.min(limits.batchRetryMsMax, 100 * 2 ** Math.min(failures, 12)));
      }
    }
    return false;
  }

  #take(): readonly Held[] {
    let count = 0;
    let bytes = 0;
    for (const held of this.#waiting) {
      if (count === limits.pullMessagesMax || (count > 0 && bytes + held.bytes > limits.pullBytesMax)) break;
      bytes += held.bytes;
      count += 1;
    }
    this.#waitingBytes -= bytes;
    return this.#waiting.splice(0, count);
  }

  /** Tells the hub that what is held is still being worked on, before it delivers it again. */
  #keepWorking(): void {
    this.#cancelWorking = this.#options.clock.after(limits.ackWaitMs / 3, () => {
      for (const { reply } of [...this.#inHand, ...this.#waiting]) this.#options.link.send(reply, working);
      this.#keepWorking();
    });
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((done) => {
      const cancel = this.#options.clock.after(delayMs, done);
      this.#endPause = () => {
        cancel();
        done();
      };
    });
  }
}

/**
 * `$JS.ACK.<stream>.<consumer>.<delivered>.<stream sequence>.<consumer sequence>.<time>.<pending>`, or the
 * same after a domain and an account. Undefined where the reply subject is neither.
 */
function heldOf({ subject, reply, data, bytes }: Heard, stream: string): Held | undefined {
  const tokens = reply.split('.');
  if (tokens[0] !== '$JS' || tokens[1] !== 'ACK') return undefined;
  const at = tokens.length === 9 ? 2 : 4;
  const delivered = Number(tokens[at + 2]);
  const streamSequence = Number(tokens[at + 3]);
  if (tokens[at] !== stream || !Number.isSafeInteger(delivered) || !Number.isSafeInteger(streamSequence)) {
    return undefined;
  }
  return { delivery: { stream, streamSequence, subject, data, delivered }, reply, bytes };
}
