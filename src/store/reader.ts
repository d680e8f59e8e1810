/** Searches on a thread of their own, so that a slow query never delays a message; the thread also writes the search index. */
import { Worker } from 'node:worker_threads';
import { ComityError, isErrorCode } from '../errors.ts';
import type { ListedMessage, MessageFilter } from './port.ts';

export interface Reader {
  /** What `messages.page` gives, as of when the thread comes to it. Rejects with STORE_FAILED once the reader is closed. */
  page(filter: MessageFilter, limit: number): Promise<readonly ListedMessage[]>;
  close(): Promise<void>;
}

export type ReaderOptions = Readonly<{ directory: string; storeKey: Uint8Array }>;

export type ReaderRequest = Readonly<{ id: number; filter: MessageFilter; limit: number }> | 'close';
export type ReaderAnswer = Readonly<
  { id: number } & ({ rows: readonly ListedMessage[] } | { code: string; message: string })
>;

type Waiting = Readonly<{
  resolve: (rows: readonly ListedMessage[]) => void;
  reject: (error: unknown) => void;
}>;

/** Reads the store that this process holds open. The store then opens with `indexing: 'reader'`. */
export function openReader({ directory, storeKey }: ReaderOptions): Reader {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const worker = new Worker(new URL(`./reader-thread.${extension}`, import.meta.url), {
    workerData: { directory, storeKey },
  });
  worker.unref();
  const waiting = new Map<number, Waiting>();
  let ended: ComityError | undefined;
  let last = 0;
  const end = (error: ComityError): void => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  worker.on('message', (answer: ReaderAnswer) => {
    const asked = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ('rows' in answer) asked?.resolve(answer.rows);
    else asked?.reject(answeredError(answer.code, answer.message));
  });
  worker.on('error', (cause) =>
    end(new ComityError('STORE_FAILED', 'the reader of the store failed', { cause })),
  );
  const exited = new Promise<void>((resolve) => {
    worker.on('exit', () => {
      end(new ComityError('STORE_FAILED', 'the reader of the store is closed'));
      resolve();
    });
  });
  const post = (request: ReaderRequest): void => worker.postMessage(request);
  return {
    page: (filter, limit) =>
      new Promise((resolve, reject) => {
        if (ended !== undefined) return reject(ended);
        last += 1;
        waiting.set(last, { resolve, reject });
        post({ id: last, filter, limit });
      }),
    close() {
      // Until now it kept nothing alive; its end is waited for.
      worker.ref();
      post('close');
      return exited;
    },
  };
}

function answeredError(code: string, message: string): Error {
  return isErrorCode(code) ? new ComityError(code, message) : new TypeError(message);
}
