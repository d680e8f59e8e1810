/** JSON from outside, read in one way only: bounded, without duplicate members, by a closed shape. */
import type { z } from 'zod';
import { utf8Text } from '../bytes.ts';
import { ComityError, type ErrorCode } from '../errors.ts';
import { limits } from '../limits.ts';

/**
 * Parses UTF-8 JSON. Throws `code` where it is malformed, nested beyond `limits.jsonNestingMax`, or
 * names a member twice: `JSON.parse` takes the last of two, other parsers the first (RFC 8259 §4).
 * The caller bounds the size.
 */
export function parseStrictJson(bytes: Uint8Array, code: ErrorCode): unknown {
  try {
    const text = utf8Text(bytes);
    refuseDeepNesting(text);
    const value: unknown = JSON.parse(text);
    refuseDuplicateMembers(text);
    return value;
  } catch (error) {
    const why = error instanceof Error ? error.message : 'unreadable';
    throw new ComityError(code, `not strict JSON: ${why}`, { cause: error });
  }
}

/** The value by its schema; throws `code` with every problem and its path. */
export function readShape<T>(schema: z.ZodType<T>, value: unknown, code: ErrorCode): T {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const problems = read.error.issues.map((issue) => ({
    path: issue.path.map(String).join('.'),
    message: issue.message,
  }));
  const [first] = problems;
  throw new ComityError(code, `not of the form expected: \`${first?.path}\`: ${first?.message}`, {
    problems,
  });
}

/** Runs before `JSON.parse`, which recurses. Counts brackets outside strings. */
function refuseDeepNesting(text: string): void {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '"') at = endOfString(text, at);
    else if (char === '{' || char === '[') depth++;
    else if (char === '}' || char === ']') depth--;
    if (depth > limits.jsonNestingMax) throw new SyntaxError('nested too deeply');
  }
}

/** Expects text that `JSON.parse` takes, so that a string before a colon is a member's name. */
function refuseDuplicateMembers(text: string): void {
  const open: Set<string>[] = [];
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '{' || char === '[') open.push(new Set());
    else if (char === '}' || char === ']') open.pop();
    if (char !== '"') continue;
    const end = endOfString(text, at);
    if (followedByColon(text, end + 1)) {
      noteMember(open.at(-1), String(JSON.parse(text.slice(at, end + 1))));
    }
    at = end;
  }
}

function noteMember(names: Set<string> | undefined, name: string): void {
  if (names?.has(name)) throw new SyntaxError(`member \`${name}\` stands twice`);
  if (name === '__proto__') throw new SyntaxError('member `__proto__` is refused');
  names?.add(name);
}

function followedByColon(text: string, from: number): boolean {
  for (let at = from; at < text.length; at++) {
    const char = text[at];
    if (char !== ' ' && char !== '\n' && char !== '\r' && char !== '\t') return char === ':';
  }
  return false;
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at;
  }
  return text.length;
}
