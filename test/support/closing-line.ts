/** Ends the output of a test run with one line of counts, which programs can read. */
import type { Reporter } from 'vitest/node';

/** A test file, as far as it is counted. */
export type Countable = Readonly<{
  tests: () => Iterable<Readonly<{ result: () => Readonly<{ state: string }> }>>;
  failed: boolean;
}>;

export type ClosingLine = Reporter &
  Readonly<{ report: (modules: readonly Countable[], errorsOutside: number) => void }>;

export function closingLine(write: (text: string) => unknown): ClosingLine {
  const report = (modules: readonly Countable[], errorsOutside: number): void => {
    const { passed, failed, skipped } = countsOf(modules);
    write(`tests: ${passed} passed, ${failed + errorsOutside} failed, ${skipped} skipped\n`);
  };
  return {
    report,
    onTestRunEnd: (modules, unhandledErrors) =>
      report(
        modules.map((module) => ({ tests: () => module.children.allTests(), failed: !module.ok() })),
        unhandledErrors.length,
      ),
  };
}

type Counts = { passed: number; failed: number; skipped: number };

/** A file that fails without a test that fails counts as one failure, and so does a test that never ended. */
function countsOf(modules: readonly Countable[]): Counts {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { tests, failed } of modules) {
    const states = [...tests()].map((test) => test.result().state);
    const passed = states.filter((state) => state === 'passed').length;
    const skipped = states.filter((state) => state === 'skipped').length;
    const failing = states.length - passed - skipped;
    counts.passed += passed;
    counts.skipped += skipped;
    counts.failed += failing === 0 && failed ? 1 : failing;
  }
  return counts;
}
