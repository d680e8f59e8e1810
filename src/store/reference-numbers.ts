/** Numbers of short references, each given once; they are reserved in blocks, so that drawing one is cheap. */
import type { Database } from './database.ts';

const blockNumbers = 32;

export interface ReferenceNumbers {
  /** The next number of the year. Numbers reserved and not given when the process ends are skipped. */
  next(year: number): number;
}

export function createReferenceNumbers(database: Database): ReferenceNumbers {
  const reserved = new Map<number, { next: number; last: number }>();
  database.onRollback(() => reserved.clear());
  const reserve = database.prepare(
    `INSERT INTO reference_numbers (year, last) VALUES (?1, ?2)
     ON CONFLICT (year) DO UPDATE SET last = last + ?2 RETURNING last`,
  );
  return {
    next(year) {
      let block = reserved.get(year);
      if (block === undefined || block.next > block.last) {
        const last = database.write(() => reserve.get<{ last: number }>(year, blockNumbers))?.last ?? 0;
        block = { next: last - blockNumbers + 1, last };
        reserved.set(year, block);
      }
      block.next += 1;
      return block.next - 1;
    },
  };
}
