/** What the hub no longer takes from an agency waits, and holds up nothing that it takes. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hubPlanOf } from '../../src/gateway/index.ts';
import { exampleJson } from '../support/forge.ts';
import { type Network, officer, startNetwork } from '../support/network.ts';

let network: Network;
beforeAll(async () => {
  network = await startNetwork();
});
afterAll(async () => {
  await network.stop();
});

test('a kind that is withdrawn while messages of it wait delays no other kind and no other lane', async () => {
  const [customs, police] = [network.node('gr.customs'), network.node('it.police')];
  const plan = hubPlanOf(customs.trust, customs.context.clock.nowMs());
  const narrowed = plan.agencies.map((one) =>
    one.agency === customs.agency
      ? { ...one, publishes: one.publishes.filter((kind) => kind !== 'shipment') }
      : one,
  );
  await network.hub.apply({ ...plan, agencies: narrowed });
  const shipment = exampleJson('shipment');
  const waiting = await Promise.all(
    (['now', 'day'] as const).map((lane) =>
      customs.gateway.submit({ ...shipment, lane, to: 'all' }, officer),
    ),
  );
  const sent = await Promise.all(
    (['day', 'bulk'] as const).map((lane) =>
      customs.gateway.submit({ ...exampleJson('seizure-minimal'), lane }, officer),
    ),
  );
  for (const { id } of sent) await police.event(({ message }) => message === id);
  expect(customs.gateway.health().waitingOutbox).toBeGreaterThanOrEqual(waiting.length);
  // Granted again, it leaves by itself.
  await network.hub.apply(plan);
  for (const { id } of waiting) await police.event(({ message }) => message === id);
});
