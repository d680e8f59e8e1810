/** Publish to verified delivery, at a steady pace: from the draft's submission to the event at a subscriber. */
import { join } from 'node:path';
import { answerDraft, nineAgencies } from './drafts.ts';
import { makeFederation } from './federation.ts';
import { type BenchGateway, composeGateway, inFolder, officer, startHub } from './gateways.ts';
import { percentile } from './measure.ts';
import { addPeerStream, bareDelivery } from './peers.ts';
import { envelopeOf } from './publish.ts';
import type { Row } from './row.ts';

const perSecond = 100;
const seconds = 8;
const peerSeconds = 5;
const warmUpSeconds = 2;

export async function* latency(): AsyncGenerator<Row> {
  const federation = await makeFederation(nineAgencies);
  const { times, bare } = await inFolder(async (directory) => {
    const hub = await startHub(federation, directory);
    const compose = (agency: string) =>
      composeGateway({ federation, agency, directory: join(directory, agency), hub });
    const sender = await compose('gr.customs');
    const receiver = await compose('it.police');
    try {
      await Promise.all([sender.start(), receiver.start()]);
      const measured = await measure(sender, receiver);
      await addPeerStream(hub);
      const data = await envelopeOf(sender, answerDraft(0));
      const message = { data, count: perSecond * peerSeconds };
      return { times: measured, bare: await bareDelivery(hub, message, atPace) };
    } finally {
      await Promise.all([sender.stop(), receiver.stop()]);
      await hub.stop();
    }
  });
  const note = 'peer: bare publish to delivery; in both cases all in one process';
  for (const [percent, aim] of [
    [50, undefined],
    [99, '≤ 50 ms'],
  ] as const) {
    yield {
      bench: 'latency',
      what: `publish → verified delivery at ${perSecond}/s, p${percent}`,
      value: percentile(times, percent),
      unit: 'ms',
      peer: percentile(bare, percent),
      ratio: percentile(bare, percent) / percentile(times, percent),
      ...(aim === undefined ? {} : { aim }),
      note,
    };
  }
}

/** Milliseconds of each message after those that warm up. */
async function measure(sender: BenchGateway, receiver: BenchGateway): Promise<readonly number[]> {
  const total = perSecond * (warmUpSeconds + seconds);
  const arrived = new Map<string, number>();
  let last = receiver.gateway.lastEventId();
  let look = (): void => {};
  const all = new Promise<void>((done) => {
    look = () => {
      const now = performance.now();
      for (const { id, message } of receiver.store.events.after(last, 1000)) {
        last = id;
        if (message !== undefined) arrived.set(message, now);
      }
      if (arrived.size >= total) done();
    };
  });
  const undo = receiver.gateway.onEvents(look);
  const sent = await atPace(total, (index) => sender.gateway.submit(answerDraft(index), officer));
  await all;
  undo();
  return sent
    .slice(perSecond * warmUpSeconds)
    .map(({ id, dueMs }) => (arrived.get(id) ?? Number.NaN) - dueMs);
}

type Sent = Readonly<{ id: string; dueMs: number }>;

/** Each piece of work begins when it is due, whether or not those before it are done. */
async function atPace(
  count: number,
  work: (index: number) => Promise<{ id: string }>,
): Promise<readonly Sent[]> {
  const start = performance.now() + 10;
  const one = async (index: number): Promise<Sent> => {
    const dueMs = start + (index * 1000) / perSecond;
    await new Promise((due) => setTimeout(due, Math.max(0, dueMs - performance.now())));
    const begun = performance.now();
    const { id } = await work(index);
    // A timer that fires late is the machine's lateness only where it is under a millisecond or two.
    return { id, dueMs: Math.min(begun, dueMs + 2) };
  };
  return await Promise.all(Array.from({ length: count }, (_, index) => one(index)));
}
