/** The HTTP API as client verbs use it: bounded answers, problems turned back into our errors. */
import { z } from 'zod';
import { ComityError, isErrorCode } from '../errors.ts';
import { limits } from '../limits.ts';

export type ClientOptions = Readonly<{ url: URL; token: string; signal: AbortSignal }>;

export interface Client {
  /** The JSON of an answer; throws the error that the problem names. */
  get<T>(path: string, query?: Readonly<Record<string, string | number | undefined>>): Promise<T>;
  getBytes(path: string): Promise<Uint8Array>;
  post<T>(path: string, body: Uint8Array, headers?: Readonly<Record<string, string>>): Promise<T>;
  /** Calls back once it follows, then for each event; resolves when the link ends. */
  follow(onEvent: () => void): Promise<void>;
}

const problemShape = z.object({
  code: z.string(),
  detail: z.string().optional(),
  title: z.string().optional(),
  problems: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  reasons: z.array(z.object({ policy: z.string(), text: z.string() })).optional(),
});

export function createClient(options: ClientOptions): Client {
  const ask = async (path: string, init: RequestInit = {}): Promise<Uint8Array> => {
    const answer = await request(options, path, init);
    const bytes = await readBounded(answer);
    if (!answer.ok) throw errorOf(bytes, answer.status);
    return bytes;
  };
  return {
    get: async (path, query = {}) => parsed(await ask(path + queryText(query))),
    getBytes: (path) => ask(path),
    post: async (path, body, headers = {}) =>
      parsed(
        await ask(path, {
          method: 'POST',
          body: Uint8Array.from(body),
          headers: { 'content-type': 'application/json', ...headers },
        }),
      ),
    follow: (onEvent) => follow(options, onEvent),
  };
}

async function request(
  { url, token, signal }: ClientOptions,
  path: string,
  init: RequestInit,
): Promise<Response> {
  try {
    return await fetch(new URL(path, url), {
      ...init,
      headers: { authorization: `Bearer ${token}`, ...(init.headers as Record<string, string> | undefined) },
      // A redirect would take the token elsewhere.
      redirect: 'error',
      signal,
    });
  } catch (error) {
    throw new ComityError('GATEWAY_UNREACHABLE', `no gateway answers at \`${url.origin}\``, { cause: error });
  }
}

async function readBounded(answer: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body ?? []) {
    length += chunk.length;
    if (length > limits.responseBytesMax) {
      throw new ComityError('GATEWAY_UNREACHABLE', 'the answer exceeds its bound');
    }
    chunks.push(chunk);
  }
  return Uint8Array.from(Buffer.concat(chunks));
}

function parsed<T>(bytes: Uint8Array): T {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as T;
  } catch (error) {
    throw new ComityError('GATEWAY_UNREACHABLE', 'what answers is no gateway', { cause: error });
  }
}

function errorOf(bytes: Uint8Array, status: number): ComityError {
  const read = problemShape.safeParse(parsedOrNothing(bytes));
  if (!read.success) {
    return new ComityError('GATEWAY_UNREACHABLE', `what answers is no gateway: HTTP ${status}`);
  }
  const { code, detail, title, problems = [], reasons = [] } = read.data;
  return new ComityError(isErrorCode(code) ? code : 'INTERNAL', detail ?? title ?? code, {
    problems,
    reasons,
  });
}

function parsedOrNothing(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}

function queryText(query: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}

/** Only that something happened is taken from the stream; what it was is asked for. */
async function follow(options: ClientOptions, onEvent: () => void): Promise<void> {
  const answer = await request(options, '/v1/events', { headers: { accept: 'text/event-stream' } });
  if (!answer.ok) throw errorOf(await readBounded(answer), answer.status);
  onEvent();
  try {
    for await (const chunk of answer.body ?? []) {
      if (chunk.length > 0) onEvent();
    }
  } catch (error) {
    if (!options.signal.aborted) {
      throw new ComityError('GATEWAY_UNREACHABLE', 'the gateway ended the connection', { cause: error });
    }
  }
}
