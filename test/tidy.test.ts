import { describe, expect, it } from 'vitest';
import * as code from './tidy/code.ts';
import * as layers from './tidy/layers.ts';
import * as record from './tidy/record.ts';
import { checkout, type Rule, withFiles } from './tidy/tree.ts';

const tree = checkout();
const rules: readonly Rule[] = [...Object.values(layers), ...Object.values(code), ...Object.values(record)];

describe.each(rules)('$name', ({ check, controls }) => {
  it('holds', () => expect(check(tree)).toEqual([]));

  it.each(controls)('catches a violation %#', (files) => {
    const [planted = ''] = Object.keys(files);
    const complaints = check(withFiles(tree, files));
    expect(complaints.some((line) => line.startsWith(planted))).toBe(true);
  });
});
