/** A member with every right that lies in what only it can say: its own signed receipts. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { emit } from '../../src/gateway/emit.ts';
import { ownMessage, ownSchemas } from '../../src/gateway/own-message.ts';
import { ReceiptBodySchema } from '../../src/gen/comity/receipt/v1/receipt_pb.js';
import { systemRandom } from '../../src/ids.ts';
import { directedSubject } from '../../src/subjects.ts';
import { exampleJson } from '../support/forge.ts';
import { type Network, type Node, officer, startNetwork } from '../support/network.ts';

let network: Network;
let customs: Node;
let police: Node;
beforeAll(async () => {
  network = await startNetwork();
  customs = network.node('gr.customs');
  police = network.node('it.police');
});
afterAll(async () => {
  await network.stop();
});

type Claim = Readonly<{ subject: string; epoch: Uint8Array; sequence: bigint; digest: Uint8Array }>;

/** A receipt of it.police that says what the test wants; resolves when gr.customs has judged it. */
async function claim(channel: Claim): Promise<void> {
  const { context } = police;
  const subject = directedSubject(police.agency, customs.agency, 'now', 'receipt');
  const judged = (): number =>
    Number(customs.gateway.metrics().find(({ labels }) => labels?.['verdict'] === 'absorbed')?.value ?? 0);
  const before = judged();
  const receipt = ownMessage(context, {
    subject,
    lane: 'now',
    schema: ownSchemas.receipt,
    body: ReceiptBodySchema,
    chained: true,
    content: () => ({ channels: [channel] }),
  });
  context.store.transaction(() => emit(context, [receipt]));
  await police.gateway.submit({ ...exampleJson('seizure-minimal'), lane: 'bulk' }, officer);
  await customs.until(() => judged() > before);
}

const storeState = (): string | undefined =>
  customs.gateway.health().checks.find(({ id }) => id === 'store')?.state;
const subject = 'comity.gr.customs.all.day.seizure';

describe('a receipt', () => {
  test('for a position that we never had does not stop us: the hub is asked, and knows none', async () => {
    await customs.gateway.submit(exampleJson('seizure-minimal'), officer);
    await claim({
      subject,
      epoch: customs.store.epoch,
      sequence: 1_000_000n,
      digest: systemRandom.bytes(32),
    });
    const sent = await customs.gateway.submit(exampleJson('seizure-minimal'), officer);
    await police.event(({ message }) => message === sent.id);
    expect(storeState()).toBe('ok');
  });

  test('for another message at our position is recorded and changes no state', async () => {
    const heritage = network.node('fr.heritage');
    await heritage.stop();
    const sent = await customs.gateway.submit(exampleJson('seizure-minimal'), officer);
    await customs.until(() =>
      customs.gateway
        .receipts(sent.id, officer)
        .recipients.some(({ agency, state }) => agency === 'it.police' && state === 'arrived'),
    );
    const sequence = sent.copies[0]?.sequence ?? 0;
    await claim({
      subject,
      epoch: customs.store.epoch,
      sequence: BigInt(sequence),
      digest: systemRandom.bytes(32),
    });
    const states = new Map(
      customs.gateway.receipts(sent.id, officer).recipients.map(({ agency, state }) => [agency, state]),
    );
    expect(states.get('fr.heritage' as never)).not.toBe('arrived');
    const forks = customs.store.auditRows
      .read(0, 10_000)
      .filter(({ record }) => Buffer.from(record).includes('fork.recorded'));
    expect(forks).toHaveLength(1);
  });

  test('about a channel of somebody else changes nothing there', async () => {
    await claim({
      subject: 'comity.de.liaison.all.day.seizure',
      epoch: systemRandom.bytes(16),
      sequence: 5n,
      digest: systemRandom.bytes(32),
    });
    expect(storeState()).toBe('ok');
  });
});
