import type { Verb } from './verb.ts';

export const pki: Verb = {
  name: 'pki',
  summary: 'x',
  usage: [''],
  example: 'comity pki',
  run: () => undefined,
};
