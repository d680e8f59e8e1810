/** Time as a parameter: production takes the system's, tests and simulations their own. */

export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  nowMs(): number;
  /** Calls `run` once, `delayMs` from now, unless cancelled. Does not keep the process alive. */
  after(delayMs: number, run: () => void): Cancel;
}

export type Cancel = () => void;

export const systemClock: Clock = Object.freeze({
  nowMs: () => Date.now(),
  after(delayMs: number, run: () => void): Cancel {
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
});

/** RFC 3339, in UTC, to the millisecond. */
export function rfc3339(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
