/** Finds words in a policy that no fact can ever be: `resource.category == "VICTM"`. */
import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { vocabularies } from './fact-schema.ts';

export type Misspelt = Readonly<{ attribute: string; word: string; words: readonly string[] }>;

const comparisons = ['==', '!=', 'contains', 'containsAny', 'containsAll'];

export function misspeltWords(policy: PolicyJson): readonly Misspelt[] {
  const found: Misspelt[] = [];
  search(policy.conditions, found);
  return found;
}

function search(node: unknown, found: Misspelt[]): void {
  if (typeof node !== 'object' || node === null) return;
  for (const [name, child] of Object.entries(node)) {
    if (comparisons.includes(name)) compare(child, found);
    search(child, found);
  }
}

function compare(node: unknown, found: Misspelt[]): void {
  const left = member(node, 'left');
  const right = member(node, 'right');
  for (const [fact, other] of [
    [left, right],
    [right, left],
  ]) {
    const attribute = member(member(fact, '.'), 'attr');
    const words = typeof attribute === 'string' ? vocabularies[attribute] : undefined;
    if (typeof attribute !== 'string' || words === undefined) continue;
    for (const word of literals(other)) {
      if (!words.includes(word)) found.push({ attribute, word, words });
    }
  }
}

function literals(node: unknown): readonly string[] {
  const value = member(node, 'Value');
  if (typeof value === 'string') return [value];
  const set = member(node, 'Set');
  const values = Array.isArray(set) ? set : Array.isArray(value) ? value : [];
  return values.flatMap((item) => (typeof item === 'string' ? [item] : literals(item)));
}

function member(node: unknown, name: string): unknown {
  if (typeof node !== 'object' || node === null || !Object.hasOwn(node, name)) return undefined;
  return (node as Record<string, unknown>)[name];
}
