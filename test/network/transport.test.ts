import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { utf8 } from '../../src/bytes.ts';
import { connectHubTools } from '../../src/transport/index.ts';
import type { Outgoing, Transport } from '../../src/transport/port.ts';
import { Collector, follow, startTestHub, type TestHub } from '../support/nats.ts';

const seizure = 'comity.gr.customs.all.now.seizure';
const flag = 'comity.gr.customs.all.day.red-flag';
const note = 'comity.gr.customs.to.it.police.day.note';

let hub: TestHub;
let customs: Transport;
let number = 0;

beforeAll(async () => {
  hub = await startTestHub({
    agencies: {
      'gr.customs': { publishes: ['seizure', 'red-flag'], receives: ['seizure'] },
      'it.police': { publishes: ['seizure', 'request'], receives: ['seizure', 'red-flag', 'request'] },
      'it.heritage': { publishes: [], receives: ['object'] },
    },
  });
  customs = await hub.connect('gr.customs');
});
afterAll(async () => await hub.stop());

function row(subject: string, facts: Partial<Outgoing> = {}): Outgoing {
  return { subject, data: utf8(`row ${++number}`), messageId: `id-${number}`, ...facts };
}

async function next(subject: string): Promise<number> {
  return (await customs.lastOn(hub.stream(subject), subject))?.sequence ?? 0;
}

describe('publishing', () => {
  it('stores one row and says where', async () => {
    const one = row(seizure, { expectLast: await next(seizure) });
    const outcome = await customs.publishOne(one);
    expect(outcome).toMatchObject({ result: 'stored', duplicate: false });
    const last = await customs.lastOn(hub.stream(seizure), seizure);
    expect(outcome).toMatchObject({ sequences: [last?.sequence] });
    expect(Buffer.from(last?.data ?? []).equals(one.data)).toBe(true);
  });

  it('says that a message id is stored already', async () => {
    const one = row(seizure);
    const first = await customs.publishOne(one);
    expect(first.result).toBe('stored');
    expect(await customs.publishOne(one)).toEqual({ ...first, duplicate: true });
  });

  it('is fenced by its own last message', async () => {
    const expectLast = await next(seizure);
    expect((await customs.publishOne(row(seizure, { expectLast }))).result).toBe('stored');
    expect(await customs.publishOne(row(seizure, { expectLast }))).toEqual({ result: 'fenced' });
    expect(await next(seizure)).toBe(expectLast + 1);
  });

  it('stores a batch whole, and each row where it says', async () => {
    const rows = Array.from({ length: 1000 }, (_, index) => row(index % 2 === 0 ? seizure : flag));
    const fenced = [
      { ...rows[0]!, expectLast: await next(seizure) },
      { ...rows[1]!, expectLast: await next(flag) },
      ...rows.slice(2),
    ];
    const outcome = await customs.publishBatch(fenced);
    if (outcome.result !== 'stored') throw new Error(outcome.result);
    expect(outcome.sequences).toHaveLength(1000);
    expect(await next(seizure)).toBe(outcome.sequences[998]);
    expect(await next(flag)).toBe(outcome.sequences[999]);
    const stored = await hub.hub.manager.streams.getMessage('ALL_gr', { seq: outcome.sequences[517]! });
    expect(stored?.string()).toBe(new TextDecoder().decode(rows[517]!.data));
  });

  it('stores nothing of a batch that is fenced, holds a duplicate or spans two streams', async () => {
    const known = row(seizure);
    await customs.publishOne(known);
    const before = await next(seizure);
    const fenced = await customs.publishBatch([row(seizure, { expectLast: before + 7 }), row(seizure)]);
    expect(fenced).toEqual({ result: 'fenced' });
    expect(await customs.publishBatch([row(seizure), known])).toMatchObject({
      result: 'rejected',
      code: 10201,
    });
    expect(await customs.publishBatch([row(seizure), row(note)])).toMatchObject({
      result: 'rejected',
      code: 10176,
    });
    expect(await next(seizure)).toBe(before);
    expect(await next(note)).toBe(0);
  });

  it('rejects a kind that is not granted, and a subject of nobody', async () => {
    const refused = { result: 'rejected', code: 503 };
    expect(await customs.publishOne(row('comity.gr.customs.all.now.request'))).toMatchObject(refused);
    expect(await customs.publishBatch([row('comity.gr.customs.all.now.object'), row(seizure)])).toMatchObject(
      {
        result: 'rejected',
      },
    );
    expect(await customs.publishOne(row('comity.gr.customs.to.fr.customs.now.note'))).toMatchObject(refused);
  });

  it('takes a message of the largest size', async () => {
    const outcome = await customs.publishOne(row(flag, { data: new Uint8Array(512 * 1024) }));
    expect(outcome.result).toBe('stored');
    expect(customs.bytesLastSecond).toBeGreaterThanOrEqual(512 * 1024);
  });

  it('knows the hub’s clock', async () => {
    await customs.lastOn('ALL_gr', seizure);
    expect(Math.abs(customs.clockOffsetMs ?? Number.NaN)).toBeLessThan(2000);
  });
});

