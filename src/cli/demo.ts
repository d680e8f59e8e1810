/** Runs the demonstration. */
import type { Verb } from './verb.ts';

export const demo: Verb = {
  name: 'demo',
  summary: 'plays the demonstration in a federation of its own, one line a check',
  usage: ['[ACT]…'],
  optionHelp: [{ name: 'ACT', meaning: 'plays these acts only' }],
  example: 'comity demo sealing attacks',
  run: ({ positionals, io }) => io.starters.demo(positionals),
};
