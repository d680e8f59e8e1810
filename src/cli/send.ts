/** Sends a draft. */
import type { Submission } from '../gateway/views.ts';
import { clientOf, connectionHelp, connectionOptions } from './connection.ts';
import { readDraftFile } from './draft-file.ts';
import { visible } from './escape.ts';
import { only, text, type Verb } from './verb.ts';

export const send: Verb = {
  name: 'send',
  summary: 'sends a draft; when it returns, the message is safe in the gateway and on its way',
  usage: ['DRAFT.json [--as AGENCY] [--key KEY]'],
  options: { ...connectionOptions, key: { type: 'string' } },
  optionHelp: [
    {
      name: '--key KEY',
      meaning: 'the same key with the same draft is one message, however often it is sent',
    },
    ...connectionHelp,
  ],
  example: 'comity send config/examples/seizure.json --as gr.customs',
  async run(call) {
    const draft = readDraftFile(only(call.positionals, 'a draft file'));
    const key = text(call.values, 'key');
    const headers = key === undefined ? {} : { 'idempotency-key': key };
    const sent = await clientOf(call).post<Submission>('/v1/messages', draft, headers);
    call.show(sent, () => [
      `sent ${visible(sent.reference)} (${sent.kind}, ${sent.lane} lane)`,
      `  id ${sent.id}`,
      `  to ${sent.recipients.map(({ agency, state }) => agency + (state === 'sent' ? '' : ' (no keys yet)')).join(', ')}`,
      `  see what becomes of it: comity receipts ${sent.id}`,
    ]);
  },
};
