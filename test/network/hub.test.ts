import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { utf8 } from '../../src/bytes.ts';
import { systemClock } from '../../src/clock.ts';
import { systemRandom } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import {
  checkHub,
  connectHub,
  createNatsUserKey,
  findServer,
  followDirectory,
  hubConfig,
  hubLayout,
  hubStatus,
  inspectHub,
  provisionHub,
  publishTrust,
  purgeSender,
  readDirectory,
  runServer,
  senderUse,
  startDevelopmentHub,
} from '../../src/transport/index.ts';
import type { LinkState } from '../../src/transport/port.ts';
import { agency, natsServerBinary, startTestHub, type TestHub, temporaryDirectory } from '../support/nats.ts';

const run = promisify(execFile);
const directories: string[] = [];

async function directory(): Promise<string> {
  const made = await temporaryDirectory();
  directories.push(made);
  return made;
}

afterAll(async () => {
  for (const made of directories) await rm(made, { recursive: true, force: true });
});

describe('provisioning', () => {
  let hub: TestHub;
  beforeAll(async () => {
    hub = await startTestHub({ agencies: { 'gr.customs': {}, 'it.police': { receives: ['seizure'] } } });
  });
  afterAll(async () => await hub.stop());

  it('makes everything once, and then nothing', async () => {
    expect(hub.provisioned.streamsCreated).toHaveLength(7);
    expect(hub.provisioned.consumersCreated).toHaveLength(2 * (3 + 2 * 4 + 1));
    const again = await provisionHub(hub.hub, hubLayout(hub.plan));
    expect(Object.values(again).flat()).toEqual([]);
  });

  it('sets streams and consumers as the design says', async () => {
    const { config } = await hub.hub.manager.streams.info('TO_it_police');
    expect(config).toMatchObject({
      retention: 'limits',
      discard: 'new',
      max_age: 35 * 86_400 * 1e9,
      allow_atomic: true,
      allow_direct: true,
      allow_rollup_hdrs: false,
      deny_delete: true,
    });
    const directory = (await hub.hub.manager.streams.info('DIRECTORY')).config;
    expect(directory).toMatchObject({ discard: 'old', max_age: 0, max_msgs_per_subject: 16 });
    expect(directory.allow_atomic ?? false).toBe(false);
    const consumer = (await hub.hub.manager.consumers.info('TO_it_police', 'it_police_now')).config;
    expect(consumer).toMatchObject({ max_deliver: -1, ack_policy: 'explicit' });
    expect(consumer.filter_subjects).toContain('comity.*.*.to.it.police.now.seizure');
    expect(consumer.filter_subjects).not.toContain('comity.*.*.to.it.police.now.request');
  });

  it('follows a change of grants, and removes the consumers of an agency that is gone', async () => {
    const wider = await hub.apply(hub.planWith({ 'it.police': { receives: ['seizure', 'request'] } }));
    expect(wider.consumersUpdated.length).toBeGreaterThan(0);
    expect(wider.consumersCreated).toEqual([]);
    const consumer = (await hub.hub.manager.consumers.info('TO_it_police', 'it_police_now')).config;
    expect(consumer.filter_subjects).toContain('comity.*.*.to.it.police.now.request');
    const without = await hub.apply(hub.planWith({ 'it.police': { status: 'revoked' } }));
    expect(without.consumersRemoved).toHaveLength(12);
    expect(without.streamsForeign).toEqual([]);
  });
});

