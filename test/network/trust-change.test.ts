/** A new trust list reaches every gateway over the hub, and what it revokes ends there. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { publishTrust } from '../../src/transport/index.ts';
import { createForger, exampleJson } from '../support/forge.ts';
import { type Network, type Node, officer, startNetwork } from '../support/network.ts';

const withinMs = 5000;
let network: Network;
beforeAll(async () => {
  network = await startNetwork();
});
afterAll(async () => {
  await network.stop();
});

const survivors = (): Node[] =>
  ['gr.customs', 'it.police', 'de.liaison'].map((agency) => network.node(agency));

describe('an agency revoked by a new list', () => {
  test('is refused, sealed to no more, and its earlier messages stay', async () => {
    const customs = network.node('gr.customs');
    const heritage = network.node('fr.heritage');
    const police = network.node('it.police');
    const before = await heritage.gateway.submit({ ...exampleJson('object'), lane: 'day' }, officer);
    await police.event(({ message }) => message === before.id);
    const first = await customs.gateway.submit(exampleJson('seizure-minimal'), officer);
    expect(first.recipients.map(({ agency }) => agency)).toContain('fr.heritage');
    await heritage.event(({ message }) => message === first.id);

    const nowMs = police.context.clock.nowMs();
    const [member] = network.federation.trustList.agencies.filter(({ agency }) => agency === 'fr.heritage');
    if (member === undefined) throw new TypeError('fr.heritage is a member');
    const list = network.federation.signList({
      members: [{ ...member, status: [...member.status, { state: 'revoked', fromMs: nowMs }] }],
    });
    const published = Date.now();
    await publishTrust(network.hub.hub, list);
    await Promise.all(survivors().map((node) => node.until(() => node.trust.list().version === 2)));
    expect(Date.now() - published).toBeLessThan(withinMs);

    // What its keys sign from now on is refused, though they are listed for weeks.
    const forged = createForger(network.federation)({
      sender: 'fr.heritage',
      reader: 'it.police',
      to: 'it.police',
      nowMs: police.context.clock.nowMs(),
    });
    await network.hub.hub.jetstream.publish(forged.subject, forged.bytes);
    await police.until(() =>
      police.gateway.quarantine(undefined, 5).items.some(({ code }) => code === 'AGENCY_REVOKED'),
    );

    // New keys are drawn without it, and nothing is sealed to it by name.
    const second = await customs.gateway.submit(exampleJson('seizure-minimal'), officer);
    expect(second.recipients.map(({ agency }) => agency)).not.toContain('fr.heritage');
    await police.event(({ message }) => message === second.id);
    await expect(
      customs.gateway.submit(
        { ...exampleJson('seizure-minimal'), to: { agencies: ['fr.heritage'] } },
        officer,
      ),
    ).rejects.toMatchObject({ code: 'RECIPIENT_UNKNOWN' });

    // What was said before stands.
    expect(police.gateway.show(before.id, officer).from).toBe('fr.heritage');
  });

  test('an older list, and another of the same version, change nothing', async () => {
    const police = network.node('it.police');
    await publishTrust(network.hub.hub, network.federation.list);
    const sent = await network.node('gr.customs').gateway.submit(exampleJson('seizure-minimal'), officer);
    await police.event(({ message }) => message === sent.id);
    expect(police.trust.list().version).toBe(2);
  });
});
