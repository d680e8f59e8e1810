/**
 * A recipient that is away for three weeks and as many key changes: it verifies and opens everything, once
 * and in order, with the keys in force when it was sent. Gateways follow a clock that is moved on; the hub
 * runs on real time.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { utf8Text } from '../../src/bytes.ts';
import type { GatewayContext } from '../../src/gateway/index.ts';
import { limits } from '../../src/limits.ts';
import type { OutboxRow } from '../../src/store/port.ts';
import { faultsOf, type Submitted } from '../support/crash-history.ts';
import { observe } from '../support/crash-observe.ts';
import {
  type Network,
  type Node,
  officer,
  type ShiftingClock,
  shiftingClock,
  startNetwork,
} from '../support/network.ts';

const seizure: Record<string, unknown> = JSON.parse(
  readFileSync(resolve(import.meta.dirname, '../../config/examples/seizure-minimal.json'), 'utf8'),
);
const hourMs = 3600_000;
const names = ['gr.customs', 'it.police', 'fr.heritage'];
const away = 'fr.heritage';

let clock: ShiftingClock;
let network: Network;
let submitted: Submitted[];
afterEach(async () => {
  await network.stop();
});

/** The gateways' time is an hour into a week of keys; `away` was there and is not now. */
async function startAnHourIntoAWeek(): Promise<void> {
  clock = shiftingClock();
  submitted = [];
  clock.advance(limits.keyWindowMs - (clock.nowMs() % limits.keyWindowMs) + hourMs);
  network = await startNetwork({ agencies: names, clock, weeks: 6 });
  await network.node(away).stop();
}

/** `to` one agency, or all. */
async function send(from: string, to: string, messages: number): Promise<void> {
  const recipients = to === 'all' ? names.filter((name) => name !== from) : [to];
  const draft = { ...seizure, to: to === 'all' ? 'all' : { agencies: [to] } };
  for (let sent = 0; sent < messages; sent += 1) {
    const { id } = await network.node(from).gateway.submit(draft, officer);
    submitted.push({ from, key: id, recipients, answers: [id] });
  }
  await network.node(from).until(() => network.node(from).store.outbox.unsent() === 0);
}

/** A key change on the way; what is due by then is done. */
async function aWeekPasses(): Promise<void> {
  clock.advance(limits.keyWindowMs);
  const running = names.filter((name) => name !== away).map((name) => network.node(name));
  await Promise.all(running.map((node) => node.until(() => node.store.outbox.unsent() === 0)));
}

function arrivedAt(node: Node): number {
  return submitted.filter(
    ({ recipients, answers: [id] }) =>
      recipients.includes(node.agency) && node.store.messages.byId(id ?? '') !== undefined,
  ).length;
}

const dueTo = (name: string): number =>
  submitted.filter(({ recipients }) => recipients.includes(name)).length;

function auditedAt({ store }: Node, event: string, code?: string): number {
  return store.auditRows
    .read(1, 1_000_000)
    .map(({ record }) => JSON.parse(utf8Text(record)) as { event: string; code?: string })
    .filter((record) => record.event === event && (code === undefined || record.code === code)).length;
}

async function settled(): Promise<void> {
  const faults = (): readonly string[] =>
    faultsOf({ submitted, agencies: names.map((name) => observe(network.node(name), false)) });
  await Promise.all(
    names.map((name) => network.node(name).until(() => arrivedAt(network.node(name)) === dueTo(name))),
  );
  await network.node('gr.customs').until(() => {
    if (faults().length === 0) return true;
    clock.advance(limits.receiptIntervalMs);
    return false;
  });
  expect(faults()).toEqual([]);
}

