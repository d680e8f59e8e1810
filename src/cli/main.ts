/** The command line: finds the verb, runs it, and says honestly how it ended. */
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { asComityError, ComityError, errorTable } from '../errors.ts';
import { demo } from './demo.ts';
import { visible, visibleJson } from './escape.ts';
import { gateway } from './gateway.ts';
import { generalHelp, helpOf } from './help.ts';
import { hub } from './hub.ts';
import { inbox } from './inbox.ts';
import { keys } from './keys.ts';
import { pki } from './pki.ts';
import { policy } from './policy.ts';
import { preview } from './preview.ts';
import { quarantine } from './quarantine.ts';
import { receipts } from './receipts.ts';
import { send } from './send.ts';
import { show } from './show.ts';
import { trust } from './trust.ts';
import { up } from './up.ts';
import { type Io, usageError, type Verb } from './verb.ts';

export const verbs: readonly Verb[] = [
  up,
  demo,
  gateway,
  preview,
  send,
  inbox,
  show,
  receipts,
  quarantine,
  policy,
  pki,
  trust,
  keys,
  hub,
];

const commonOptions = {
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsOptionsConfig;

/** Runs one command; resolves with its exit code (docs/errors.md). Never throws for what a user did. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const json = argv.includes('--json');
  try {
    return await run(argv, io);
  } catch (error) {
    const ours = errorOfSystem(error) ?? asComityError(error);
    writeError(ours, io, json);
    return errorTable[ours.code].exit;
  }
}

async function run(argv: readonly string[], io: Io): Promise<number> {
  const [name = 'help', ...rest] = argv;
  if (name === 'help' || name === '--help' || name === '-h') return help(rest[0], io);
  const verb = verbNamed(name);
  const { values, positionals } = parse(verb, rest);
  if (values['help'] === true) return help(name, io);
  const json = values['json'] === true;
  const print = (line: string) => void io.stdout.write(`${line}\n`);
  const exit = await verb.run({
    values,
    positionals,
    io,
    show: (value, lines) => (json ? print(visibleJson(value)) : lines().forEach(print)),
    say: (line) => (json ? undefined : print(line)),
  });
  return exit ?? 0;
}

function verbNamed(name: string): Verb {
  const found = verbs.find((verb) => verb.name === name);
  if (found === undefined) throw usageError(`there is no verb \`${name}\`: see \`comity help\``);
  return found;
}

function help(name: string | undefined, io: Io): number {
  const lines = name === undefined ? generalHelp(verbs) : helpOf(verbNamed(name));
  io.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}

function parse(verb: Verb, argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: { ...commonOptions, ...verb.options },
      allowPositionals: true,
      strict: true,
    });
  } catch (error) {
    const words = error instanceof Error ? (error.message.split('.')[0] ?? '') : '';
    throw usageError(`${words}: see \`comity help ${verb.name}\``);
  }
}

function writeError(error: ComityError, io: Io, json: boolean): void {
  const { code, message, problems, reasons } = error;
  const { duty, meaning } = errorTable[code];
  if (json) {
    io.stderr.write(`${visibleJson({ code, meaning, detail: message, duty, problems, reasons })}\n`);
    return;
  }
  const lines = [
    `comity: ${code}: ${visible(message)}`,
    ...problems.map(({ path, message: words }) => `  ${visible(path)}: ${visible(words)}`),
    ...reasons.map(({ policy: id, text }) => `  policy ${visible(id)}: ${visible(text)}`),
    ...(duty === 'nothing' ? [] : [`  what to do: ${duty}`]),
  ];
  if (code === 'INTERNAL') io.log.error('cli.failed', { place: placeOf(error) });
  io.stderr.write(`${lines.join('\n')}\n`);
}

/** What the operating system refused: a file or folder that an operator can mend. */
function errorOfSystem(error: unknown): ComityError | undefined {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return undefined;
  const path = 'path' in error ? ` \`${error.path}\`` : '';
  return new ComityError('CONFIG_INVALID', `cannot ${error.syscall}${path}: ${error.code}`, { cause: error });
}

function placeOf({ cause }: ComityError): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
