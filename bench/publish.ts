/** Publish end to end against bare single publishes with a message id. */
import { join } from 'node:path';
import type { GatewayContext } from '../src/gateway/index.ts';
import type { DevelopmentHub } from '../src/transport/index.ts';
import { answerDraft, example, nineAgencies } from './drafts.ts';
import { type BenchFederation, makeFederation } from './federation.ts';
import { type BenchGateway, composeGateway, inFolder, officer, startHub } from './gateways.ts';
import { inFlight, median } from './measure.ts';
import { addPeerStream, barePublish } from './peers.ts';
import type { Row } from './row.ts';

const rounds = 3;
const count = 2048;
const windows = [64, 256] as const;

export async function* publish(): AsyncGenerator<Row> {
  const federation = await makeFederation(nineAgencies);
  const rows = await inFolder(async (directory) => {
    const hub = await startHub(federation, directory);
    try {
      await addPeerStream(hub);
      return await measure({ federation, hub, directory });
    } finally {
      await hub.stop();
    }
  });
  yield* rows;
}

type Setting = Readonly<{ federation: BenchFederation; hub: DevelopmentHub; directory: string }>;

async function measure({ federation, hub, directory }: Setting): Promise<readonly Row[]> {
  const outgoing = watchOutbox();
  const sender = await composeGateway({
    federation,
    agency: 'gr.customs',
    directory: join(directory, 'gr.customs'),
    hub,
    wrap: outgoing.watch,
  });
  await sender.start();
  const data = await envelopeOf(sender, answerDraft(0));
  const ours = new Map<number, Published[]>(windows.map((window) => [window, []]));
  const peers = new Map<number, number[]>(windows.map((window) => [window, []]));
  for (let round = -1; round < rounds; round += 1) {
    for (const window of windows) {
      const own = await publishAll(sender, outgoing, { window, draft: answerDraft, count });
      const bare = await barePublish(hub, { data, count, window, round: `${round}-${window}` });
      if (round < 0) continue;
      ours.get(window)?.push(own);
      peers.get(window)?.push(bare);
    }
  }
  const seizure = example('seizure');
  const full = await publishAll(sender, outgoing, { window: 256, draft: () => seizure, count: count / 2 });
  await sender.stop();
  const best = Math.max(...[...peers.values()].map(median));
  const kib = (data.length / 1024).toFixed(1);
  return [
    ...windows.map((window): Row => {
      const published = ours.get(window) ?? [];
      const rate = median(published.map((one) => one.rate));
      return {
        bench: 'publish',
        what: `end to end, window ${window}, 2 sections to 8, ${kib} KiB`,
        value: rate,
        unit: 'messages/s',
        peer: best,
        ratio: rate / best,
        aim: '≥ 0.5',
        note: `${cpuNote(median(published.map((one) => one.cpuMs)))}; peer: single publishes, the better window`,
      };
    }),
    {
      bench: 'publish',
      what: 'end to end, window 256, a seizure with every section',
      value: full.rate,
      unit: 'messages/s',
      note: `${cpuNote(full.cpuMs)}; one round`,
    },
  ];
}

export function cpuNote(cpuMs: number): string {
  return `${cpuMs.toFixed(2)} ms CPU each`;
}

export type Outgoing = Readonly<{
  watch: (context: GatewayContext) => GatewayContext;
  /** Resolves when the hub has acknowledged all that waits in the outbox. */
  emptied(): Promise<void>;
}>;

export function watchOutbox(): Outgoing {
  let unsent = (): number => 0;
  let wake = (): void => {};
  return {
    watch(context) {
      const { outbox } = context.store;
      unsent = outbox.unsent;
      const watched: typeof outbox = {
        ...outbox,
        markSent(rows) {
          outbox.markSent(rows);
          wake();
        },
        markSentUpTo(...place) {
          outbox.markSentUpTo(...place);
          wake();
        },
      };
      return { ...context, store: { ...context.store, outbox: watched } };
    },
    emptied: () =>
      new Promise((done) => {
        wake = () => {
          if (unsent() === 0) done();
        };
        wake();
      }),
  };
}

type Publishing = Readonly<{ window: number; count: number; draft: (index: number) => unknown }>;

export type Published = Readonly<{ rate: number; cpuMs: number }>;

/** Messages a second from the first draft to the hub's last acknowledgement, and what each takes of the pipelines' thread. */
export async function publishAll(
  sender: BenchGateway,
  outgoing: Outgoing,
  o: Publishing,
): Promise<Published> {
  const drafts = Array.from({ length: o.count }, (_, index) => o.draft(index));
  const cpu = process.threadCpuUsage();
  const start = performance.now();
  await inFlight(o.count, o.window, (index) => sender.gateway.submit(drafts[index], officer));
  await outgoing.emptied();
  const rate = o.count / ((performance.now() - start) / 1000);
  const { user, system } = process.threadCpuUsage(cpu);
  return { rate, cpuMs: (user + system) / 1000 / o.count };
}

export async function envelopeOf(sender: BenchGateway, draft: unknown): Promise<Uint8Array> {
  const { id } = await sender.gateway.submit(draft, officer);
  return sender.gateway.envelope(id, officer);
}
