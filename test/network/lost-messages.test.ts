/** A hub that drops more than a receipt can report: nothing that never came is receipted as if it had. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { limits } from '../../src/limits.ts';
import { exampleJson } from '../support/forge.ts';
import { type Network, officer, startNetwork } from '../support/network.ts';

let network: Network;
beforeAll(async () => {
  network = await startNetwork({ agencies: ['gr.customs', 'it.police'] });
});
afterAll(async () => {
  await network.stop();
});

test('what the hub dropped beyond the bound of exceptions is not shown as arrived', async () => {
  const police = network.node('it.police');
  const send = async (count: number): Promise<readonly string[]> => {
    const draft = exampleJson('seizure-minimal');
    const sent = await Promise.all(
      Array.from({ length: count }, () => police.gateway.submit(draft, officer)),
    );
    await police.until(() => police.gateway.health().waitingOutbox === 0);
    return sent.map(({ id }) => id);
  };
  const stateOf = (id: string | undefined): string | undefined =>
    police.gateway.receipts(id ?? '', officer).recipients[0]?.state;
  const [first] = await send(1);
  await police.until(() => stateOf(first) === 'arrived');
  await network.node('gr.customs').stop();
  const dropped = await send(limits.receiptExceptionsMax + 100);
  const stream = police.context.layout().streamOf('comity.it.police.all.day.seizure');
  await network.hub.hub.manager.streams.purge(stream);
  const [last] = await send(1);
  const customs = await network.start('gr.customs');
  await customs.event(({ message }) => message === last);
  await police.until(() => stateOf(dropped[0]) === 'waiting');
  expect(stateOf(dropped.at(limits.receiptExceptionsMax - 1))).toBe('waiting');
  expect(stateOf(dropped.at(-1))).toBe('published');
}, 60_000);
