/** Ends the output of a test run with one line of counts, which programs can read. */
import type { Reporter, TestModule } from 'vitest/node';

export function closingLine(write: (text: string) => unknown): Reporter {
  return {
    onTestRunEnd(modules, unhandledErrors) {
      const { passed, failed, skipped } = countsOf(modules);
      write(`tests: ${passed} passed, ${failed + unhandledErrors.length} failed, ${skipped} skipped\n`);
    },
  };
}

export type Counts = { passed: number; failed: number; skipped: number };

type Countable = Pick<TestModule, 'children' | 'ok' | 'state'>;

/** A file or a suite that fails without a test that fails counts as one failure. */
export function countsOf(modules: readonly Countable[]): Counts {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const module of modules) {
    let failedHere = 0;
    for (const { result } of tests(module)) {
      const { state } = result();
      if (state === 'passed') counts.passed += 1;
      else if (state === 'failed') failedHere += 1;
      else if (state === 'skipped') counts.skipped += 1;
      else failedHere += 1;
    }
    if (failedHere === 0 && !module.ok() && module.state() === 'failed') failedHere = 1;
    counts.failed += failedHere;
  }
  return counts;
}

function* tests({ children }: Countable): Generator<{ result: () => { state: string } }> {
  for (const test of children.allTests()) yield { result: () => test.result() };
}
