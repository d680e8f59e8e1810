/** The bad-input table: what arrives at a gateway by a hub that puts anything on any subject. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSignatureMemory, parseEnvelope, verifyEnvelope } from '../../src/envelope/index.ts';
import { createInbound } from '../../src/gateway/inbound.ts';
import { systemRandom } from '../../src/ids.ts';
import { generateMessageKey } from '../../src/keys/index.ts';
import { createForger, exampleDraft, exampleJson, type Forged, type ForgeOptions } from '../support/forge.ts';
import { type Network, type Node, officer, startNetwork } from '../support/network.ts';

const dayMs = 24 * 3600 * 1000;
let network: Network;
let police: Node;
let forge: (o: ForgeOptions) => Forged;
const now = (): number => police.context.clock.nowMs();

beforeAll(async () => {
  network = await startNetwork({ down: ['gr.customs'] });
  police = network.node('it.police');
  forge = createForger(network.federation);
  // The forger speaks for gr.customs, whose gateway is down: its statement is known, its channels are the forger's.
  police.trust.applyStatement(
    network.federation.agency('gr.customs').id,
    network.federation.agency('gr.customs').statement,
  );
});
afterAll(async () => {
  await network.stop();
});

const honest = { sender: 'gr.customs', reader: 'it.police' } as const;

/** Puts bytes on a subject with the hub's own rights. */
async function inject(subject: string, bytes: Uint8Array): Promise<void> {
  await network.hub.hub.jetstream.publish(subject, bytes);
}

/** The codes that quarantine gains by an injection, once the next good message has arrived behind it. */
async function codesOf(subject: string, bytes: Uint8Array): Promise<readonly string[]> {
  const before = police.gateway.quarantine(undefined, 200).items[0]?.id ?? 0;
  const judged = (): number =>
    police.gateway
      .metrics()
      .filter(({ labels }) => labels !== undefined)
      .reduce((sum, { value }) => sum + value, 0);
  const count = judged();
  await inject(subject, bytes);
  await police.until(() => judged() > count);
  await nextGoodMessage();
  const rows = police.gateway.quarantine(undefined, 200).items.filter(({ id }) => id > before);
  return rows.map(({ code }) => code);
}

/** Every refusal leaves the channel open for what follows. */
async function nextGoodMessage(): Promise<void> {
  const good = forge({ ...honest, nowMs: now() });
  await inject(good.subject, good.bytes);
  await police.until(() => police.store.messages.byDigest(good.digest) !== undefined);
}

const seizures = 'comity.gr.customs.all.day.seizure';

/** A channel of its own, for what never takes its position there. */
const apart = (): ReturnType<typeof exampleDraft> => exampleDraft('object', { lane: 'bulk' });
const apartSubject = 'comity.gr.customs.all.bulk.object';

describe('bytes that are no envelope', () => {
  const flip = (bytes: Uint8Array, at: number): Uint8Array =>
    bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));
  const bulk = 'comity.gr.customs.all.bulk.seizure';
  const good = (): Uint8Array =>
    forge({ ...honest, nowMs: now(), draft: exampleDraft('seizure-minimal', { lane: 'bulk' }) }).bytes;

  test.each<[string, () => Uint8Array, RegExp]>([
    ['random', () => randomBytes(400), /^(ENVELOPE_|HEADER_|WIRE_|NESTING_|FIELDS_)/],
    ['empty', () => new Uint8Array(), /^(ENVELOPE_|HEADER_|WIRE_)/],
    ['truncated', () => good().slice(0, 500), /^ENVELOPE_/],
    ['oversized', () => randomBytes(600 * 1024), /^ENVELOPE_TOO_LARGE$/],
    [
      'deeply nested',
      () => Uint8Array.from({ length: 4000 }, (_, index) => (index % 2 === 0 ? 0x1b : 0x0a)),
      /^(ENVELOPE_|NESTING_)/,
    ],
    [
      'of another wire version',
      () => Uint8Array.from([0x0a, 0x02, 0x08, 0x63]),
      /^(WIRE_VERSION_UNKNOWN|ENVELOPE_|HEADER_)/,
    ],
    ['flipped in the middle', () => flip(good(), 300), /^[A-Z_]+$/],
    ['flipped at the end', () => flip(good(), good().length - 3), /^(ENVELOPE_|PART_|SIGNATURE_)/],
  ])('%s', async (_name, bytes, code) => {
    const codes = await codesOf(bulk, bytes());
    expect(codes).toHaveLength(1);
    expect(codes[0]).toMatch(code);
  });

  test('control: the same envelope unflipped at its place is accepted', async () => {
    expect(await codesOf(seizures, forge({ ...honest, nowMs: now() }).bytes)).toEqual([]);
  });
});