describe('revocation', () => {
  it('ends the agency’s connection and disturbs no other', async () => {
    const hub = await startTestHub({ agencies: { 'gr.customs': {}, 'it.police': {}, 'it.heritage': {} } });
    const police = await hub.connect('it.police');
    const customs = await hub.connect('gr.customs');
    const seen: LinkState[] = [];
    customs.onState((state) => seen.push(state));
    const gone = new Promise<number>((done) => {
      police.onState((state) => {
        if (state === 'disconnected') done(performance.now());
      });
    });
    const began = performance.now();
    await hub.apply(hub.planWith({ 'it.police': { status: 'revoked' } }));
    expect((await gone) - began).toBeLessThan(2000);
    const row = { subject: 'comity.gr.customs.all.now.seizure', data: utf8('on'), messageId: 'on' };
    expect((await customs.publishOne(row)).result).toBe('stored');
    expect(seen).toEqual([]);
    expect(police.state).not.toBe('connected');
    const back = new Promise<void>((done) => {
      police.onState((state) => {
        if (state === 'connected') done();
      });
    });
    await hub.apply(hub.planWith({ 'it.police': { status: 'active' } }));
    await back;
    await hub.stop();
  });

  it('lets the previous key in beside the current one, and then no more', async () => {
    const hub = await startTestHub({ agencies: { 'gr.customs': {} } });
    const next = createNatsUserKey();
    const old = hub.plan.agencies[0]!.natsUserKeys;
    const customs = await hub.connect('gr.customs');
    await hub.apply(hub.planWith({ 'gr.customs': { natsUserKeys: [next.publicKey, ...old] } }));
    expect(customs.state).toBe('connected');
    const gone = new Promise<void>((done) => {
      customs.onState((state) => state === 'disconnected' && done());
    });
    await hub.apply(hub.planWith({ 'gr.customs': { natsUserKeys: [next.publicKey] } }));
    await gone;
    await hub.stop();
  });
});

describe('the directory', () => {
  it('hands the trust list and statements to the hub’s tools, the newest first and then each', async () => {
    const hub = await startTestHub({ agencies: { 'gr.customs': {} } });
    const customs = await hub.connect('gr.customs');
    const statement = { subject: 'comity.gr.customs.statement', messageId: 's1', data: utf8('one') };
    await publishTrust(hub.hub, utf8('list 1'));
    await publishTrust(hub.hub, utf8('list 2'));
    expect((await customs.publishOne(statement)).result).toBe('stored');
    const read = (await readDirectory(hub.hub)).map(({ data }) => Buffer.from(data).toString());
    expect(read.sort()).toEqual(['list 2', 'one']);
    const heard: string[] = [];
    const { promise: two, resolve } = Promise.withResolvers<void>();
    const following = await followDirectory(hub.hub, ({ data }) => {
      heard.push(Buffer.from(data).toString());
      if (heard.length === 3) resolve();
    });
    await customs.publishOne({ ...statement, messageId: 's2', data: utf8('two') });
    await two;
    expect(heard).toEqual(['list 2', 'one', 'two']);
    await following.stop();
    await hub.stop();
  });
});

describe('quota', () => {
  it('tells who fills what, warns, and removes what an over-quota sender published', async () => {
    const streamBytesMax = { all: 200_000, mailbox: 200_000 };
    const hub = await startTestHub({
      agencies: { 'gr.customs': {}, 'it.police': {} },
      provision: { streamBytesMax },
    });
    const customs = await hub.connect('gr.customs');
    const police = await hub.connect('it.police');
    const note = 'comity.gr.customs.to.it.police.bulk.note';
    const fill = Array.from({ length: 15 }, (_, n) => ({
      subject: note,
      data: new Uint8Array(10_000),
      messageId: `${n}`,
    }));
    expect((await customs.publishBatch(fill)).result).toBe('stored');
    const full = (await hubStatus(hub.hub)).streams.find(({ name }) => name === 'TO_it_police');
    expect(full).toMatchObject({ messages: 15, warning: 0.7 });
    expect((await senderUse(hub.hub))[0]).toMatchObject({
      agency: 'gr.customs',
      stream: 'TO_it_police',
      messages: 15,
    });
    const more = fill.map((row) => ({ ...row, messageId: `more ${row.messageId}` }));
    expect(await customs.publishBatch(more)).toMatchObject({ result: 'rejected' });
    const own = { subject: 'comity.it.police.to.it.police.day.note', data: utf8('own'), messageId: 'own' };
    expect((await police.publishOne(own)).result).toBe('stored');
    await hub.apply(hub.planWith({ 'gr.customs': { overQuota: true } }));
    expect(await purgeSender(hub.hub, agency('gr.customs'))).toBe(15);
    expect(await customs.publishOne(more[0]!)).toMatchObject({ result: 'rejected', code: 503 });
    expect((await hub.hub.manager.streams.info('TO_it_police')).state.messages).toBe(1);
    await hub.stop();
  });
});

