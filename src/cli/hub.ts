import type { Verb } from './verb.ts';

export const hub: Verb = {
  name: 'hub',
  summary: 'x',
  usage: [''],
  example: 'comity hub',
  run: () => undefined,
};
