/** What a hub costs by the number of its agencies: memory, restart, and what an idle gateway's link carries. */
import { readFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { systemClock } from '../src/clock.ts';
import { systemRandom } from '../src/ids.ts';
import { silentLog } from '../src/log.ts';
import {
  type AgencyPlan,
  connectHub,
  connectHubTools,
  createNatsUserKey,
  type DevelopmentHub,
  durablesOf,
  hubLayout,
  runServer,
  startDevelopmentHub,
  whenConnected,
} from '../src/transport/index.ts';
import type { Transport } from '../src/transport/port.ts';
import { agencyId, kinds } from '../src/types.ts';
import { inFolder, serverBinary } from './gateways.ts';
import type { Row, Settings } from './row.ts';

const sizes = [4, 50, 150] as const;
const agenciesOfJurisdiction = 5;
const dayMs = 24 * 60 * 60 * 1000;
const settleMs = 3000;

type Seeded = AgencyPlan & Readonly<{ natsSeed: string }>;
type Running = Readonly<{
  size: number;
  hub: DevelopmentHub;
  consumers: number;
  provisionMs: number;
  transports: readonly Transport[];
  meter: Meter;
}>;

export async function* hub({ idleSeconds }: Settings): AsyncGenerator<Row> {
  yield* await inFolder(async (directory) => {
    const opened = await Promise.all(sizes.map((size) => open(size, join(directory, String(size)))));
    const idle = await Promise.all(opened.map((one) => watchIdle(one, idleSeconds)));
    const rows: Row[] = [];
    for (const [index, one] of opened.entries()) {
      await Promise.all(one.transports.map((transport) => transport.close()));
      await one.meter.close();
      const restartMs = await restart(one);
      rows.push(
        ...rowsOf(one, { ...(idle[index] ?? { idleBytes: 0, memoryMib: 0 }), idleSeconds, restartMs }),
      );
    }
    return rows;
  });
}

type Idle = Readonly<{ idleBytes: number; memoryMib: number }>;

/** Bytes a day of one gateway's link, and the memory of a server that has had time to give back what it does not use. */
async function watchIdle({ hub: { server }, meter }: Running, idleSeconds: number): Promise<Idle> {
  const before = meter.bytes();
  const begun = performance.now();
  await pause(idleSeconds * 1000);
  const idleBytes = ((meter.bytes() - before) * dayMs) / (performance.now() - begun);
  return { idleBytes, memoryMib: await residentMib(server.pid) };
}

type Costs = Idle & Readonly<{ idleSeconds: number; restartMs: number }>;

function rowsOf(one: Running, { idleBytes, memoryMib, idleSeconds, restartMs }: Costs): readonly Row[] {
  const { size, consumers } = one;
  const what = (text: string) => `${size} agencies, ${consumers.toLocaleString('en')} consumers: ${text}`;
  const aim = (text: string) => (size === Math.max(...sizes) ? { aim: text } : {});
  return [
    {
      bench: 'hub',
      what: what('memory'),
      value: memoryMib,
      unit: 'MiB',
      ...aim('≤ 300 MB'),
      note: 'resident, every gateway connected and pulling',
    },
    {
      bench: 'hub',
      what: what('kill -9 to serving'),
      value: restartMs / 1000,
      unit: 's',
      ...aim('≤ 10 s'),
    },
    {
      bench: 'hub',
      what: what('idle traffic'),
      value: idleBytes / 1e6,
      unit: 'MB/day',
      ...aim('≤ 20 MB/day'),
      note: `a gateway, both ways; extrapolated from ${idleSeconds} s`,
    },
    { bench: 'hub', what: what('provisioned'), value: one.provisionMs / 1000, unit: 's' },
  ];
}

async function open(size: number, directory: string): Promise<Running> {
  const agencies = Array.from({ length: size }, (_, index) => seededAgency(index));
  const plan = { agencies };
  const begun = performance.now();
  const started = await startDevelopmentHub({
    binary: await serverBinary(),
    directory,
    plan,
    clock: systemClock,
  });
  const provisionMs = performance.now() - begun;
  const meter = await startMeter(started.server.port);
  const transports: Transport[] = [];
  for (const [index, { agency, natsSeed }] of agencies.entries()) {
    const transport = await connectHub({
      agency,
      natsSeed,
      servers: index === 0 ? [meter.address] : started.servers,
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
    });
    await whenConnected(transport);
    // As a gateway does: attachments are not followed.
    const durables = durablesOf(agency, plan).filter(({ lane }) => lane !== 'blob');
    await transport.follow(durables, async () => {});
    transports.push(transport);
  }
  await pause(settleMs);
  const { consumers } = hubLayout(plan);
  return { size, hub: started, consumers: consumers.length, provisionMs, transports, meter };
}

function seededAgency(index: number): Seeded {
  const jurisdiction = Math.floor(index / agenciesOfJurisdiction);
  const letters = [jurisdiction / 26, jurisdiction % 26].map((n) => String.fromCharCode(97 + Math.floor(n)));
  const { seed, publicKey } = createNatsUserKey();
  return {
    agency: agencyId(`${letters.join('')}.n${index}`),
    publishes: kinds,
    receives: kinds,
    natsUserKeys: [publicKey],
    status: 'active',
    natsSeed: seed,
  };
}

/** From the start of the server on what a crash left until JetStream answers about its last consumer. */
async function restart({ hub }: Running): Promise<number> {
  const { configFile } = hub.server;
  const last = hubLayout(hub.plan).consumers.at(-1);
  if (last === undefined) throw new TypeError('a hub has consumers');
  const config = await readFile(configFile, 'utf8');
  await hub.crash();
  const begun = performance.now();
  const server = await runServer({
    binary: await serverBinary(),
    directory: join(configFile, '..'),
    config,
    clock: systemClock,
  });
  const tools = await connectHubTools({ servers: server.servers, natsSeed: hub.seeds.hub, name: 'bench' });
  await tools.manager.consumers.info(last.stream, last.durable);
  const tookMs = performance.now() - begun;
  await tools.close();
  await server.stop();
  return tookMs;
}

async function residentMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}

type Meter = Readonly<{ address: string; bytes(): number; close(): Promise<void> }>;

/** Carries one gateway's link to the hub and counts its bytes, both ways: the server's own counters leave out the protocol. */
async function startMeter(port: number): Promise<Meter> {
  let bytes = 0;
  const count = (chunk: Uint8Array): void => {
    bytes += chunk.length;
  };
  const sockets: Socket[] = [];
  const server: Server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    sockets.push(client, upstream);
    client.on('data', count).pipe(upstream);
    upstream.on('data', count).pipe(client);
    for (const socket of [client, upstream]) socket.on('error', () => {});
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('the meter has no port');
  return {
    address: `127.0.0.1:${address.port}`,
    bytes: () => bytes,
    close: () =>
      new Promise((done) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => done());
      }),
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
