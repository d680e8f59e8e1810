/**
 * `kill -9` of a gateway at each arrow of both pipelines, the first time that it gets there and a later
 * one: what was answered arrives once, in order, with one audit record and a receipt (docs/promises).
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { arrows } from '../../src/gateway/index.ts';
import { type CrashWorld, startCrashWorld } from '../support/crash-world.ts';

let world: CrashWorld;
beforeAll(async () => {
  world = await startCrashWorld();
});
afterAll(async () => {
  await world.stop();
});

test('without a crash nothing is wrong', async () => {
  await world.wave();
});

describe.each(arrows)('killed at %s', (arrow) => {
  test.each([1, 3])('for the %i. time', async (nth) => {
    expect(await world.crashAt({ arrow, nth })).toEqual([]);
  });
});

describe('killed again while it recovers', () => {
  test.each(['outbound.published', 'outbound.marked', 'inbound.written', 'inbound.committed'] as const)(
    'at %s',
    async (arrow) => {
      expect(await world.crashWhileStarting({ arrow, nth: 1 })).toEqual([]);
    },
  );
});
