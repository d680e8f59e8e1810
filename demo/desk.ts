/** One agency's desk: its gateway's HTTP API, as a case system would use it. */
import type {
  AgencyId,
  Health,
  MessageSummary,
  MessageView,
  Page,
  Preview,
  QuarantineView,
  Reason,
  ReceiptsView,
  Submission,
} from '../src/index.ts';

export type Refusal = Readonly<{
  status: number;
  code: string;
  detail?: string;
  reasons?: readonly Reason[];
}>;
export type Answer<T> = Readonly<{ taken: true; value: T }> | Readonly<{ taken: false; refusal: Refusal }>;
type Query = Readonly<Record<string, string | number>>;

const pageRows = 200;

export class Desk {
  readonly agency: AgencyId;
  readonly #url: string;
  readonly #token: string;

  constructor(gateway: Readonly<{ agency: AgencyId; url: string; token: string }>) {
    this.agency = gateway.agency;
    this.#url = gateway.url;
    this.#token = gateway.token;
  }

  preview(draft: unknown): Promise<Preview> {
    return this.#json('/v1/previews', { draft });
  }

  /** What the gateway answers to a draft, refusals included; throws where it does not answer. */
  async offer(draft: unknown, key?: string): Promise<Answer<Submission>> {
    const answer = await this.#ask('/v1/messages', { draft, key });
    const body: unknown = await answer.json();
    if (answer.ok) return { taken: true, value: body as Submission };
    return { taken: false, refusal: { ...(body as Refusal), status: answer.status } };
  }

  async send(draft: unknown, key?: string): Promise<Submission> {
    const answer = await this.offer(draft, key);
    if (answer.taken) return answer.value;
    const { code, detail = '' } = answer.refusal;
    throw new Error(`${this.agency} refused a draft: ${code} ${detail}`);
  }

  /** All that match, oldest first. */
  async messages(query: Query, after = 0): Promise<MessageSummary[]> {
    const found: MessageSummary[] = [];
    for (let cursor = after; ; ) {
      const { items } = await this.#json<Page<MessageSummary>>('/v1/messages', {
        query: { ...query, after: cursor, limit: pageRows },
      });
      found.push(...items);
      cursor = items.at(-1)?.cursor ?? cursor;
      if (items.length < pageRows) return found;
    }
  }

  /** The newest message's cursor; 0 where there is none. */
  async newest(): Promise<number> {
    const { items } = await this.#json<Page<MessageSummary>>('/v1/messages', { query: { limit: 1 } });
    return items[0]?.cursor ?? 0;
  }

  message(id: string): Promise<MessageView> {
    return this.#json(`/v1/messages/${id}`);
  }

  receipts(id: string): Promise<ReceiptsView> {
    return this.#json(`/v1/messages/${id}/receipts`);
  }

  async envelope(id: string): Promise<Uint8Array> {
    const answer = await this.#ask(`/v1/messages/${id}/envelope`);
    if (!answer.ok) throw new Error(`${this.agency} has no envelope of ${id}`);
    return new Uint8Array(await answer.arrayBuffer());
  }

  /** Newest first. */
  async quarantine(): Promise<readonly QuarantineView[]> {
    const { items } = await this.#json<Page<QuarantineView>>('/v1/quarantine', {
      query: { limit: pageRows },
    });
    return items;
  }

  health(): Promise<Health> {
    return this.#json('/v1/health');
  }

  async #json<T>(path: string, o: Asked = {}): Promise<T> {
    const answer = await this.#ask(path, o);
    const body: unknown = await answer.json();
    if (answer.ok) return body as T;
    throw new Error(`${this.agency} ${path}: ${(body as Refusal).code}`);
  }

  #ask(path: string, { query = {}, draft, key }: Asked = {}): Promise<Response> {
    const url = new URL(path, this.#url);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
    const headers = {
      authorization: `Bearer ${this.#token}`,
      ...(draft === undefined ? {} : { 'content-type': 'application/json' }),
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    };
    const sent = draft === undefined ? {} : { method: 'POST', body: JSON.stringify(draft) };
    return fetch(url, { ...sent, headers, redirect: 'error' });
  }
}

type Asked = Readonly<{ query?: Query; draft?: unknown; key?: string | undefined }>;
