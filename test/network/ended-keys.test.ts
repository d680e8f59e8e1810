/** A gateway whose listed keys have ended cannot speak; it lives, says so, and starts again. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { limits } from '../../src/limits.ts';
import { exampleJson } from '../support/forge.ts';
import {
  type Network,
  officer,
  type ShiftingClock,
  shiftingClock,
  startNetwork,
} from '../support/network.ts';

let network: Network;
let clock: ShiftingClock;
beforeAll(async () => {
  clock = shiftingClock();
  network = await startNetwork({ clock, weeks: 1, agencies: ['gr.customs', 'it.police'] });
});
afterAll(async () => {
  await network.stop();
});

test('the end of the last key stops no gateway', async () => {
  const customs = network.node('gr.customs');
  await customs.gateway.submit(exampleJson('seizure-minimal'), officer);
  clock.advance(limits.keyWindowMs + limits.beatIntervalMs);
  clock.advance(limits.beatIntervalMs);
  expect(customs.gateway.health().checks.find(({ id }) => id === 'keys')?.state).toBe('failing');
  await expect(customs.gateway.submit(exampleJson('seizure-minimal'), officer)).rejects.toMatchObject({
    code: 'SIGNING_KEY_ENDED',
  });
  await customs.stop();
  const again = await network.start('gr.customs');
  expect(again.gateway.health().link).toBe('connected');
});
