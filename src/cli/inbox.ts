/** Lists messages, and follows those that arrive. */
import type { MessageSummary, Page } from '../gateway/views.ts';
import { limits } from '../limits.ts';
import type { Client } from './client.ts';
import { clientOf, connectionHelp, connectionOptions } from './connection.ts';
import { visible, visibleJson } from './escape.ts';
import { tableLines } from './table.ts';
import { type Call, text, usageError, type Verb, wholeNumber } from './verb.ts';

export const inbox: Verb = {
  name: 'inbox',
  summary: 'lists messages, newest first; with --follow shows them as they arrive',
  usage: ['[--kind KIND] [--lane LANE] [--from AGENCY] [--sent] [--search WORDS] [--limit N]', '--follow'],
  options: {
    ...connectionOptions,
    follow: { type: 'boolean', short: 'f' },
    kind: { type: 'string' },
    lane: { type: 'string' },
    from: { type: 'string' },
    search: { type: 'string' },
    before: { type: 'string' },
    limit: { type: 'string' },
    sent: { type: 'boolean' },
    all: { type: 'boolean' },
  },
  optionHelp: [
    { name: '--follow', meaning: 'goes on, one line a message, until stopped' },
    { name: '--kind KIND', meaning: 'seizure, red-flag, object, shipment, response…' },
    { name: '--lane LANE', meaning: 'now, day or bulk' },
    { name: '--from AGENCY', meaning: 'messages of one agency' },
    { name: '--search WORDS', meaning: 'words that all occur in one section that you may read' },
    { name: '--sent, --all', meaning: 'own messages instead; both directions' },
    { name: '--limit N', meaning: 'how many (default 50)' },
    { name: '--before CURSOR', meaning: 'goes on from the cursor of the page before' },
    ...connectionHelp,
  ],
  example: 'comity inbox --as it.police --kind seizure --follow',
  async run(call) {
    const client = clientOf(call);
    if (call.values['follow'] === true) return follow(client, call);
    const page = await client.get<Page<MessageSummary>>('/v1/messages', {
      ...filterOf(call),
      before: text(call.values, 'before'),
      limit: wholeNumber(call.values, 'limit', {
        min: 1,
        max: limits.pageRowsMax,
        otherwise: limits.pageRowsDefault,
      }),
    });
    call.show(page, () => pageLines(page));
  },
};

function filterOf({ values }: Call): Record<string, string | undefined> {
  if (values['sent'] === true && values['all'] === true)
    throw usageError('`--sent` and `--all` exclude each other');
  return {
    kind: text(values, 'kind'),
    lane: text(values, 'lane'),
    sender: text(values, 'from'),
    search: text(values, 'search'),
    direction: values['all'] === true ? undefined : values['sent'] === true ? 'out' : 'in',
  };
}

function pageLines({ items, next }: Page<MessageSummary>): string[] {
  if (items.length === 0) return ['no messages'];
  const lines = tableLines(
    ['cursor', 'stored', 'from', 'to', 'kind', 'lane', 'reference', 'id'],
    items.map(cellsOf),
  );
  return next === undefined ? lines : [...lines, `more: --before ${next}`];
}

function cellsOf(message: MessageSummary): string[] {
  const { cursor, storedAt, from, to, kind, lane, reference = '', id, flags } = message;
  return [String(cursor), storedAt, from, to, kind, lane, reference, id, ...flags];
}

/** Follows first and lists then, so that nothing falls between; the list says what the events only hint at. */
async function follow(client: Client, call: Call): Promise<void> {
  const newest = await client.get<Page<MessageSummary>>('/v1/messages', { limit: 1 });
  let after = newest.items[0]?.cursor ?? 0;
  const print = (message: MessageSummary) => {
    const line =
      call.values['json'] === true
        ? visibleJson(message).replaceAll(/\n\s*/g, ' ')
        : cellsOf(message).map(visible).join('  ');
    call.io.stdout.write(`${line}\n`);
  };
  const drain = async () => {
    for (;;) {
      const page = await client.get<Page<MessageSummary>>('/v1/messages', {
        ...filterOf(call),
        after,
        limit: limits.pageRowsMax,
      });
      for (const message of page.items) {
        after = message.cursor;
        print(message);
      }
      if (page.items.length < limits.pageRowsMax) return;
    }
  };
  await followWith(client, call, drain);
}

/** One drain at a time, and one more for what came meanwhile. */
async function followWith(client: Client, { io }: Call, drain: () => Promise<void>): Promise<void> {
  let failed: unknown;
  let running: Promise<void> | undefined;
  let again = false;
  const ended = new AbortController();
  const onEvent = () => {
    again = true;
    running ??= (async () => {
      while (again && failed === undefined) {
        again = false;
        await drain();
      }
    })()
      .catch((error: unknown) => {
        failed = error;
        ended.abort();
      })
      .finally(() => {
        running = undefined;
      });
  };
  const stopped = new Promise<void>((resolve) => {
    for (const signal of [ended.signal, io.signal]) signal.addEventListener('abort', () => resolve());
  });
  await Promise.race([client.follow(onEvent), stopped]);
  await running;
  if (failed !== undefined && !io.signal.aborted) throw failed;
}
