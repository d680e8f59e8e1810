import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { OpenedStore } from '../../../src/store/index.ts';
import { digest, epoch, freshStore, greece, startMs } from './fixtures.ts';

const subject = 'comity.gr.customs.all.day.seizure';

function take(store: OpenedStore, sequence: number, nowMs = startMs): void {
  const position = {
    subject,
    epoch,
    sequence,
    digest: digest(`${sequence}`),
    previous: digest(`${sequence - 1}`),
  };
  store.positions.take({ ...position, createdMs: startMs + sequence, verdict: 'accepted' }, nowMs);
}

describe('our own channels', () => {
  test('advance by one, and keep every digest', () => {
    const { store, reopen } = freshStore();
    const head = (sequence: number) => ({ sequence, digest: digest(`${sequence}`), createdMs: sequence });
    expect(store.channels.head(subject)).toBeUndefined();
    store.channels.advance(subject, head(1));
    store.channels.advance(subject, head(2));
    expect(() => store.channels.advance(subject, head(4))).toThrow(TypeError);
    expect(() => store.channels.advance(subject, head(2))).toThrow(TypeError);
    const after = reopen();
    expect(after.channels.head(subject)).toEqual(head(2));
    expect(after.channels.heads()).toEqual([{ subject, head: head(2) }]);
    expect(after.channels.digestAt(subject, after.epoch, 1)).toEqual(digest('1'));
    expect(after.channels.digestAt(subject, epoch, 1)).toBeUndefined();
    expect(after.channels.digestAt(subject, after.epoch, 3)).toBeUndefined();
  });
});

