/** JSON values as they come from outside. */

/** Deeper than any payload is nested. */
const depthMax = 40;

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The value with every text in Unicode normal form C, itself where nothing changes; undefined where it is
 * nested too deeply to be a draft.
 */
export function normalised(json: unknown): { json: unknown } | undefined {
  try {
    return { json: normalise(json, 0) };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function normalise(json: unknown, depth: number): unknown {
  if (depth > depthMax) throw new RangeError('nested too deeply');
  if (typeof json === 'string') return json.normalize('NFC');
  if (Array.isArray(json)) {
    const copy = json.map((entry) => normalise(entry, depth + 1));
    return copy.some((entry, index) => entry !== json[index]) ? copy : json;
  }
  if (!isRecord(json)) return json;
  let changed: Map<string, unknown> | undefined;
  for (const name of Object.keys(json)) {
    const value = normalise(json[name], depth + 1);
    if (value === json[name]) continue;
    changed ??= new Map(Object.entries(json));
    changed.set(name, value);
  }
  return changed === undefined ? json : Object.fromEntries(changed);
}
