import { ComityError } from '../../src/errors.ts';

/** The code that `run` fails with; `'none'` where it does not fail. Other errors are rethrown. */
export function codeOf(run: () => unknown): string {
  try {
    run();
    return 'none';
  } catch (error) {
    if (error instanceof ComityError) return error.code;
    throw error;
  }
}