describe('following', () => {
  it('gives each recipient the kinds that it takes, in order, once', async () => {
    const police = await hub.connect('it.police');
    const heritage = await hub.connect('it.heritage');
    const atPolice = await follow(police, hub.durables('it.police'));
    const atHeritage = await follow(heritage, hub.durables('it.heritage'));
    const rows = Array.from({ length: 600 }, () => row(flag));
    const outcome = await customs.publishBatch(rows);
    expect(outcome.result).toBe('stored');
    const directed = await customs.publishOne(row(note, { expectLast: 0 }));
    expect(directed.result).toBe('stored');
    const control = 'comity.gr.customs.all.now.control';
    await customs.publishOne(row(control));
    const last = rows.at(-1)!.data;
    await atPolice.collector.until((all) => all.some(({ data }) => Buffer.compare(data, last) === 0));
    await atPolice.collector.until((all) => all.some(({ subject }) => subject === note));
    await atHeritage.collector.until((all) => all.some(({ subject }) => subject === control));
    const flags = atPolice.collector.all.filter(({ subject }) => subject === flag).slice(-600);
    expect(flags.map(({ data }) => Buffer.from(data).toString())).toEqual(
      rows.map(({ data }) => Buffer.from(data).toString()),
    );
    expect(atHeritage.collector.all.map(({ subject }) => subject)).toEqual([control]);
    expect(Math.max(...atPolice.collector.batches.map(({ size }) => size))).toBeLessThanOrEqual(256);
    await Promise.all([atPolice.following.stop(), atHeritage.following.stop()]);
    await expect
      .poll(async () => await hub.hub.manager.consumers.info('ALL_gr', 'it_police_day'))
      .toMatchObject({ num_pending: 0, num_ack_pending: 0, num_waiting: 0 });
    await Promise.all([police.close(), heritage.close()]);
  });

  it('acknowledges nothing of a batch that failed, and gives it again in order', async () => {
    const police = await hub.connect('it.police');
    const durables = hub.durables('it.police').filter(({ stream }) => stream === 'TO_it_police');
    const collector = new Collector();
    let failures = 2;
    const following = await police.follow(durables, async (batch, durable) => {
      if (failures-- > 0) throw new Error('the store is full');
      await collector.take(batch, durable);
    });
    const rows = Array.from({ length: 400 }, () => row('comity.gr.customs.to.it.police.bulk.note'));
    expect((await customs.publishBatch(rows)).result).toBe('stored');
    await collector.count(400);
    expect(collector.all.map(({ data }) => Buffer.from(data).toString())).toEqual(
      rows.map(({ data }) => Buffer.from(data).toString()),
    );
    expect(collector.all[0]?.delivered).toBe(3);
    await following.stop();
    await police.close();
  });

  it('gives back what it holds when it stops, and another follower gets it', async () => {
    const first = await hub.connect('it.police');
    const durables = hub.durables('it.police').filter(({ lane }) => lane === 'now');
    const { promise: refused, resolve: refuses } = Promise.withResolvers<void>();
    const following = await first.follow(durables, async () => {
      refuses();
      throw new Error('the store is full');
    });
    const one = row('comity.gr.customs.to.it.police.now.note');
    await customs.publishOne(one);
    await refused;
    await following.stop();
    const second = await hub.connect('it.police');
    const { collector, following: again } = await follow(second, durables);
    await collector.until((all) => all.some(({ data }) => Buffer.compare(data, one.data) === 0));
    await again.stop();
    await Promise.all([first.close(), second.close()]);
  });

  it('delivers again what a gateway took and never acknowledged', async () => {
    const dead = await connectHubTools({
      servers: hub.servers,
      natsSeed: hub.seedOf('it.police'),
      name: 'it.police',
    });
    const one = row('comity.gr.customs.to.it.police.now.note');
    await customs.publishOne(one);
    const next = 'JS.hub.CONSUMER.MSG.NEXT.TO_it_police.it_police_now';
    const { promise: taken, resolve: takes } = Promise.withResolvers<string>();
    dead.connection.subscribe('taken', { callback: (_, { data }) => takes(Buffer.from(data).toString()) });
    dead.connection.publish(next, '1', { reply: 'taken' });
    expect(await taken).toBe(Buffer.from(one.data).toString());
    await dead.close();
    const police = await hub.connect('it.police');
    const { collector, following } = await follow(police, hub.durables('it.police'));
    await collector.until((all) => all.some(({ data }) => Buffer.compare(data, one.data) === 0));
    const again = collector.all.find(({ data }) => Buffer.compare(data, one.data) === 0);
    expect(again?.delivered).toBe(2);
    await following.stop();
    await police.close();
  });
});

