/** Help: every verb with its options and an example. */
import type { Verb } from './verb.ts';

export function generalHelp(verbs: readonly Verb[]): string[] {
  const width = Math.max(...verbs.map(({ name }) => name.length));
  return [
    'comity: agencies share alerts and requests, each seeing what policy allows',
    '',
    'usage: comity <verb> [options]',
    '',
    ...verbs.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    '`comity help <verb>` tells more, with an example. `--json` prints for programs.',
    'Exit codes: 0 done, 1 failure, 2 usage, 3 refused, 4 bad data, 5 not found, 6 try later, 7 configuration.',
  ];
}

export function helpOf(verb: Verb): string[] {
  const options = [...(verb.optionHelp ?? []), { name: '--json', meaning: 'prints JSON' }];
  const width = Math.max(...options.map(({ name }) => name.length));
  return [
    `comity ${verb.name}: ${verb.summary}`,
    '',
    ...verb.usage.map((usage, index) =>
      `${index === 0 ? 'usage:' : '      '} comity ${verb.name} ${usage}`.trimEnd(),
    ),
    '',
    ...options.map(({ name, meaning }) => `  ${name.padEnd(width)}  ${meaning}`),
    '',
    `example: ${verb.example}`,
  ];
}
