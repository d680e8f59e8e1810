import { describe, expect, it } from 'vitest';
import { type Countable, closingLine } from '../../support/closing-line.ts';

function moduleOf(states: readonly string[], failed = states.includes('failed')): Countable {
  return {
    tests: () => states.map((state) => ({ result: () => ({ state }) })),
    failed,
  };
}

function lineOf(modules: readonly Countable[], errors = 0): string {
  let line = '';
  closingLine((text) => {
    line += text;
  }).report(modules, errors);
  return line;
}

describe('the closing line of a test run', () => {
  it('counts tests by their state', () => {
    const modules = [moduleOf(['passed', 'passed', 'skipped']), moduleOf(['passed', 'failed'])];
    expect(lineOf(modules)).toBe('tests: 3 passed, 1 failed, 1 skipped\n');
  });

  it('counts a file that fails without a failing test, and an error outside of tests', () => {
    expect(lineOf([moduleOf([], true), moduleOf(['passed'])], 1)).toBe(
      'tests: 1 passed, 2 failed, 0 skipped\n',
    );
  });

  it('counts a test that never ended as failed', () => {
    expect(lineOf([moduleOf(['pending'])])).toBe('tests: 0 passed, 1 failed, 0 skipped\n');
  });
});
