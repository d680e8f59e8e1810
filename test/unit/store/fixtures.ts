/** What the store's tests write: messages, channels, a clock that stands still. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Clock } from '../../../src/clock.ts';
import { systemRandom, uuidText, uuidV7 } from '../../../src/ids.ts';
import { type NewMessage, type OpenedStore, openStore, type SectionRow } from '../../../src/store/index.ts';
import { agencyId } from '../../../src/types.ts';

export const greece = agencyId('gr.customs');
export const italy = agencyId('it.police');
export const france = agencyId('fr.heritage');
export const storeKey = new Uint8Array(32).fill(7);
export const startMs = Date.UTC(2026, 0, 5);

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

export function digest(text: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(text).digest());
}

export function messageId(): string {
  return uuidText(uuidV7(startMs, systemRandom));
}

export const epoch = new Uint8Array(16).fill(1);

export function section(field: number, o: Partial<SectionRow> = {}): SectionRow {
  return {
    field,
    category: field === 1 ? 'COVER' : 'GOODS',
    state: 'read',
    bytes: new TextEncoder().encode(`section ${field}`),
    text: `words of ${field}`,
    readClass: `{"class":"${field}"}`,
    ...o,
  };
}

export type MessageOptions = Omit<Partial<NewMessage>, 'facts'> & { facts?: Partial<NewMessage['facts']> };

let numbered = 0;

export function message(o: MessageOptions = {}): NewMessage {
  numbered += 1;
  const id = o.facts?.id ?? messageId();
  return {
    facts: {
      id,
      direction: 'in',
      digest: digest(id),
      sender: greece,
      subject: 'comity.gr.customs.all.day.seizure',
      epoch,
      sequence: numbered,
      kind: 'seizure',
      lane: 'day',
      schema: 'comity.seizure.v1.SeizureNotice',
      createdMs: startMs,
      deliverByMs: startMs + 1_000,
      storedMs: startMs + 5,
      flags: [],
      ...o.facts,
    },
    header: o.header ?? new TextEncoder().encode(`header ${id}`),
    envelope: o.envelope ?? new TextEncoder().encode(`envelope ${id}`),
    sections: o.sections ?? [section(1), section(2)],
  };
}

/** Ids of every read class. */
export function allClasses(store: OpenedStore): readonly number[] {
  return store.messages.readClasses().map(({ id }) => id);
}
