/** A member with keys and rights of its own that says what no honest gateway says: it harms nobody but itself. */
import { create, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { emit, type Sealed } from '../../src/gateway/emit.ts';
import { ownMessage, ownSchemas, type SealInside } from '../../src/gateway/own-message.ts';
import { HeartbeatBodySchema } from '../../src/gen/comity/beat/v1/beat_pb.js';
import {
  AudienceKeyBodySchema,
  ChannelHeadsSchema,
  HeadsBodySchema,
} from '../../src/gen/comity/control/v1/control_pb.js';
import { ReceiptBodySchema, ReceiptExceptionsSchema } from '../../src/gen/comity/receipt/v1/receipt_pb.js';
import { systemRandom } from '../../src/ids.ts';
import { keyId } from '../../src/keys/index.ts';
import { beatSubject, broadcastSubject, directedSubject } from '../../src/subjects.ts';
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

const beyond = 2n ** 63n + 1n;
const zeros = new Uint8Array(32);
const ownChannel = (sequence: bigint, epoch = systemRandom.bytes(16)) => ({
  subject: 'comity.it.police.all.day.seizure',
  epoch,
  sequence,
  digest: zeros,
});

const judged = (verdict: string): number =>
  Number(customs.gateway.metrics().find(({ labels }) => labels?.['verdict'] === verdict)?.value ?? 0);

/** Sends what it.police's gateway would never make, and an honest message after it; resolves when that one is here. */
async function say(message: Sealed): Promise<void> {
  police.context.store.transaction(() => emit(police.context, [message]));
  const sent = await police.gateway.submit({ ...exampleJson('seizure-minimal'), lane: 'bulk' }, officer);
  await customs.event(({ message: id }) => id === sent.id);
}

const pair = () => police.context.pairs.to(customs.agency, police.context.clock.nowMs());

const heads = (content: (seal: SealInside) => object): Sealed =>
  ownMessage(police.context, {
    subject: directedSubject(police.agency, customs.agency, 'now', 'control'),
    lane: 'now',
    schema: ownSchemas.heads,
    body: HeadsBodySchema,
    chained: true,
    content,
  });

const receipt = (content: (seal: SealInside) => object): Sealed =>
  ownMessage(police.context, {
    subject: directedSubject(police.agency, customs.agency, 'now', 'receipt'),
    lane: 'now',
    schema: ownSchemas.receipt,
    body: ReceiptBodySchema,
    chained: true,
    content,
  });

describe('a gateway message of a member', () => {
  test('that announces a position beyond what a number holds is refused with its code', async () => {
    const plain = toBinary(ChannelHeadsSchema, create(ChannelHeadsSchema, { heads: [ownChannel(beyond)] }));
    const before = judged('SECTION_INVALID');
    await say(heads((seal) => ({ channels: seal(pair(), plain) })));
    await customs.until(() => judged('SECTION_INVALID') > before);
    expect(judged('INTERNAL')).toBe(0);
  });

  test('a heartbeat likewise', async () => {
    const beat = ownMessage(police.context, {
      subject: beatSubject(police.agency, 'seizure'),
      lane: 'now',
      schema: ownSchemas.beat,
      body: HeartbeatBodySchema,
      chained: false,
      content: () => ({ heads: [ownChannel(beyond)], trustVersion: 1n }),
    });
    const before = judged('SECTION_INVALID');
    await say(beat);
    await customs.until(() => judged('SECTION_INVALID') > before);
    expect(judged('INTERNAL')).toBe(0);
  });

  test('an audience key whose times are beyond what a number holds likewise', async () => {
    const key = systemRandom.bytes(32);
    const message = ownMessage(police.context, {
      subject: broadcastSubject(police.agency, 'now', 'control'),
      lane: 'now',
      schema: ownSchemas.audienceKey,
      body: AudienceKeyBodySchema,
      chained: true,
      content: () => ({ keyId: keyId(key), notBeforeMs: beyond, notAfterMs: beyond, wraps: [] }),
    });
    const before = judged('SECTION_INVALID');
    await say(message);
    await customs.until(() => judged('SECTION_INVALID') > before);
    expect(judged('INTERNAL')).toBe(0);
  });

  test.each([
    ['Heads', () => heads((seal) => ({ channels: seal(pair(), Uint8Array.of(0xff, 0xff)) }))],
    ['a receipt', () => receipt((seal) => ({ exceptions: seal(pair(), Uint8Array.of(0xff, 0xff)) }))],
  ])('%s whose sealed part is no message is refused with its code, at once', async (_name, make) => {
    const before = judged('SECTION_INVALID');
    await say(make());
    await customs.until(() => judged('SECTION_INVALID') > before);
    expect(judged('INTERNAL')).toBe(0);
  });

  test.each([
    ['a code that is none', [{ channel: 0, sequence: 1n, code: 'X\n{"level":"error"}' }]],
    [
      'more exceptions than a receipt has',
      Array.from({ length: 1001 }, () => ({ channel: 0, sequence: 0n, code: 'MISSING' })),
    ],
  ])('a receipt with %s is refused', async (_name, exceptions) => {
    const plain = toBinary(ReceiptExceptionsSchema, create(ReceiptExceptionsSchema, { exceptions }));
    const before = judged('SECTION_INVALID');
    const channels = [
      { ...ownChannel(0n), subject: 'comity.gr.customs.all.day.seizure', epoch: new Uint8Array() },
    ];
    await say(receipt((seal) => ({ channels, exceptions: seal(pair(), plain) })));
    await customs.until(() => judged('SECTION_INVALID') > before);
    expect(customs.store.events.after(0, 10_000).filter(({ type }) => type === 'receipt.unreadable')).toEqual(
      [],
    );
  });
});

describe('receipts', () => {
  test('to others leave though one peer has more channels than a receipt holds', async () => {
    customs.context.store.transaction(() => {
      for (let index = 0; index < 4000; index += 1)
        customs.store.receipts.note(
          police.agency,
          'comity.it.police.all.day.seizure',
          systemRandom.bytes(16),
        );
    });
    const heritage = network.node('fr.heritage');
    const sent = await heritage.gateway.submit({ ...exampleJson('object'), lane: 'day' }, officer);
    await heritage.until(() =>
      heritage.gateway
        .receipts(sent.id, officer)
        .recipients.some(({ agency, state }) => agency === 'gr.customs' && state === 'arrived'),
    );
    await customs.until(() => !customs.store.receipts.due().includes(police.agency));
  });
});

describe('a draft', () => {
  test('with a deliver-by that no message may have is refused, and those beside it are sent', async () => {
    const deliverBy = new Date(customs.context.clock.nowMs() + 60 * 24 * 3_600_000).toISOString();
    const [late, good] = await Promise.allSettled([
      customs.gateway.submit({ ...exampleJson('seizure-minimal'), deliverBy }, officer),
      customs.gateway.submit(exampleJson('seizure-minimal'), officer),
    ]);
    expect(late).toMatchObject({ status: 'rejected', reason: { code: 'DRAFT_INVALID' } });
    expect(good).toMatchObject({ status: 'fulfilled' });
  });
});
