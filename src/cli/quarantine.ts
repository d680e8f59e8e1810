/** What arrived and was refused. */
import type { Page, QuarantineView } from '../gateway/views.ts';
import { limits } from '../limits.ts';
import { clientOf, connectionHelp, connectionOptions } from './connection.ts';
import { tableLines } from './table.ts';
import { text, type Verb, wholeNumber } from './verb.ts';

export const quarantine: Verb = {
  name: 'quarantine',
  summary: 'lists what arrived and was refused, newest first, with its code and whom to ask',
  usage: ['[--limit N] [--before CURSOR] [--as AGENCY]'],
  options: { ...connectionOptions, limit: { type: 'string' }, before: { type: 'string' } },
  optionHelp: [
    { name: '--limit N', meaning: 'how many (default 50)' },
    { name: '--before CURSOR', meaning: 'goes on from the page before' },
    ...connectionHelp,
  ],
  example: 'comity quarantine --as it.police',
  async run(call) {
    const page = await clientOf(call).get<Page<QuarantineView>>('/v1/quarantine', {
      before: text(call.values, 'before'),
      limit: wholeNumber(call.values, 'limit', {
        min: 1,
        max: limits.pageRowsMax,
        otherwise: limits.pageRowsDefault,
      }),
    });
    call.show(page, () => quarantineLines(page));
  },
};

function quarantineLines({ items, next }: Page<QuarantineView>): string[] {
  if (items.length === 0) return ['nothing is in quarantine'];
  const rows = items.map(({ id, at, code, sender = 'unknown', subject, bytes, duty, meaning }) => [
    String(id),
    at,
    code,
    sender,
    subject,
    String(bytes),
    duty,
    meaning,
  ]);
  const lines = tableLines(['id', 'at', 'code', 'sender', 'subject', 'bytes', 'what to do', 'meaning'], rows);
  return next === undefined ? lines : [...lines, `more: --before ${next}`];
}
