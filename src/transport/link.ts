/** One connection to the hub that mends itself, and never buffers across a disconnect. */
import {
  connect,
  createInbox,
  headers,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  NoRespondersError,
  RequestError,
  type Status,
  type Subscription,
} from '@nats-io/transport-node';
import type { Cancel, Clock } from '../clock.ts';
import { ComityError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { Log } from '../log.ts';
import { checkServers, connectOptions, type HubAddress, inboxPrefix } from './connect-options.ts';
import { publicKeyOfSeed } from './nats-keys.ts';
import type { LinkState } from './port.ts';

export type LinkOptions = HubAddress &
  Readonly<{
    /** What the server calls the connection. */ name: string;
    natsSeed: string;
    clock: Clock;
    log: Log;
  }>;

export type Headers = Readonly<Record<string, string>>;
export type Reply = Readonly<{
  data: Uint8Array;
  status: number;
  description: string;
  header(name: string): string;
}>;
export type Heard = Reply & Readonly<{ subject: string; reply: string; bytes: number }>;

export interface Link {
  readonly state: LinkState;
  /** Counts connections, so that what began under one can see that it is gone. */
  readonly generation: number;
  /** The server's own words about itself; undefined until connected. */
  readonly server: NatsConnection['info'];
  onState(run: (state: LinkState) => void): Cancel;
  /** False where the link is down: nothing was sent. */
  send(subject: string, data: Uint8Array, headers?: Headers): boolean;
  /** Like `send`, with a reply subject of the sender's choosing. */
  sendWithReply(subject: string, data: Uint8Array, reply: string): boolean;
  /** Rejects with LinkError; a status such as 503 is an answer. */
  request(subject: string, data: Uint8Array, options: RequestOptions): Promise<Reply>;
  subscribe(subject: string, run: (heard: Heard) => void): Cancel;
  /** Never used before, by this link or an earlier one: the hub may still answer an earlier pull. */
  inbox(): string;
  /** Resolves once the hub has read what was sent, or within a bound without it. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export type RequestOptions = Readonly<{ timeoutMs: number; headers?: Headers }>;

/** No answer came, so what was asked may or may not have happened. */
export class LinkError extends Error {}

type Entry = { readonly subject: string; readonly run: (heard: Heard) => void; live?: Subscription };

/** Throws CONFIG_INVALID where the link would go off loopback in clear text. Returns at once; the link connects by itself. */
export function openLink(options: LinkOptions): Link {
  checkServers(options);
  publicKeyOfSeed(options.natsSeed);
  return new NatsLink(options);
}

class NatsLink implements Link {
  state: LinkState = 'connecting';
  generation = 0;
  readonly #options: LinkOptions;
  readonly #listeners = new Set<(state: LinkState) => void>();
  readonly #entries = new Set<Entry>();
  #connection: NatsConnection | undefined;
  #cancelRetry: Cancel = () => {};
  #down = rejectable();

  constructor(options: LinkOptions) {
    this.#options = options;
    void this.#dial(0);
  }

  get server(): NatsConnection['info'] {
    return this.#connection?.info;
  }

  onState(run: (state: LinkState) => void): Cancel {
    this.#listeners.add(run);
    return () => this.#listeners.delete(run);
  }

  send(subject: string, data: Uint8Array, fields?: Headers): boolean {
    const open = this.#usable();
    open?.publish(subject, data, fields === undefined ? {} : { headers: headersOf(fields) });
    return open !== undefined;
  }

  sendWithReply(subject: string, data: Uint8Array, reply: string): boolean {
    const open = this.#usable();
    open?.publish(subject, data, { reply });
    return open !== undefined;
  }

  async request(subject: string, data: Uint8Array, options: RequestOptions): Promise<Reply> {
    const open = this.#usable();
    if (open === undefined) throw new LinkError('the link is down');
    // The client would let a request run to its time-out after a disconnect.
    return await Promise.race([ask(open, { subject, data, ...options }), this.#down.promise]);
  }

  subscribe(subject: string, run: (heard: Heard) => void): Cancel {
    const entry: Entry = { subject, run };
    this.#entries.add(entry);
    if (this.#connection !== undefined) entry.live = listen(this.#connection, entry);
    return () => {
      this.#entries.delete(entry);
      entry.live?.unsubscribe();
    };
  }

  inbox(): string {
    return createInbox(inboxPrefix(this.#options.name));
  }

  async flush(): Promise<void> {
    const open = this.#usable();
    if (open === undefined) return;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(limits.hubApiTimeoutMs, resolve);
    await Promise.race([open.flush(), this.#down.promise, late]).catch(() => {});
    cancel();
  }

  async close(): Promise<void> {
    await this.flush();
    this.#cancelRetry();
    this.#enter('closed');
    await this.#connection?.close();
  }

  #usable(): NatsConnection | undefined {
    return this.state === 'connected' ? this.#connection : undefined;
  }

  #enter(next: LinkState): void {
    if (this.state === next || this.state === 'closed') return;
    this.state = next;
    if (next === 'connected') this.generation += 1;
    else {
      this.#down.reject(new LinkError('the link went down'));
      this.#down = rejectable();
    }
    this.#options.log.info('hub.link', { name: this.#options.name, state: next });
    for (const run of [...this.#listeners]) run(next);
  }

  async #dial(attempt: number): Promise<void> {
    try {
      const opened = await connect(connectOptions(this.#options));
      if (this.#isClosed()) return void (await opened.close());
      this.#connection = opened;
      for (const entry of this.#entries) entry.live = listen(opened, entry);
      void this.#followStatus(opened);
      this.#enter('connected');
    } catch (error) {
      if (this.#isClosed()) return;
      this.#options.log.warn('hub.link.refused', { name: this.#options.name, reason: wordsOf(error) });
      this.#retry(attempt + 1);
    }
  }

  #retry(attempt: number): void {
    const delayMs = Math.min(limits.reconnectDelayMsMax, 50 * 2 ** Math.min(attempt, 10));
    this.#cancelRetry = this.#options.clock.after(delayMs, () => void this.#dial(attempt));
  }

  #isClosed(): boolean {
    return this.state === 'closed';
  }

  async #followStatus(opened: NatsConnection): Promise<void> {
    for await (const status of opened.status()) this.#note(status);
    // The client gives up on some errors; a gateway never does.
    if (this.#isClosed()) return;
    this.#connection = undefined;
    this.#enter('disconnected');
    this.#retry(1);
  }

  #note(status: Status): void {
    if (status.type === 'disconnect') this.#enter('disconnected');
    else if (status.type === 'reconnect') this.#enter('connected');
    else if (status.type === 'error') {
      this.#options.log.warn('hub.link.error', { name: this.#options.name, reason: wordsOf(status.error) });
    }
  }
}

function rejectable(): { promise: Promise<never>; reject: (error: Error) => void } {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {});
  return { promise, reject };
}

/** Resolves once the link is up; rejects with HUB_UNREACHABLE when it was closed instead. */
export async function whenConnected(link: Pick<Link, 'state' | 'onState'>): Promise<void> {
  if (link.state === 'connected') return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const cancel = link.onState((state) => {
    if (state === 'connected') resolve();
    if (state === 'closed') reject(new ComityError('HUB_UNREACHABLE', 'the link was closed'));
  });
  await promise.finally(cancel);
}

type Asked = RequestOptions & Readonly<{ subject: string; data: Uint8Array }>;

async function ask(
  open: NatsConnection,
  { subject, data, timeoutMs, headers: fields }: Asked,
): Promise<Reply> {
  const more = fields === undefined ? {} : { headers: headersOf(fields) };
  try {
    return replyOf(await open.request(subject, data, { timeout: timeoutMs, ...more }));
  } catch (error) {
    if (noResponders(error))
      return { data: new Uint8Array(), status: 503, description: '', header: () => '' };
    throw new LinkError(wordsOf(error), { cause: error });
  }
}

function noResponders(error: unknown): boolean {
  if (error instanceof RequestError) return error.isNoResponders();
  return error instanceof NoRespondersError;
}

function listen(open: NatsConnection, entry: Entry): Subscription {
  return open.subscribe(entry.subject, {
    callback: (error, message) => {
      if (error !== null) return;
      entry.run({
        ...replyOf(message),
        subject: message.subject,
        reply: message.reply ?? '',
        bytes: message.data.length + message.subject.length + (message.reply?.length ?? 0),
      });
    },
  });
}

function replyOf(message: Msg): Reply {
  const fields = message.headers;
  return {
    data: message.data,
    status: fields?.code ?? 0,
    description: fields?.description ?? '',
    header: (name) => fields?.get(name) ?? '',
  };
}

function headersOf(fields: Headers): MsgHdrs {
  const result = headers();
  for (const [name, value] of Object.entries(fields)) result.set(name, value);
  return result;
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 200) : 'unknown';
}
