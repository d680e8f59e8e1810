/** Receive, and catching up, against a bare consume, durable insert and acknowledgement. */
import { join } from 'node:path';
import type { DevelopmentHub } from '../src/transport/index.ts';
import { answerDraft, nineAgencies } from './drafts.ts';
import { type BenchFederation, makeFederation } from './federation.ts';
import { composeGateway, inFolder, startHub } from './gateways.ts';
import { median } from './measure.ts';
import { bareReceive } from './peers.ts';
import { cpuNote, publishAll, watchOutbox } from './publish.ts';
import type { Row, Settings } from './row.ts';

const count = 3000;
const receivers = ['it.police', 'fr.heritage', 'de.liaison'] as const;
const subjects = 'comity.gr.customs.all.day.response';

export async function* receive(): AsyncGenerator<Row> {
  const federation = await makeFederation(nineAgencies);
  const { ours, peers, cpu, batch } = await withMissed(federation, count, async ({ hub, directory }) => {
    const results = { ours: [] as number[], peers: [] as number[], cpu: [] as number[], batch: 0 };
    for (const [round, agency] of receivers.entries()) {
      const own = await catchUpBy({ federation, hub, directory, agency, count });
      results.batch = own.batch;
      results.ours.push(own.rate);
      results.cpu.push(own.cpuMs);
      const stream = streamOfAll(hub);
      const bare = { stream, filter: subjects, count, batch: own.batch, directory, round: String(round) };
      results.peers.push(await bareReceive(hub, bare));
    }
    return results;
  });
  yield {
    bench: 'receive',
    what: `verify, open, policy, store, audit, ack; batches of ${batch}`,
    value: median(ours),
    unit: 'messages/s',
    peer: median(peers),
    ratio: median(ours) / median(peers),
    aim: '≥ 0.2',
    note: `${cpuNote(median(cpu))}; peer: consume, durable insert, ack`,
  };
}

export async function* catchUp({ missed }: Settings): AsyncGenerator<Row> {
  const federation = await makeFederation(nineAgencies);
  const { seconds, rate } = await withMissed(federation, missed, ({ hub, directory }) =>
    catchUpBy({ federation, hub, directory, agency: 'it.police', count: missed }),
  );
  yield {
    bench: 'catch-up',
    what: `${missed.toLocaleString('en')} missed messages, from the start of the gateway`,
    value: seconds,
    unit: 's',
    aim: '100,000 in 60 s',
    note: `at this pace 100,000 take ${Math.round(100_000 / rate)} s`,
  };
}

type Ready = Readonly<{ hub: DevelopmentHub; directory: string }>;

/** A hub that holds messages which nobody has received. */
async function withMissed<T>(
  federation: BenchFederation,
  missed: number,
  work: (ready: Ready) => Promise<T>,
): Promise<T> {
  return await inFolder(async (directory) => {
    const hub = await startHub(federation, directory);
    try {
      const outgoing = watchOutbox();
      const sender = await composeGateway({
        federation,
        agency: 'gr.customs',
        directory: join(directory, 'gr.customs'),
        hub,
        wrap: outgoing.watch,
      });
      await sender.start();
      await publishAll(sender, outgoing, { window: 256, count: missed, draft: answerDraft });
      await sender.stop();
      return await work({ hub, directory });
    } finally {
      await hub.stop();
    }
  });
}

type CatchingUp = Ready & Readonly<{ federation: BenchFederation; agency: string; count: number }>;
type CaughtUp = Readonly<{ seconds: number; rate: number; batch: number; cpuMs: number }>;

/** From the start of the gateway until the last message is durable. `batch` is the size of most of its batches. */
async function catchUpBy({ federation, hub, directory, agency, count }: CatchingUp): Promise<CaughtUp> {
  const sizes: number[] = [];
  let stored = 0;
  let done = (): void => {};
  const all = new Promise<void>((resolve) => {
    done = resolve;
  });
  const receiver = await composeGateway({
    federation,
    agency,
    directory: join(directory, agency),
    hub,
    wrap: (context) => ({
      ...context,
      reached(arrow) {
        if (arrow !== 'inbound.committed') return;
        const now = context.store.messages.count();
        if (now > stored) sizes.push(now - stored);
        stored = now;
        if (stored >= count) done();
      },
    }),
  });
  const cpu = process.threadCpuUsage();
  const start = performance.now();
  await receiver.start();
  await all;
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.threadCpuUsage(cpu);
  await receiver.stop();
  return { seconds, rate: count / seconds, batch: median(sizes), cpuMs: (user + system) / 1000 / count };
}

function streamOfAll({ plan }: DevelopmentHub): string {
  const [name] = Object.keys(plan.partitions ?? {});
  return `ALL_${name}`;
}