describe('a valid envelope at the wrong place or time', () => {
  test.each<[string, string, () => Forged, string?]>([
    [
      'on another lane',
      'SUBJECT_MISMATCH',
      () => forge({ ...honest, nowMs: now() }),
      'comity.gr.customs.all.bulk.seizure',
    ],
    [
      'on another agency’s subject',
      'SUBJECT_MISMATCH',
      () => forge({ ...honest, nowMs: now() }),
      'comity.fr.heritage.all.day.seizure',
    ],
    [
      'in another stream',
      'SUBJECT_MISMATCH',
      () => forge({ ...honest, nowMs: now() }),
      'comity.gr.customs.to.it.police.day.seizure',
    ],
    [
      'of another federation',
      'FEDERATION_MISMATCH',
      () =>
        forge({ ...honest, nowMs: now(), draft: apart(), header: { federationId: systemRandom.bytes(32) } }),
    ],
    [
      'of another environment',
      'ENVIRONMENT_MISMATCH',
      () => forge({ ...honest, nowMs: now(), draft: apart(), header: { environment: 'exercise' } }),
    ],
    [
      'for another agency, on our subject',
      'MISADDRESSED',
      () => forge({ ...honest, to: 'fr.heritage', nowMs: now() }),
    ],
    [
      'at a position that another holds',
      'POSITION_TAKEN',
      () => forge({ ...honest, nowMs: now(), header: { sequence: 2 } }),
    ],
    [
      'that does not follow',
      'CHAIN_BROKEN',
      () => forge({ ...honest, nowMs: now(), header: { previous: systemRandom.bytes(32) } }),
    ],
    [
      'past its delivery time',
      'DELIVERY_EXPIRED',
      () =>
        forge({
          ...honest,
          nowMs: now(),
          header: {
            subject: 'comity.gr.customs.to.it.police.day.object',
            createdMs: now() - 40 * 60_000,
            deliverByMs: now() - 30 * 60_000,
          },
          draft: exampleDraft('object', { lane: 'day' }),
        }),
    ],
    [
      'made in the future',
      'CREATED_IN_FUTURE',
      () => forge({ ...honest, to: 'it.police', nowMs: now(), header: { createdMs: now() + 10 * 60_000 } }),
    ],
    [
      'made before its predecessor',
      'CREATED_BACKWARDS',
      () => forge({ ...honest, nowMs: now(), header: { createdMs: now() - 3600_000 } }),
    ],
  ])('%s: %s', async (_name, code, make, on) => {
    const forged = make();
    if (code === 'MISADDRESSED') return expect(await misaddressed(forged)).toEqual([code]);
    expect(signedWell(forged)).toBe(true);
    const codes = await codesOf(on ?? forged.subject, forged.bytes);
    expect(codes).toEqual([code]);
    // What was kept back from its own place comes there and is good.
    if (on !== undefined) expect(await codesOf(forged.subject, forged.bytes)).toEqual([]);
  });

  /** Control: whoever checked the signature and nothing else would take every one of these. */
  function signedWell(forged: Forged): boolean {
    const opened = parseEnvelope(forged.bytes);
    const { federationId, environment } = opened.header;
    const trust = network.federation.book();
    verifyEnvelope(opened, { federationId, environment, trust, memory: createSignatureMemory(1) });
    return true;
  }

  /** Only a hub could deliver it to us: the pipeline is given what our mailbox cannot hold. */
  async function misaddressed(forged: Forged): Promise<readonly string[]> {
    const before = police.gateway.quarantine(undefined, 200).items[0]?.id ?? 0;
    const inbound = createInbound(police.context, {
      onBehind: () => {},
      onSuspect: () => {},
      onCommitted: () => {},
    });
    await inbound.take([
      {
        stream: 'TO_it_police',
        streamSequence: 1,
        subject: forged.subject,
        data: forged.bytes,
        delivered: 1,
      },
    ]);
    return police.gateway
      .quarantine(undefined, 200)
      .items.filter(({ id }) => id > before)
      .map(({ code }) => code);
  }

  test('the same message again is a duplicate: counted, no effect', async () => {
    const forged = forge({ ...honest, nowMs: now() });
    expect(await codesOf(forged.subject, forged.bytes)).toEqual([]);
    const stored = police.store.messages.count();
    const duplicates = (): number =>
      Number(police.gateway.metrics().find(({ labels }) => labels?.['verdict'] === 'duplicate')?.value ?? 0);
    const before = duplicates();
    await inject(forged.subject, forged.bytes);
    await police.until(() => duplicates() > before);
    expect(police.store.messages.count()).toBe(stored);
  });
});