describe('a hub that dies', () => {
  it('loses nothing that it acknowledged, and everything goes on by itself', async () => {
    const police = await hub.connect('it.police');
    const { collector, following } = await follow(police, hub.durables('it.police'));
    const stored = new Set<string>();
    const crashes = [1500, 4000];
    for (let sent = 0; sent < 6000; ) {
      const rows = Array.from({ length: 100 }, () => row(flag));
      if (sent >= (crashes[0] ?? Number.POSITIVE_INFINITY)) {
        crashes.shift();
        // In mid-burst: this batch is under way when the server ends.
        const underWay = customs.publishBatch(rows);
        await hub.crashAndRestart();
        await underWay;
      }
      sent += await resend(rows, stored);
    }
    await collector.until(
      (all) => new Set(all.map(({ data }) => Buffer.from(data).toString())).size >= stored.size,
    );
    const seen = collector.all
      .filter(({ subject }) => subject === flag)
      .map(({ data }) => Buffer.from(data).toString());
    expect([...stored].filter((text) => !seen.includes(text))).toEqual([]);
    await following.stop();
  });
});

/** What a gateway does: the batch, and where it may or may not be stored, each row again. */
async function resend(rows: readonly Outgoing[], stored: Set<string>): Promise<number> {
  const whole = await customs.publishBatch(rows);
  if (whole.result === 'stored') {
    for (const { data } of rows) stored.add(Buffer.from(data).toString());
    return rows.length;
  }
  for (const one of rows) {
    for (;;) {
      const outcome = await customs.publishOne(one);
      if (outcome.result === 'stored') break;
      await whenUp();
    }
    stored.add(Buffer.from(one.data).toString());
  }
  return rows.length;
}

async function whenUp(): Promise<void> {
  await new Promise((done) => setImmediate(done));
  if (customs.state === 'connected') return;
  await new Promise<void>((done) => {
    const cancel = customs.onState((state) => {
      if (state !== 'connected') return;
      cancel();
      done();
    });
  });
}
