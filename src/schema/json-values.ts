/** JSON values as they come from outside. */
import { limits } from '../limits.ts';

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The value with every text in Unicode normal form C, itself where nothing changes; undefined where it is
 * nested more deeply, or has more values, than any draft that could be sent.
 */
export function normalised(json: unknown): { json: unknown } | undefined {
  try {
    return { json: normalise(json, { depth: 0, values: { count: 0 } }) };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

type Seen = { depth: number; values: { count: number } };

function normalise(json: unknown, { depth, values }: Seen): unknown {
  values.count++;
  if (depth > limits.draftNestingMax || values.count > limits.draftValuesMax)
    throw new RangeError('too much');
  const inner = { depth: depth + 1, values };
  if (typeof json === 'string') return json.normalize('NFC');
  if (Array.isArray(json)) {
    const copy = json.map((entry) => normalise(entry, inner));
    return copy.some((entry, index) => entry !== json[index]) ? copy : json;
  }
  if (!isRecord(json)) return json;
  let changed: Map<string, unknown> | undefined;
  for (const name of Object.keys(json)) {
    const value = normalise(json[name], inner);
    if (value === json[name]) continue;
    changed ??= new Map(Object.entries(json));
    changed.set(name, value);
  }
  return changed === undefined ? json : Object.fromEntries(changed);
}
