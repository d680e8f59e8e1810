/** What the store's tests write: messages, channels, a clock that stands still. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Clock } from '../../../src/clock.ts';
import { systemRandom } from '../../../src/ids.ts';
import { type OpenedStore, openStore } from '../../../src/store/index.ts';
import { startMs } from './messages-of-tests.ts';

export * from './messages-of-tests.ts';

export const storeKey = new Uint8Array(32).fill(7);

export type TestClock = Clock & { set(ms: number): void; runDue(): void };

/** A clock that moves when told; `runDue` runs what waits. */
export function testClock(): TestClock {
  let now = startMs;
  let waiting: (() => void)[] = [];
  return {
    nowMs: () => now,
    set: (ms) => {
      now = ms;
    },
    after(_delayMs, run) {
      waiting.push(run);
      return () => {
        waiting = waiting.filter((other) => other !== run);
      };
    },
    runDue() {
      const due = waiting;
      waiting = [];
      for (const run of due) run();
    },
  };
}

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'comity-store-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export type Opened = Readonly<{
  store: OpenedStore;
  directory: string;
  clock: TestClock;
  reopen: () => OpenedStore;
}>;

export function freshStore(): Opened {
  const directory = temporaryDirectory();
  const clock = testClock();
  const open = () => openStore({ directory, storeKey, clock, random: systemRandom, create: true });
  let store = open();
  onTestFinished(() => store.close());
  return {
    get store() {
      return store;
    },
    directory,
    clock,
    reopen() {
      store.close();
      store = open();
      return store;
    },
  };
}