test('21 days away, across three key changes: everything verifies and opens, once, in order', async () => {
  await startAnHourIntoAWeek();
  // it.police says nothing after the first week: only its heartbeats and Heads vouch for that.
  await send('it.police', 'all', 4);
  await send('it.police', away, 3);
  for (let week = 0; week < 3; week += 1) {
    await send('gr.customs', 'all', 5);
    await send('gr.customs', away, 4);
    await aWeekPasses();
  }
  const node = await network.start(away);
  await settled();
  expect(auditedAt(node, 'message.parked', 'AWAITING_HEAD')).toBeGreaterThan(0);
  expect(node.gateway.health()).toMatchObject({ parked: 0, quarantined: 0 });
  const keys = new Set(
    submitted.map(({ answers: [id] }) =>
      Math.floor(Date.parse(node.gateway.show(id ?? '', officer).createdAt) / limits.keyWindowMs),
    ),
  );
  expect(keys.size).toBe(3);
  for (const {
    answers: [id],
  } of submitted) {
    const opened = node.gateway.show(id ?? '', officer).sections.filter(({ state }) => state === 'read');
    expect(opened.map(({ name }) => name)).toContain('situation');
  }
});

/** The sender says nothing of its channels but by new messages. */
function sayingNothing(context: GatewayContext): GatewayContext {
  const { outbox } = context.store;
  const append = (row: Omit<OutboxRow, 'id'>): number =>
    row.subject.includes('.beat.') || /\.to\..*\.now\.control$/.test(row.subject) ? 0 : outbox.append(row);
  return { ...context, store: { ...context.store, outbox: { ...outbox, append } } };
}

describe('what an ended key signed', () => {
  /** gr.customs sends, and stops before its key ends; the recipient comes back in the next week. */
  async function awayOverAKeyChange(): Promise<Node> {
    await startAnHourIntoAWeek();
    await send('gr.customs', 'all', 3);
    await send('gr.customs', away, 2);
    await network.node('it.police').until(() => arrivedAt(network.node('it.police')) === 3);
    await network.node('gr.customs').stop();
    clock.advance(limits.keyWindowMs);
    const node = await network.start(away);
    // Three broadcasts, two directed messages, and the key under which the broadcasts are sealed.
    await node.until(() => node.gateway.health().parked === 6);
    expect(arrivedAt(node)).toBe(0);
    return node;
  }

  test('stays parked where nothing newer vouches, and opens with the next message of each channel', async () => {
    const node = await awayOverAKeyChange();
    await network.start('gr.customs', { wrap: sayingNothing });
    await send('it.police', away, 1);
    await node.until(() => arrivedAt(node) === 1);
    expect(node.gateway.health().parked).toBe(6);
    await send('gr.customs', away, 1);
    await node.until(() => arrivedAt(node) === 4);
    await send('gr.customs', 'all', 1);
    await settled();
    expect(node.gateway.health()).toMatchObject({ parked: 0, quarantined: 0 });
  });

  test('opens as soon as the sender runs again, by its heartbeats and Heads alone', async () => {
    const node = await awayOverAKeyChange();
    await network.start('gr.customs');
    await settled();
    expect(node.gateway.health()).toMatchObject({ parked: 0, quarantined: 0 });
  });

  test('a receipt likewise: its receiver is told of the channel after the key change', async () => {
    await startAnHourIntoAWeek();
    await send('gr.customs', 'it.police', 1);
    const police = network.node('it.police');
    await police.until(() => arrivedAt(police) === 1);
    await network.node('gr.customs').stop();
    clock.advance(limits.receiptIntervalMs);
    await police.until(
      () =>
        police.store.channels.head('comity.it.police.to.gr.customs.now.receipt') !== undefined &&
        police.store.outbox.unsent() === 0,
    );
    clock.advance(limits.keyWindowMs);
    const customs = await network.start('gr.customs');
    const [sent] = submitted;
    await customs.until(
      () => customs.gateway.receipts(sent?.answers[0] ?? '', officer).recipients[0]?.state === 'arrived',
    );
    expect(customs.gateway.health().quarantined).toBe(0);
  });
});