describe('a signature that does not count', () => {
  const stranger = (): NonNullable<ForgeOptions['signer']> =>
    generateMessageKey('signing', { notBeforeMs: now() - dayMs, notAfterMs: now() + dayMs }, systemRandom);
  const withHeader = (change: (text: string) => string): Uint8Array => {
    const { bytes } = forge({ ...honest, nowMs: now(), draft: apart() });
    const text = Buffer.from(bytes).toString('latin1');
    return Buffer.from(change(text), 'latin1');
  };

  test.each<[string, string, () => Forged | Uint8Array]>([
    [
      'a foreign key under its own id',
      'KEY_UNKNOWN',
      () => forge({ ...honest, nowMs: now(), signer: stranger(), draft: apart() }),
    ],
    [
      'a foreign key under the sender’s id',
      'SIGNATURE_INVALID',
      () =>
        forge({
          ...honest,
          nowMs: now(),
          signer: stranger(),
          kid: network.federation
            .agency('gr.customs')
            .keys.find(
              ({ use, notBeforeMs, notAfterMs }) =>
                use === 'signing' && notBeforeMs <= now() && now() < notAfterMs,
            )!.kid,
          draft: apart(),
        }),
    ],
    [
      'a key of the sender that is not in force yet',
      'KEY_NOT_IN_FORCE',
      () =>
        forge({
          ...honest,
          nowMs: now(),
          signer: network.federation
            .agency('gr.customs')
            .keys.filter(({ use }) => use === 'signing')
            .at(-1)!,
          draft: apart(),
        }),
    ],
    [
      'another algorithm of the same length',
      'ALGORITHM_REFUSED',
      () => withHeader((text) => text.replace('"alg":"ES256"', '"alg":"HS256"')),
    ],
    [
      'another type',
      'SIGNATURE_HEADER_INVALID',
      () => withHeader((text) => text.replace('comity-batch+jws', 'comity-other+jws')),
    ],
  ])('%s: %s', async (_name, code, make) => {
    const made = make();
    const [subject, bytes] = made instanceof Uint8Array ? [apartSubject, made] : [made.subject, made.bytes];
    expect(await codesOf(subject, bytes)).toEqual([code]);
  });

  test('a revoked agency: AGENCY_REVOKED', async () => {
    const former = network.federation.agency('xa.former');
    police.trust.applyStatement(former.id, former.statement);
    const forged = forge({ sender: 'xa.former', reader: 'it.police', to: 'it.police', nowMs: now() });
    expect(await codesOf(forged.subject, forged.bytes)).toEqual(['AGENCY_REVOKED']);
  });

  test('an unknown agency: SENDER_UNKNOWN', async () => {
    const { bytes } = forge({
      ...honest,
      nowMs: now(),
      draft: apart(),
      header: { subject: 'comity.gr.unknown.to.it.police.day.seizure' },
    });
    expect(await codesOf('comity.gr.unknown.to.it.police.day.seizure', bytes)).toEqual(['SENDER_UNKNOWN']);
  });

  test('a kind that the list does not grant: KIND_NOT_GRANTED', async () => {
    const list = network.federation.signList({
      members: network.federation.trustList.agencies
        .filter(({ agency }) => agency === 'de.liaison')
        .map((member) => ({ ...member, publishes: ['request'] as const })),
    });
    police.trust.applyList(list);
    const forged = createForger(network.federation)({
      sender: 'de.liaison',
      reader: 'it.police',
      to: 'it.police',
      nowMs: now(),
    });
    expect(await codesOf(forged.subject, forged.bytes)).toEqual(['KIND_NOT_GRANTED']);
  });
});

describe('what the sender is told', () => {
  test('a refusal is receipted to its sender with the code', async () => {
    const heritage = network.node('fr.heritage');
    const draft = { ...exampleJson('object'), lane: 'day', to: { agencies: ['it.police'] } };
    const refusing = police.context.policy;
    const decide = refusing.decide.bind(refusing);
    Object.assign(police.context, {
      policy: {
        ...refusing,
        version: refusing.version,
        decide: (request: Parameters<typeof decide>[0]) =>
          request.action === 'accept' && !request.gatewayOwn
            ? {
                effect: 'deny',
                policies: ['house-rule'],
                reasons: [{ policy: 'house-rule', id: 'house-rule', text: 'not today' }],
                obligations: [],
              }
            : decide(request),
      },
    });
    const sent = await heritage.gateway.submit(draft, officer);
    await heritage.until(
      () => heritage.gateway.receipts(sent.id, officer).recipients[0]?.state === 'refused',
    );
    Object.assign(police.context, { policy: refusing });
    expect(heritage.gateway.receipts(sent.id, officer).recipients[0]).toMatchObject({
      agency: 'it.police',
      state: 'refused',
      code: 'POLICY_NOT_ACCEPTED',
    });
    expect(police.gateway.quarantine(undefined, 1).items[0]).toMatchObject({
      code: 'POLICY_NOT_ACCEPTED',
      reasons: [{ policy: 'house-rule' }],
    });
  });
});
