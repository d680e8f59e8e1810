/** What a verb of the command line is, and what it is given. */
import type { ParseArgsOptionsConfig } from 'node:util';
import type { Clock } from '../clock.ts';
import type { Environment } from '../config/index.ts';
import { ComityError } from '../errors.ts';
import type { Random } from '../ids.ts';
import type { Log } from '../log.ts';

export type Output = Readonly<{ write(text: string): unknown }>;

/** What runs processes: handed in from above, since a verb knows no agency and no agent. */
export type Starters = Readonly<{
  /** A local federation until it is stopped. */
  up(o: UpOptions): Promise<void>;
  /** The demonstration; resolves with its exit code. */
  demo(acts: readonly string[]): Promise<number>;
  /** One gateway by its configuration file, until it is stopped; resolves with its exit code. */
  gateway(configFile: string): Promise<number>;
}>;

export type UpOptions = Readonly<{
  directory: string;
  planFile?: string;
  hubPort?: number;
  /** By agency. */
  ports: Readonly<Record<string, number>>;
  env: Environment;
  signal: AbortSignal;
  say: (line: string) => void;
}>;

export type Io = Readonly<{
  stdout: Output;
  stderr: Output;
  env: Environment;
  starters: Starters;
  clock: Clock;
  random: Random;
  log: Log;
  /** Aborted by Ctrl-C and SIGTERM. */
  signal: AbortSignal;
}>;

export type Values = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

export type Call = Readonly<{
  values: Values;
  positionals: readonly string[];
  io: Io;
  /** With `--json` the value as JSON, else the lines. */
  show: (value: unknown, lines: () => readonly string[]) => void;
  /** A line for people; nothing with `--json`. */
  say: (line: string) => void;
}>;

export type OptionHelp = Readonly<{ name: string; meaning: string }>;

export type Verb = Readonly<{
  name: string;
  summary: string;
  /** After `comity <name>`. */
  usage: readonly string[];
  options?: ParseArgsOptionsConfig;
  optionHelp?: readonly OptionHelp[];
  example: string;
  /** An exit code where it is not 0. */
  run: (call: Call) => Promise<number | undefined> | Promise<void> | void;
}>;

export function usageError(message: string): ComityError {
  return new ComityError('USAGE', message);
}

/** The value of a text option. */
export function text(values: Values, name: string): string | undefined {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
}

export function required(values: Values, name: string): string {
  const value = text(values, name);
  if (value === undefined) throw usageError(`\`--${name}\` is needed`);
  return value;
}

/** The values of an option that may stand more than once. */
export function several(values: Values, name: string): string[] {
  const value = values[name];
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

export function wholeNumber(
  values: Values,
  name: string,
  o: Readonly<{ min: number; max: number; otherwise: number }>,
): number {
  const given = text(values, name);
  if (given === undefined) return o.otherwise;
  const number = /^[0-9]{1,15}$/.test(given) ? Number(given) : Number.NaN;
  if (number >= o.min && number <= o.max) return number;
  throw usageError(`\`--${name}\` is a whole number from ${o.min} to ${o.max}`);
}

/** The one positional argument that a verb takes. */
export function only(positionals: readonly string[], what: string): string {
  const [first, ...more] = positionals;
  if (first === undefined || more.length > 0) throw usageError(`expected ${what}, once`);
  return first;
}
