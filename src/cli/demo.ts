/** Runs the demonstration. */
import type { Verb } from './verb.ts';

export const demo: Verb = {
  name: 'demo',
  summary: 'plays the demonstration in a federation of its own, one line a check',
  usage: ['[ACT]… [--json]'],
  optionHelp: [
    {
      name: 'ACT',
      meaning:
        'plays these acts only: import-objects, sealing, refusal, attacks, bad-input, crash, receipts, canaries',
    },
  ],
  example: 'comity demo sealing attacks',
  run: ({ positionals, values, io }) =>
    io.starters.demo(values['json'] === true ? [...positionals, '--json'] : positionals),
};
