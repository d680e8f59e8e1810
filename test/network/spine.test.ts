/** The spine, end to end with real parts: draft, policy, seal, hub, verify, open, store, receipt, answer. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Network, officer, startNetwork } from '../support/network.ts';

const example = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(resolve(import.meta.dirname, `../../config/examples/${name}.json`), 'utf8'));

let network: Network;
beforeAll(async () => {
  network = await startNetwork();
});
afterAll(async () => {
  await network.stop();
});

describe('a broadcast', () => {
  test('is verified and opened by each recipient as far as policy allows, and receipted', async () => {
    const customs = network.node('gr.customs');
    const draft = example('seizure');
    const preview = customs.gateway.preview(draft, officer);
    expect(preview.decision).toBe('allow');
    const sent = await customs.gateway.submit(draft, officer);
    for (const recipient of preview.recipients) {
      const node = network.node(recipient.agency);
      await node.event((event) => event.message === sent.id);
      const view = node.gateway.show(sent.id, officer);
      const opened = view.sections.filter(({ state }) => state !== 'withheld').map(({ name }) => name);
      expect(opened).toEqual(recipient.sections.filter(({ reads }) => reads).map(({ name }) => name));
    }
    await customs.until(() =>
      customs.gateway.receipts(sent.id, officer).recipients.every(({ state }) => state === 'arrived'),
    );
    expect(customs.gateway.receipts(sent.id, officer).recipients).toHaveLength(3);
  });

  test('can be answered by a recipient, and the sender sees who has it in hand', async () => {
    const customs = network.node('gr.customs');
    const police = network.node('it.police');
    const sent = await customs.gateway.submit(example('seizure-minimal'), officer);
    await police.event((event) => event.message === sent.id);
    const { digest } = police.gateway.show(sent.id, officer);
    const response = example('response');
    const cover = {
      ...(response['cover'] as object),
      inReplyTo: { digest: Buffer.from(digest, 'hex').toString('base64') },
    };
    await police.gateway.submit({ ...response, cover }, officer);
    await customs.until(() =>
      customs.gateway.receipts(sent.id, officer).recipients.some(({ state }) => state === 'answered'),
    );
    const [answered] = customs.gateway
      .receipts(sent.id, officer)
      .recipients.filter(({ state }) => state === 'answered');
    expect(answered?.agency).toBe('it.police');
    expect(answered?.answers[0]?.status).toBe('RESPONSE_STATUS_IN_HAND');
  });

  test('is on record at the reader with who asked: the officer, and the service in the officer’s name', async () => {
    const police = network.node('it.police');
    const sent = await network.node('gr.customs').gateway.submit(example('seizure-minimal'), officer);
    await police.event((event) => event.message === sent.id);
    police.gateway.show(sent.id, { ...officer, service: 'case-system' });
    const records = police.store.auditRows
      .read(0, 10_000)
      .map(({ record }) => JSON.parse(Buffer.from(record).toString()));
    const [read] = records.filter(({ event, message }) => event === 'section.read' && message === sent.id);
    expect(read).toMatchObject({ officer: 'officer-17', service: 'case-system', agency: 'it.police' });
    expect(read.sections).toContain('goods');
  });
});
