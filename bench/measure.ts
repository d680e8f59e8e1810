/** Timing: medians of rounds, percentiles, and work that is kept in flight. */

export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** The nearest rank. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = Math.ceil((percent / 100) * sorted.length);
  return sorted[Math.max(0, rank - 1)] ?? Number.NaN;
}

/** Median milliseconds of one call, of `rounds` after as many again that warm up. */
export function milliseconds(rounds: number, work: (round: number) => void): number {
  const times: number[] = [];
  for (let round = 0; round < 2 * rounds; round += 1) {
    const start = performance.now();
    work(round);
    if (round >= rounds) times.push(performance.now() - start);
  }
  return median(times);
}

/** As `milliseconds`, of work that is waited for. */
export async function millisecondsOf(
  rounds: number,
  work: (round: number) => Promise<unknown>,
): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 2 * rounds; round += 1) {
    const start = performance.now();
    await work(round);
    if (round >= rounds) times.push(performance.now() - start);
  }
  return median(times);
}

/** Runs `count` pieces of work with at most `window` of them under way. */
export async function inFlight(
  count: number,
  window: number,
  work: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      await work(index);
    }
  };
  await Promise.all(Array.from({ length: window }, one));
}
