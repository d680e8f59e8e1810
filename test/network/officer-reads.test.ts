/** What an officer may not read, the gateway does not tell of either: in lists, events, answers, receipts, references. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Officer } from '../../src/gateway/views.ts';
import { exampleJson } from '../support/forge.ts';
import { type Network, type Node, officer, startNetwork } from '../support/network.ts';

const baseline = readFileSync(resolve(import.meta.dirname, '../../config/policy/federation.cedar'), 'utf8');
/** A trainee reads no answers and no covers. */
const federationPolicy = `${baseline}
@id("trainees-read-no-answers")
@reason("answers-for-the-desk: answers are for the desk")
forbid (principal, action == Comity::Action::"read", resource)
when { principal.role == "trainee" && (resource.kind == "response" || resource.category == "COVER") };
`;
const trainee: Officer = { ...officer, pseudonym: 'trainee-3', role: 'trainee', scopes: ['read'] };

let network: Network;
let customs: Node;
let asked: Readonly<{ id: string; reference: string }>;
let answer: string;
beforeAll(async () => {
  network = await startNetwork({ down: ['gr.customs'] });
  customs = await network.start('gr.customs', { federationPolicy });
  await customs.until(() => customs.gateway.health().missingStatements.length === 0);
  const police = network.node('it.police');
  await police.until(() => police.gateway.health().missingStatements.length === 0);
  asked = await customs.gateway.submit(exampleJson('seizure-minimal'), officer);
  await police.event(({ message }) => message === asked.id);
  const draft = exampleJson('response') as { cover: object };
  const sent = await police.gateway.submit(
    {
      ...draft,
      to: { agencies: ['gr.customs'] },
      cover: {
        ...draft.cover,
        inReplyTo: {
          digest: Buffer.from(police.gateway.show(asked.id, officer).digest, 'hex').toString('base64'),
        },
      },
    },
    officer,
  );
  answer = sent.id;
  await customs.event(({ message }) => message === answer);
});
afterAll(async () => {
  await network.stop();
});

const told = (who: Officer) => customs.gateway.events(who, { after: 0, limit: 1000 });

describe('an officer who may not read answers', () => {
  test('is told of none, and the control is told', async () => {
    expect(customs.gateway.show(asked.id, officer).answers).toEqual([answer]);
    expect(customs.gateway.show(asked.id, trainee).answers).toEqual([]);
    expect(told(officer).events.map(({ message }) => message)).toContain(answer);
    expect(told(trainee).events.map(({ message }) => message)).not.toContain(answer);
    expect(told(trainee).upTo).toBe(told(officer).upTo);
  });

  test('sees no answer in the receipts, and the control does, on record', async () => {
    const of = (who: Officer) =>
      customs.gateway.receipts(asked.id, who).recipients.find(({ agency }) => agency === 'it.police');
    expect(of(officer)).toMatchObject({ state: 'answered', answers: [{ id: answer }] });
    expect(of(trainee)?.answers).toEqual([]);
    expect(of(trainee)?.state).not.toBe('answered');
    const read = customs.store.auditRows
      .read(0, 10_000)
      .map(({ record }) => Buffer.from(record).toString())
      .filter((record) => record.includes('section.read') && record.includes(answer));
    expect(read).not.toEqual([]);
  });
});

describe('an officer who may not read covers', () => {
  test('sees no reference, finds none, and hears of none', async () => {
    const { reference } = asked;
    const [row] = (await customs.gateway.list({ direction: 'out' }, trainee)).items;
    expect(row).toMatchObject({ id: asked.id });
    expect(JSON.stringify(row)).not.toContain(reference);
    expect((await customs.gateway.list({ reference }, officer)).items).toHaveLength(1);
    expect((await customs.gateway.list({ reference }, trainee)).items).toEqual([]);
    expect(JSON.stringify(told(officer))).toContain(reference);
    expect(JSON.stringify(told(trainee))).not.toContain(reference);
    expect(JSON.stringify(customs.gateway.receipts(asked.id, trainee))).not.toContain(reference);
  });
});
