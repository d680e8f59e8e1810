/** Waiting for what the federation does in its own time: looking again, ever less often, within a bound. */
import { systemClock } from '../src/index.ts';

const delayMsMin = 30;
const delayMsMax = 300;
const withinMsDefault = 30_000;

/**
 * Looks until there is enough or the time is up, and returns what it saw last: the caller judges. A
 * look that fails, since a process is down, is repeated; the last failure is thrown at the end.
 */
export async function seen<T>(
  look: () => Promise<T>,
  enough: (value: T) => boolean,
  withinMs = withinMsDefault,
): Promise<T> {
  const lateMs = systemClock.nowMs() + withinMs;
  for (let delayMs = delayMsMin; ; delayMs = Math.min(delayMs * 1.5, delayMsMax)) {
    try {
      const value = await look();
      if (enough(value) || systemClock.nowMs() > lateMs) return value;
    } catch (error) {
      if (systemClock.nowMs() > lateMs) throw error;
    }
    await pause(delayMs);
  }
}

export function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => systemClock.after(delayMs, resolve));
}