describe('TLS', () => {
  it('is spoken first, in version 1.3, and only to those who trust the hub’s CA', async () => {
    const folder = await directory();
    const { tls, otherCa } = await certificates(folder);
    const hub = await startTestHub({ agencies: { 'gr.customs': {} }, tls });
    const customs = await hub.connect('gr.customs');
    const row = { subject: 'comity.gr.customs.all.now.seizure', data: utf8('x'), messageId: 'x' };
    expect((await customs.publishOne(row)).result).toBe('stored');
    const { problems } = await inspectHub({
      monitoringUrl: hub.server.monitoringUrl,
      server: hub.servers[0]!,
      clock: systemClock,
    });
    expect(problems).toEqual([]);
    const refusals: string[] = [];
    const { promise: refused, resolve } = Promise.withResolvers<void>();
    const stranger = await connectHub({
      agency: agency('gr.customs'),
      servers: hub.servers,
      tls: { ca: otherCa },
      natsSeed: hub.seedOf('gr.customs'),
      clock: systemClock,
      random: systemRandom,
      log: {
        ...silentLog,
        warn: (event) => {
          refusals.push(event);
          resolve();
        },
      },
    });
    await refused;
    expect(refusals[0]).toBe('hub.link.refused');
    expect(stranger.state).toBe('connecting');
    await stranger.close();
    await hub.stop();
  });

  it('is required off loopback, before anything is sent', async () => {
    const options = {
      agency: agency('gr.customs'),
      servers: ['192.0.2.1:4222'],
      natsSeed: createNatsUserKey().seed,
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
    };
    await expect(connectHub(options)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

describe('comity hub check', () => {
  const key = () => createNatsUserKey().publicKey;
  const sabotages: readonly (readonly [string, string, (config: string) => string])[] = [
    ['no sync', 'jetstream.sync_interval', (text) => text.replace('  sync_interval: always\n', '')],
    ['MQTT', 'mqtt', (text) => `${text}mqtt { host: "127.0.0.1", port: -1 }\n`],
    ['WebSocket', 'websocket', (text) => `${text}websocket { host: "127.0.0.1", port: -1, no_tls: true }\n`],
    ['leaf nodes', 'leaf', (text) => `${text}leafnodes { host: "127.0.0.1", port: -1 }\n`],
    [
      'a gateway',
      'gateway',
      (text) =>
        `${text}cluster { name: x, host: "127.0.0.1", port: -1, routes: ["nats://127.0.0.1:1"] }\n` +
        'gateway { name: x, host: "127.0.0.1", port: -1 }\n',
    ],
    ['a user for strangers', 'no_auth_user', strangers],
    [
      'another account with JetStream',
      'accounts.MORE',
      (text) => text.replace('accounts {', 'accounts {\n  MORE { jetstream: enabled }'),
    ],
    ['clear text off loopback', 'tls', (text) => text.replace('host: "127.0.0.1"', 'host: "0.0.0.0"')],
    ['monitoring off loopback', 'http', (text) => text.replace('http: "127.0.0.1:-1"', 'http: "0.0.0.0:-1"')],
    ['larger messages', 'max_payload', (text) => text.replace(/max_payload: \d+/, 'max_payload: 8388608')],
  ];

  function strangers(text: string): string {
    return `no_auth_user: anyone\n${text.replace('accounts {', 'accounts {\n  OPEN { users: [ { user: anyone, password: x } ] }')}`;
  }

  async function config(): Promise<{ folder: string; text: string }> {
    const folder = await directory();
    const layout = hubLayout({ agencies: [] });
    const text = hubConfig({
      layout,
      storeDirectory: join(folder, 'jetstream'),
      hubUserKeys: [key()],
      systemUserKeys: [key()],
      host: '127.0.0.1',
      port: -1,
      monitoringPort: -1,
      storeBytesMax: 1e9,
    });
    return { folder, text };
  }

  async function problemsOf(text: string, folder: string): Promise<string[]> {
    const binary = await natsServerBinary();
    const server = await runServer({ binary, directory: folder, config: text, clock: systemClock });
    try {
      const where = {
        monitoringUrl: server.monitoringUrl,
        server: `127.0.0.1:${server.port}`,
        clock: systemClock,
      };
      const { problems } = await inspectHub(where);
      if (problems.length === 0) expect((await checkHub(where)).version).toMatch(/^\d+\./);
      else await expect(checkHub(where)).rejects.toMatchObject({ code: 'HUB_REFUSED', problems });
      return problems.map(({ path }) => path);
    } finally {
      await server.stop();
    }
  }

  it('passes what the generator writes', async () => {
    const { folder, text } = await config();
    expect(await problemsOf(text, folder)).toEqual([]);
  });

  it.each(sabotages)('refuses %s', async (_name, path, sabotage) => {
    const { folder, text } = await config();
    const changed = sabotage(text);
    expect(changed).not.toBe(text);
    expect(await problemsOf(changed, folder)).toContain(path);
  });

  it('refuses TLS 1.2', async () => {
    const { folder, text } = await config();
    const { tls } = await certificates(folder);
    const block = `tls {\n  cert_file: "${tls.certFile}"\n  key_file: "${tls.keyFile}"\n  handshake_first: true\n}\n`;
    expect(await problemsOf(`${text}${block}`, folder)).toEqual(['tls.min_version']);
  });

  it('refuses an old server, and one that does not answer', async () => {
    const report = (version: string) => (url: string) =>
      url.includes('varz') ? { version, auth_required: true } : {};
    const old = await fakeMonitor(report('2.10.27'));
    const where = { monitoringUrl: old.url, server: `127.0.0.1:${old.port}`, clock: systemClock };
    const { problems } = await inspectHub(where);
    expect(problems.map(({ path }) => path)).toContain('version');
    await old.close();
    await expect(checkHub(where)).rejects.toMatchObject({ code: 'HUB_UNREACHABLE' });
  });
});

describe('the server', () => {
  it('is named by its path, found on the search path, or reported missing with what to install', async () => {
    const binary = await natsServerBinary();
    const options = { cacheDirectory: join(await directory(), 'none'), mayFetch: false, log: silentLog };
    expect((await findServer({ ...options, given: binary })).path).toBe(binary);
    const old = join(await directory(), 'nats-server');
    await writeFile(old, '#!/bin/sh\necho nats-server: v2.10.27\n', { mode: 0o755 });
    const refused = findServer({ ...options, searchPath: join(old, '..') });
    await expect(refused).rejects.toMatchObject({ code: 'SERVER_MISSING' });
    await refused.catch((error: { message: string; problems: { message: string }[] }) => {
      expect(error.message).toContain('2.14.3');
      expect(error.problems[0]?.message).toContain('2.10.27');
    });
    expect(
      (await findServer({ ...options, searchPath: `${join(old, '..')}:${join(binary, '..')}` })).path,
    ).toBe(binary);
  });

  it('says which port is taken', async () => {
    const taken = createServer();
    await new Promise<void>((done) => taken.listen(0, '127.0.0.1', done));
    const { port } = taken.address() as { port: number };
    const options = { binary: await natsServerBinary(), plan: { agencies: [] }, clock: systemClock };
    const starting = startDevelopmentHub({ ...options, directory: await directory(), port });
    await expect(starting).rejects.toMatchObject({
      code: 'PORT_TAKEN',
      message: expect.stringContaining(`${port}`),
    });
    taken.close();
  });

  it('gives the server’s words where it does not start', async () => {
    const starting = runServer({
      binary: await natsServerBinary(),
      directory: await directory(),
      config: 'jetstream { sync_interval: "never" }\n',
      clock: systemClock,
    });
    await expect(starting).rejects.toMatchObject({ code: 'HUB_REFUSED' });
  });

  it('ends with the process that started it, even when that is killed', async () => {
    const script = `
      const { runServer } = await import('${join(import.meta.dirname, '../../src/transport/server.ts')}');
      const { systemClock } = await import('${join(import.meta.dirname, '../../src/clock.ts')}');
      const [binary, directory] = process.argv.slice(1);
      const config = 'host: "127.0.0.1"\\nport: -1\\nhttp: "127.0.0.1:-1"\\n';
      const server = await runServer({ binary, directory, config, clock: systemClock });
      process.stdout.write(server.servers[0] + '\\n');
    `;
    const args = ['--input-type=module', '-e', script, await natsServerBinary(), await directory()];
    const parent = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const socket = createConnection({
      host: '127.0.0.1',
      port: Number(line.toString().trim().split(':')[1]),
    });
    await once(socket, 'connect');
    socket.resume();
    parent.kill('SIGKILL');
    await once(socket, 'close');
  });

  it('finds its streams, keys and messages again on the same folder', async () => {
    const folder = await directory();
    const natsSeed = createNatsUserKey().seed;
    const start = async () =>
      await startTestHub({ agencies: { 'gr.customs': { natsSeed } }, directory: folder });
    const first = await start();
    const customs = await first.connect('gr.customs');
    const row = { subject: 'comity.gr.customs.all.now.seizure', data: utf8('kept'), messageId: 'kept' };
    expect((await customs.publishOne(row)).result).toBe('stored');
    await customs.close();
    await first.crash();
    const second = await start();
    expect(second.provisioned.streamsCreated).toEqual([]);
    const again = await second.connect('gr.customs');
    expect(Buffer.from((await again.lastOn('ALL_gr', row.subject))?.data ?? []).toString()).toBe('kept');
    await second.stop();
  });
});

async function certificates(
  folder: string,
): Promise<{ tls: { certFile: string; keyFile: string; ca: string }; otherCa: string }> {
  await mkdir(folder, { recursive: true });
  const at = (name: string) => join(folder, name);
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  for (const name of ['ca', 'other']) {
    const out = ['-keyout', at(`${name}.key`), '-out', at(`${name}.pem`)];
    await run('openssl', ['req', '-x509', ...ec, '-subj', `/CN=${name}`, ...out]);
  }
  const signer = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-addext', 'subjectAltName=IP:127.0.0.1'];
  const out = ['-keyout', at('hub.key'), '-out', at('hub.pem')];
  await run('openssl', [
    'req',
    '-x509',
    ...ec,
    '-subj',
    '/CN=hub',
    ...signer,
    '-addext',
    'basicConstraints=CA:FALSE',
    ...out,
  ]);
  const [ca, otherCa] = await Promise.all(['ca.pem', 'other.pem'].map((name) => readFile(at(name), 'utf8')));
  return { tls: { certFile: at('hub.pem'), keyFile: at('hub.key'), ca: ca! }, otherCa: otherCa! };
}

async function fakeMonitor(
  answer: (url: string) => unknown,
): Promise<{ url: string; port: number; close: () => Promise<void> }> {
  const server = createServer((socket) => {
    socket.on('data', (bytes) => {
      const body = JSON.stringify(answer(bytes.toString('latin1').split(' ')[1] ?? ''));
      socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`);
    });
    socket.on('error', () => {});
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    close: () => new Promise((done) => server.close(() => done())),
  };
}