describe('the channels of others', () => {
  test('a position is taken once, and judged later', () => {
    const { store } = freshStore();
    take(store, 5);
    take(store, 9);
    expect(() => take(store, 5)).toThrow(TypeError);
    expect(() => take(store, 0)).toThrow(TypeError);
    expect(store.positions.at(subject, epoch, 5)).toEqual({
      subject,
      epoch,
      sequence: 5,
      digest: digest('5'),
      previous: digest('4'),
      createdMs: startMs + 5,
      verdict: 'accepted',
    });
    expect(store.positions.at(subject, epoch, 6)).toBeUndefined();
    expect(store.positions.before(subject, epoch, 9)?.sequence).toBe(5);
    expect(store.positions.after(subject, epoch, 5)?.sequence).toBe(9);
    expect(store.positions.before(subject, epoch, 5)).toBeUndefined();
    store.positions.judge(subject, epoch, 5, 'KEY_UNKNOWN');
    expect(store.positions.at(subject, epoch, 5)?.verdict).toBe('KEY_UNKNOWN');
    expect(() => store.positions.judge(subject, epoch, 6, 'accepted')).toThrow(TypeError);
  });

  test('the first gap still open keeps its time', () => {
    const { store } = freshStore();
    const since = () => store.positions.channel(subject, epoch)?.gapSinceMs;
    take(store, 1, 10);
    take(store, 3, 20);
    take(store, 6, 30);
    expect(since()).toBe(20);
    take(store, 2, 40);
    expect(since()).toBe(30);
    take(store, 5, 50);
    expect(since()).toBe(30);
    take(store, 4, 60);
    expect(since()).toBeUndefined();
    store.positions.announce(subject, epoch, { sequence: 8, digest: digest('8') }, 70);
    expect(since()).toBe(70);
    expect(store.positions.channel(subject, epoch)?.announced).toEqual({ sequence: 8, digest: digest('8') });
    take(store, 7, 80);
    take(store, 8, 90);
    expect(since()).toBeUndefined();
  });

  test('a head announced on an unknown channel is where completeness counts from', () => {
    const { store } = freshStore();
    store.positions.announce(subject, epoch, { sequence: 4, digest: digest('4') }, 10);
    expect(store.positions.channel(subject, epoch)).toMatchObject({ first: 5, highest: 4, taken: 0 });
    take(store, 5, 20);
    expect(store.positions.channel(subject, epoch)?.gapSinceMs).toBeUndefined();
    expect(store.positions.missing(subject, epoch, 9)).toEqual([]);
    take(store, 2, 30);
    expect(store.positions.missing(subject, epoch, 9)).toEqual([3, 4]);
  });

  test('a head announced with a starting point counts from there', () => {
    const { store } = freshStore();
    store.positions.announce(subject, epoch, { sequence: 3, digest: digest('3'), first: 1 }, 10);
    expect(store.positions.channel(subject, epoch)).toMatchObject({ first: 1, highest: 0, gapSinceMs: 10 });
    take(store, 2, 20);
    expect(store.positions.missing(subject, epoch, 9)).toEqual([1]);
    expect(store.positions.channel(subject, epoch)).toMatchObject({
      first: 1,
      highest: 2,
      taken: 1,
      gapSinceMs: 10,
    });
  });

  test('state and gaps are those of the positions taken, whatever their order', () => {
    const steps = fc.uniqueArray(
      fc.record({ sequence: fc.integer({ min: 1, max: 40 }), announce: fc.boolean() }),
      { maxLength: 30, selector: ({ sequence, announce }) => `${sequence}${announce}` },
    );
    // One store for all runs; each has an epoch of its own.
    const { store } = freshStore();
    let plans = 0;
    fc.assert(
      fc.property(steps, (plan) => {
        const channel = new Uint8Array(16).map((_, i) => Math.floor(plans / 256 ** i) % 256);
        plans += 1;
        const taken = new Set<number>();
        let announced = 0;
        let first: number | undefined;
        for (const { sequence, announce } of plan) {
          if (announce) {
            store.positions.announce(subject, channel, { sequence, digest: digest('h') }, 1);
            first ??= sequence + 1;
            announced = Math.max(announced, sequence);
          } else {
            store.positions.take(
              {
                subject,
                epoch: channel,
                sequence,
                digest: digest('d'),
                previous: digest('p'),
                createdMs: 1,
                verdict: 'accepted',
              },
              1,
            );
            first = Math.min(first ?? sequence, sequence);
            taken.add(sequence);
          }
        }
        const state = store.positions.channel(subject, channel);
        expect(state === undefined).toBe(first === undefined);
        if (first === undefined) return;
        const highest = taken.size === 0 ? first - 1 : Math.max(...taken);
        const free = (to: number) =>
          Array.from({ length: Math.max(0, to - first + 1) }, (_, i) => first + i).filter(
            (at) => !taken.has(at),
          );
        expect(state).toMatchObject({ first, highest, taken: taken.size });
        expect(state?.announced?.sequence ?? 0).toBe(announced);
        expect(store.positions.missing(subject, channel, 99)).toEqual(free(highest));
        expect(store.positions.missing(subject, channel, 2)).toEqual(free(highest).slice(0, 2));
        expect(state?.gapSinceMs !== undefined).toBe(free(Math.max(highest, announced)).length > 0);
      }),
      { numRuns: 150 },
    );
  });

  test('channels are listed by sender', () => {
    const { store } = freshStore();
    take(store, 1);
    store.positions.announce(
      'comity.it.police.all.now.object',
      epoch,
      { sequence: 1, digest: digest('1') },
      1,
    );
    expect(store.positions.channelsOf(greece).map((row) => row.subject)).toEqual([subject]);
    expect(store.positions.all()).toHaveLength(2);
  });

  test('a fork is kept once, for ever', () => {
    const { store, reopen } = freshStore();
    const fork = { subject, epoch, sequence: 3, first: digest('a'), second: digest('b'), nowMs: 9 };
    store.positions.recordFork(fork);
    store.positions.recordFork({ ...fork, nowMs: 10 });
    store.positions.recordFork({ ...fork, second: digest('c') });
    const { nowMs: atMs, ...kept } = fork;
    const forks = reopen().positions.forks();
    expect(forks).toHaveLength(2);
    expect(forks).toContainEqual({ ...kept, atMs });
  });
});
