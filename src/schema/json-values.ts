/** JSON values as they come from outside. */

/** Deeper than any payload is nested. */
const depthMax = 40;

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A copy with every text in Unicode normal form C; undefined where it is nested too deeply to be a draft. */
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
  if (Array.isArray(json)) return json.map((entry) => normalise(entry, depth + 1));
  if (!isRecord(json)) return json;
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, normalise(value, depth + 1)]));
}
