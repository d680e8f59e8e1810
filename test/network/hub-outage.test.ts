/** The hub dies, stays away, comes back; and stores that are not what they should be (promises, Faults). */

import { readFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asComityError } from '../../src/errors.ts';
import type { GatewayContext } from '../../src/gateway/index.ts';
import { limits } from '../../src/limits.ts';
import type { Outgoing, Transport } from '../../src/transport/port.ts';
import { faultsOf, type Submitted } from '../support/crash-history.ts';
import { observe } from '../support/crash-observe.ts';
import {
  type Network,
  officer,
  type ShiftingClock,
  shiftingClock,
  startNetwork,
} from '../support/network.ts';

const seizure: Record<string, unknown> = JSON.parse(
  readFileSync(resolve(import.meta.dirname, '../../config/examples/seizure-minimal.json'), 'utf8'),
);
const names = ['gr.customs', 'it.police', 'fr.heritage'];

/** The code that it is refused with. */
const refusal = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => 'none',
    (error: unknown) => asComityError(error).code,
  );

let clock: ShiftingClock;
let network: Network;
let submitted: Submitted[];
beforeAll(async () => {
  clock = shiftingClock();
  submitted = [];
  network = await startNetwork({ agencies: names, clock });
});
afterAll(async () => {
  await network.stop();
});

/** Broadcasts, all at once, whose answers are kept. */
async function burst(from: string, messages: number): Promise<void> {
  const node = network.node(from);
  await Promise.all(
    Array.from({ length: messages }, async () => {
      const { id } = await node.gateway.submit({ ...seizure, to: 'all' }, officer);
      submitted.push({ from, key: id, recipients: names.filter((name) => name !== from), answers: [id] });
    }),
  );
}

function faults(): readonly string[] {
  return faultsOf({ submitted, agencies: names.map((name) => observe(network.node(name), false)) });
}

/** Resolves when every message is where it belongs and receipted; the receipts' interval passes by the clock. */
async function settled(): Promise<void> {
  const arrived = (name: string): boolean =>
    submitted.every(
      ({ recipients, answers: [id] }) =>
        !recipients.includes(name) || network.node(name).store.messages.byId(id ?? '') !== undefined,
    );
  await Promise.all(names.map((name) => network.node(name).until(() => arrived(name))));
  const customs = network.node('gr.customs');
  await customs.until(() => {
    if (faults().length === 0) return true;
    clock.advance(limits.receiptIntervalMs);
    return false;
  });
}

describe('kill -9 of nats-server', () => {
  test('during a burst: everything arrives once, in order', async () => {
    const before = burst('gr.customs', 300);
    const hub = network.hub.crashAndRestart();
    await Promise.all([before, burst('it.police', 100)]);
    await hub;
    await burst('gr.customs', 50);
    await settled();
    expect(faults()).toEqual([]);
  });

  test('again and again between publishing and acknowledgement: everything arrives once, in order', async () => {
    const customs = network.node('gr.customs');
    for (let round = 0; round < 3; round += 1) {
      await burst('gr.customs', 60);
      const published = customs.store.outbox.unsent();
      await network.hub.crashAndRestart();
      expect(published).toBeGreaterThan(0);
      await burst('gr.customs', 10);
    }
    await settled();
    expect(faults()).toEqual([]);
  });

  test('for long: drafts are accepted into the outbox, health says so, and all leaves on its return', async () => {
    const customs = network.node('gr.customs');
    await customs.until(() => customs.store.outbox.unsent() === 0);
    await network.hub.crash();
    await customs.until(() => customs.transport.state !== 'connected');
    await burst('gr.customs', 200);
    expect(customs.store.outbox.unsent()).toBeGreaterThanOrEqual(200);
    const { ready, checks } = customs.gateway.health();
    expect(ready).toBe(false);
    expect(checks.find(({ id }) => id === 'link')?.state).toBe('failing');
    clock.advance(3 * 3600_000);
    await burst('gr.customs', 1);
    await network.hub.restart();
    await settled();
    expect(faults()).toEqual([]);
    expect(customs.store.outbox.unsent()).toBe(0);
  });

  test('and a restart of the gateway meanwhile: what waited leaves', async () => {
    await network.hub.crash();
    const customs = network.node('gr.customs');
    await customs.until(() => customs.transport.state !== 'connected');
    await burst('gr.customs', 5);
    // The time that a stop gives the outbox passes at once.
    let stopped = false;
    const stopping = customs.stop().finally(() => {
      stopped = true;
    });
    await network.node('it.police').until(() => {
      clock.advance(10_000);
      return stopped;
    });
    await stopping;
    const starting = network.start('gr.customs');
    await network.hub.restart();
    await starting;
    await settled();
    expect(faults()).toEqual([]);
  });
});

