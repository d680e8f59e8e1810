import type { Verb } from './verb.ts';

export const trust: Verb = {
  name: 'trust',
  summary: 'x',
  usage: [''],
  example: 'comity trust',
  run: () => undefined,
};
