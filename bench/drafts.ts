/** What is sent: an answer has two sections, cover and answer, which go to every agency. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

type Draft = Readonly<Record<string, unknown>>;

export function example(name: string): Draft {
  return JSON.parse(
    readFileSync(resolve(import.meta.dirname, `../config/examples/${name}.json`), 'utf8'),
  ) as Draft;
}

/** Two sections under one key; about 1.7 KB as an envelope. */
export function answerDraft(index: number): Draft {
  const draft = example('response') as Draft & { payload: { answer: { text: object } } };
  const text = { ...draft.payload.answer.text, text: `Held at berth ${index}; to be opened on Monday at 8` };
  return { ...draft, lane: 'day', to: 'all', payload: { answer: { ...draft.payload.answer, text } } };
}

/** Eight others beside the sender, `gr.customs`. */
export const nineAgencies = [
  'gr.customs',
  'it.police',
  'fr.heritage',
  'de.liaison',
  'es.police',
  'pt.customs',
  'nl.police',
  'be.customs',
  'at.liaison',
];