describe('a full outbox', () => {
  test('is BACK_PRESSURE, and taken up again when there is room', async () => {
    await network.node('gr.customs').stop();
    let waiting = limits.outboxRowsMax - 2;
    const wrap = (context: GatewayContext): GatewayContext => {
      const { outbox } = context.store;
      const unsent = (): number => waiting + outbox.unsent();
      return { ...context, store: { ...context.store, outbox: { ...outbox, unsent } } };
    };
    await network.hub.crash();
    const starting = network.start('gr.customs', { wrap });
    await network.hub.restart();
    const customs = await starting;
    await network.hub.crash();
    await customs.until(() => customs.transport.state !== 'connected');
    const free = limits.outboxRowsMax - customs.store.outbox.unsent();
    await burst('gr.customs', Math.max(0, free));
    expect(await refusal(burst('gr.customs', 1))).toBe('BACK_PRESSURE');
    waiting = 0;
    await burst('gr.customs', 1);
    await network.hub.restart();
    await settled();
    expect(faults()).toEqual([]);
  });
});

describe('a graceful stop', () => {
  test('brings out what waits: nothing is left, nothing is lost', async () => {
    const sending = burst('gr.customs', 200);
    await sending;
    const customs = network.node('gr.customs');
    expect(customs.store.outbox.unsent()).toBeGreaterThan(0);
    await customs.gateway.stop();
    expect(customs.store.outbox.unsent()).toBe(0);
    expect(await refusal(customs.gateway.submit(seizure, officer))).toBe('GATEWAY_STOPPING');
    await customs.transport.close();
    customs.store.close();
    await network.start('gr.customs');
    await settled();
    expect(faults()).toEqual([]);
  });
});

describe('a store that is not the only one', () => {
  test('a second gateway on the same store is refused: STORE_LOCKED', async () => {
    const { directory } = network.node('gr.customs');
    expect(await refusal(network.start('gr.customs', { directory }))).toBe('STORE_LOCKED');
    await settled();
  });

  test('a clone that the original has left behind stops with STORE_BEHIND, and sends nothing more', async () => {
    const original = network.node('gr.customs');
    await original.stop();
    const clone = join(original.directory, '..', 'clone');
    await cp(original.directory, clone, { recursive: true });
    await network.start('gr.customs');
    await burst('gr.customs', 3);
    await settled();
    await network.node('gr.customs').stop();

    const sent: string[] = [];
    const wrap = (context: GatewayContext): GatewayContext =>
      withPublishing(context, (row) => {
        sent.push(row.subject);
        return row;
      });
    const cloned = await network.start('gr.customs', { directory: clone, wrap });
    await cloned.until(() =>
      cloned.gateway.health().checks.some(({ id, state }) => id === 'store' && state === 'failing'),
    );
    const { ready, checks } = cloned.gateway.health();
    expect(ready).toBe(false);
    expect(checks.find(({ id }) => id === 'store')?.text).toContain('does not know');
    expect(await refusal(cloned.gateway.submit(seizure, officer))).toBe('STORE_BEHIND');
    const soFar = sent.length;
    clock.advance(limits.beatIntervalMs);
    await cloned.stop();
    expect(sent.length).toBe(soFar);
    expect(sent.filter((subject) => subject.endsWith('.seizure'))).toEqual([]);

    // The original goes on as if nothing had been.
    await network.start('gr.customs');
    await burst('gr.customs', 2);
    await settled();
    expect(faults()).toEqual([]);
  });

  test('control: without the fence and the comparison the clone goes on, and its fork shows at the recipients', async () => {
    const original = network.node('gr.customs');
    const clone = join(original.directory, '..', 'clone-without-fence');
    await original.stop();
    await cp(original.directory, clone, { recursive: true });
    await network.start('gr.customs');
    await burst('gr.customs', 1);
    await settled();
    await network.node('gr.customs').stop();
    const wrap = (context: GatewayContext): GatewayContext =>
      withPublishing(context, ({ expectLast: _, ...row }) => row, { blind: true });
    const cloned = await network.start('gr.customs', { directory: clone, wrap });
    await cloned.gateway.submit({ ...seizure, to: 'all' }, officer);
    const police = network.node('it.police');
    const forked = (): boolean =>
      police.gateway.quarantine(undefined, 10).items.some(({ code }) => code === 'POSITION_TAKEN');
    await police.until(forked);
    expect(faults().join()).toMatch(/in quarantine/);
  });
});

/** Each row passes through `change` on its way to the hub; a blind one never sees what the hub has of its own. */
function withPublishing(
  context: GatewayContext,
  change: (row: Outgoing) => Outgoing,
  o: { blind?: boolean } = {},
): GatewayContext {
  const { transport } = context;
  const changed: Pick<Transport, 'publishBatch' | 'publishOne'> = {
    publishBatch: (rows) => transport.publishBatch(rows.map(change)),
    publishOne: (row) => transport.publishOne(change(row)),
  };
  return {
    ...context,
    transport: new Proxy(transport, {
      get(target, name) {
        if (name === 'publishBatch' || name === 'publishOne') return changed[name];
        if (name === 'lastOn' && o.blind === true) return async () => undefined;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    }),
  };
}
