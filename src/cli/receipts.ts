/** What became of an own message: one line a recipient, and who is still silent. */
import type { ReceiptsView, RecipientView } from '../gateway/views.ts';
import { clientOf, connectionHelp, connectionOptions } from './connection.ts';
import { visible } from './escape.ts';
import { tableLines } from './table.ts';
import { only, type Verb } from './verb.ts';

export const receipts: Verb = {
  name: 'receipts',
  summary: 'shows what became of an own message at each recipient',
  usage: ['ID [--as AGENCY]'],
  options: connectionOptions,
  optionHelp: connectionHelp,
  example: 'comity receipts 01890000-0000-7000-8000-000000000001 --as gr.customs',
  async run(call) {
    const id = encodeURIComponent(only(call.positionals, 'the id of a message'));
    const view = await clientOf(call).get<ReceiptsView>(`/v1/messages/${id}/receipts`);
    call.show(view, () => receiptLines(view));
  },
};

const stateWords: Readonly<Record<RecipientView['state'], string>> = {
  sent: 'waits to leave',
  published: 'sent, no receipt yet',
  arrived: 'arrived',
  waiting: 'arrived, waits there',
  refused: 'refused',
  answered: 'answered',
  'no-keys': 'no keys yet',
};

export function receiptLines(view: ReceiptsView): string[] {
  const rows = view.recipients.map(({ agency, state, code, since, sections, answers }) => [
    agency,
    `${stateWords[state]}${code === undefined ? '' : ` (${code})`}`,
    since,
    sections.join(', ') || '-',
    answers.map(({ status }) => status).join(', '),
  ]);
  return [
    `${visible(view.reference ?? view.id)}`,
    ...tableLines(['agency', 'state', 'since', 'was given', 'answers'], rows),
  ];
}
