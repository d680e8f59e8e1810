import type { Verb } from './verb.ts';

export const keys: Verb = {
  name: 'keys',
  summary: 'x',
  usage: [''],
  example: 'comity keys',
  run: () => undefined,
};
