/** Newest-first listing and search, with a thousand stored messages and with many. */
import { join } from 'node:path';
import type { GatewayContext } from '../src/gateway/index.ts';
import { systemRandom, uuidText, uuidV7 } from '../src/ids.ts';
import type { NewMessage } from '../src/store/port.ts';
import { answerDraft } from './drafts.ts';
import { makeFederation } from './federation.ts';
import { type BenchGateway, composeGateway, inFolder, officer } from './gateways.ts';
import { millisecondsOf } from './measure.ts';
import type { Row, Settings } from './row.ts';

const few = 1000;
const rounds = 100;
const transactionRows = 1000;

export async function* listing({ stored }: Settings): AsyncGenerator<Row> {
  const federation = await makeFederation(['gr.customs', 'it.police', 'fr.heritage']);
  yield* await inFolder(async (directory) => {
    const small = await filled(few, join(directory, 'few'));
    const large = await filled(stored, join(directory, 'many'));
    const many = stored.toLocaleString('en');
    const rows: Row[] = [];
    for (const [what, query] of Object.entries(questions)) {
      const ask = ({ gateway }: BenchGateway) =>
        millisecondsOf(rounds, (round) => gateway.list(query(round), officer));
      const least = await ask(small);
      const most = await ask(large);
      rows.push({
        bench: 'listing',
        what: `${what}, ${many} stored`,
        value: most,
        unit: 'ms',
        peer: least,
        ratio: least / most,
        aim: '≥ 0.5',
        note: `peer: the same with ${few.toLocaleString('en')}`,
      });
    }
    await Promise.all([small.stop(), large.stop()]);
    return rows;
  });

  async function filled(count: number, directory: string): Promise<BenchGateway> {
    const inserted: NewMessage[] = [];
    const gateway = await composeGateway({
      federation,
      agency: 'gr.customs',
      directory,
      wrap: (context) => recording(context, inserted),
    });
    await gateway.gateway.submit(answerDraft(0), officer);
    const [pattern] = inserted;
    if (pattern === undefined) throw new TypeError('nothing was stored');
    fill(gateway, pattern, count - 1);
    // The first search waits until the index has all of it.
    await gateway.gateway.list({ search: 'monday' }, officer);
    return gateway;
  }
}

/** Words of which one is in a few messages, one in every tenth, one in all. */
const questions = {
  'the newest page': () => ({}),
  'search, a word of one message': (round: number) => ({ search: `berth${(round % 900) + 1}` }),
  'search, a word of every tenth message': () => ({ search: 'amphora' }),
  'search, a word of every message': () => ({ search: 'monday' }),
} as const;

function recording(context: GatewayContext, inserted: NewMessage[]): GatewayContext {
  const { messages } = context.store;
  const insert: typeof messages.insert = (message) => {
    inserted.push(message);
    return messages.insert(message);
  };
  return { ...context, store: { ...context.store, messages: { ...messages, insert } } };
}

function fill({ store }: BenchGateway, pattern: NewMessage, count: number): void {
  for (let from = 0; from < count; from += transactionRows) {
    store.transaction(() => {
      const end = Math.min(count, from + transactionRows);
      for (let index = from; index < end; index += 1) store.messages.insert(likeness(pattern, index + 1));
    });
  }
}

function likeness(pattern: NewMessage, index: number): NewMessage {
  const { reference: _, distribution: _copies, ...facts } = pattern.facts;
  const words = `held at berth${index} until monday${index % 10 === 0 ? ' amphora' : ''}`;
  return {
    ...pattern,
    facts: {
      ...facts,
      id: uuidText(uuidV7(facts.createdMs + index, systemRandom)),
      digest: systemRandom.bytes(32),
      sequence: facts.sequence + index,
    },
    sections: pattern.sections.map((section) =>
      section.field === 2 ? { ...section, text: `${section.text} ${words}` } : section,
    ),
  };
}
