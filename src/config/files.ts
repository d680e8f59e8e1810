/** Reading configuration files: bounded, complete about what is wrong, and never half believed. */
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import type { z } from 'zod';
import { utf8Text } from '../bytes.ts';
import { ComityError, type Problem } from '../errors.ts';
import { limits } from '../limits.ts';

/** Collects what is wrong with one configuration file and those it names. */
export class Problems {
  readonly list: Problem[] = [];
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  add(path: string, message: string): undefined {
    this.list.push({ path, message });
  }

  /** Takes what went wrong in `read` as a problem of the key; other errors pass. */
  attempt<T>(path: string, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ComityError)) throw error;
      this.add(path, error.message);
      for (const problem of error.problems) this.add(`${path}: ${problem.path}`, problem.message);
      return undefined;
    }
  }

  /** Throws CONFIG_INVALID with every problem, naming the file. */
  refuse(): void {
    const [first] = this.list;
    if (first === undefined) return;
    const more = this.list.length > 1 ? ` (and ${this.list.length - 1} more)` : '';
    throw new ComityError('CONFIG_INVALID', `\`${this.#file}\`: \`${first.path}\`: ${first.message}${more}`, {
      problems: this.list,
    });
  }
}

/** A file's bytes. CONFIG_INVALID where it is missing, no regular file, or beyond its bound. */
export function readConfigFile(path: string, bytesMax: number = limits.configFileBytesMax): Uint8Array {
  try {
    const facts = statSync(path);
    if (!facts.isFile()) throw new ComityError('CONFIG_INVALID', `\`${path}\` is not a file`);
    if (facts.size > bytesMax) {
      throw new ComityError('CONFIG_INVALID', `\`${path}\` has more than ${bytesMax} bytes`);
    }
    return Uint8Array.from(readFileSync(path));
  } catch (error) {
    if (error instanceof ComityError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const why = code === 'ENOENT' ? 'there is no file' : 'cannot read the file';
    throw new ComityError('CONFIG_INVALID', `${why} \`${path}\``, { cause: error });
  }
}

export function readConfigText(path: string, bytesMax?: number): string {
  const bytes = readConfigFile(path, bytesMax);
  try {
    return utf8Text(bytes);
  } catch (error) {
    throw new ComityError('CONFIG_INVALID', `\`${path}\` is not UTF-8 text`, { cause: error });
  }
}

/** A YAML file by a closed shape. CONFIG_INVALID names the file and every key that is not as expected. */
export function readYaml<T>(path: string, shape: z.ZodType<T>): T {
  const problems = new Problems(path);
  const document = parseDocument(readConfigText(path), {
    uniqueKeys: true,
    strict: true,
    prettyErrors: true,
    version: '1.2',
  });
  for (const { message } of [...document.errors, ...document.warnings]) {
    problems.add('yaml', message.split('\n')[0]?.replace(/:$/, '') ?? 'malformed');
  }
  problems.refuse();
  // Aliases repeat what stands elsewhere; a file that needs none cannot be a bomb of them.
  const value: unknown = problems.attempt('yaml', () => plainValue(document));
  problems.refuse();
  const read = shape.safeParse(value);
  if (read.success) return read.data;
  for (const { path: keys, message } of read.error.issues) {
    problems.add(keys.map(String).join('.') || '(the file)', message);
  }
  problems.refuse();
  throw new TypeError('unreachable: a failed parse has issues');
}

function plainValue(document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch (error) {
    throw new ComityError('CONFIG_INVALID', 'aliases are not taken here', { cause: error });
  }
}

/** Resolves against the folder of the file that names the path. */
export function besides(file: string): (path: string) => string {
  const folder = dirname(resolve(file));
  return (path) => resolve(folder, path);
}
