/** JSON from a message as indented lines; no text in it can pass for a line of ours. */
import { visible } from './escape.ts';

export function contentLines(value: unknown, indent: string): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => itemLines(item, indent));
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).flatMap(([name, member]) => memberLines(visible(name), member, indent));
  }
  return [`${indent}${scalar(value)}`];
}

function memberLines(name: string, value: unknown, indent: string): string[] {
  if (typeof value === 'string' && value.includes('\n')) {
    return [`${indent}${name}:`, ...value.split('\n').map((line) => `${indent}  | ${visible(line)}`)];
  }
  if (typeof value !== 'object' || value === null) return [`${indent}${name}: ${scalar(value)}`];
  return [`${indent}${name}:`, ...contentLines(value, `${indent}  `)];
}

function itemLines(item: unknown, indent: string): string[] {
  const [first = '', ...rest] = contentLines(item, `${indent}  `);
  return [`${indent}- ${first.slice(indent.length + 2)}`, ...rest];
}

function scalar(value: unknown): string {
  return visible(String(value));
}
