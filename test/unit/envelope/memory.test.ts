/** At most 32 MiB for any bytes as an envelope, the JavaScript heap included. */
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

const boundBytes = 32 * 1024 * 1024;
const script = resolve(import.meta.dirname, '../../support/allocation.ts');

/** `within`: the field that holds the repeated bytes; none for the envelope itself. */
function allocatedBy(reader: 'strict' | 'naive', unit: string, within = ''): number {
  const flags = ['--expose-gc', '--min-semi-space-size=256', '--max-semi-space-size=256'];
  return Number(
    execFileSync(process.execPath, [...flags, script, reader, unit, within], { encoding: 'utf8' }),
  );
}

describe('reading an envelope of the greatest size', () => {
  test.each([
    ['empty headers', '0a00', ''],
    ['empty signatures', '1a00', ''],
    ['empty open sections', '2200', ''],
    ['empty parts', '2a00', ''],
    ['empty paths', '1a00', '2'],
    ['empty commitments', '820100', '1'],
    ['numbers of a header', '0801', '1'],
    ['unknown fields', '7801', ''],
    ['nested lengths', '120a', ''],
    ['endless varints', 'ff', ''],
    ['zeros', '00', ''],
  ])('made of %s stays within the bound', (_name, unit, within) => {
    const allocated = allocatedBy('strict', unit, within);
    expect(allocated).toBeGreaterThan(0);
    expect(allocated).toBeLessThan(boundBytes);
  });

  test('control: a reader that decodes before it counts does not', () => {
    expect(allocatedBy('naive', '2a00')).toBeGreaterThan(boundBytes);
  });
});
