/** A local federation of real processes: made, started, spoken to over HTTP, hurt, changed and stopped. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MessageSummary, Page, ReceiptsView, Submission } from '../../src/gateway/views.ts';
import * as shapes from '../../src/http/shapes.ts';
import {
  type AgencyId,
  agencyId,
  createLocalFederation,
  type FederationPlan,
  type GatewayProcess,
  type LocalFederation,
  processEnvironment,
  type RunningFederation,
  readFederationPlan,
  startFederation,
  systemClock,
  systemRandom,
} from '../../src/index.ts';

const customs = agencyId('gr.customs');
const police = agencyId('it.police');
const former = agencyId('xa.former');
let folder: string;
let plan: FederationPlan;
let federation: LocalFederation;
let running: RunningFederation;

const open = () =>
  createLocalFederation({ directory: join(folder, 'fed'), plan, clock: systemClock, random: systemRandom });
const start = () =>
  startFederation({
    federation,
    clock: systemClock,
    env: processEnvironment(),
    hubPort: 0,
    ports: {},
    cacheDirectory: '.cache/nats',
    searchPath: processEnvironment()['PATH'],
    natsServer: processEnvironment()['NATS_SERVER'],
  });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'comity-local-'));
  const whole = readFederationPlan('config/local-federation.yaml');
  const [first, second] = whole.agencies;
  plan = { ...whole, agencies: [first!, second!, { ...second!, agency: former, names: { en: 'Former' } }] };
  federation = await open();
  running = await start();
});
afterAll(async () => {
  await running?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function call(
  gateway: GatewayProcess,
  path: string,
  body?: unknown,
): Promise<{ status: number; json: unknown }> {
  const answer = await fetch(`${gateway.url}${path}`, {
    headers: { authorization: `Bearer ${gateway.token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  });
  return { status: answer.status, json: await answer.json() };
}

/** Asks again until it holds; the test's own time-out bounds it. */
async function until<T>(ask: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await ask();
    if (holds(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const draft = JSON.parse(readFileSync('config/examples/seizure-minimal.json', 'utf8')) as unknown;
const send = async (from: AgencyId) => {
  const { status, json } = await call(running.gateway(from), '/v1/messages', draft);
  expect([status, json]).toEqual([202, expect.anything()]);
  return shapes.submissionShape.parse(json) as Submission;
};
const arrived = (at: AgencyId, id: string) =>
  until(
    async () =>
      (await call(running.gateway(at), '/v1/messages?direction=in&limit=200')).json as Page<MessageSummary>,
    ({ items }) => items.some((item) => item.id === id),
  );

describe('a local federation', () => {
  it('holds every statement at every gateway when it is ready', async () => {
    for (const gateway of running.gateways.values()) {
      const health = await gateway.health();
      shapes.healthShape.parse(health);
      expect([health.ready, health.statements.length, health.missingStatements]).toEqual([true, 3, []]);
    }
  });

  it('answers by the shapes of the API document', async () => {
    const gateway = running.gateway(customs);
    shapes.previewShape.parse((await call(gateway, '/v1/previews', draft)).json);
    const { id } = await send(customs);
    await arrived(police, id);
    shapes.messageShape.parse((await call(running.gateway(police), `/v1/messages/${id}`)).json);
    const receipts = await until(
      async () => (await call(gateway, `/v1/messages/${id}/receipts`)).json as ReceiptsView,
      ({ recipients }) => recipients.every(({ state }) => state === 'arrived'),
    );
    shapes.receiptsShape.parse(receipts);
    expect(receipts.recipients.map(({ agency }) => agency)).toEqual([police, former]);
    shapes.pageShape(shapes.summaryShape).parse((await call(gateway, '/v1/messages')).json);
    shapes.pageShape(shapes.quarantinedShape).parse((await call(gateway, '/v1/quarantine')).json);
    const unknown = await call(gateway, '/v1/messages/01890000-0000-7000-8000-000000000001');
    expect([unknown.status, (unknown.json as { code: string }).code]).toEqual([404, 'NOT_FOUND']);
    const wrong = await call(gateway, '/v1/messages', { kind: 'seizure' });
    expect([wrong.status, (wrong.json as { code: string }).code]).toEqual([422, 'DRAFT_INVALID']);
  });

  it('delivers after a gateway was killed and after the hub was', async () => {
    await running.gateway(police).kill9();
    const first = await send(customs);
    await running.restartGateway(police);
    await arrived(police, first.id);
    const crashed = running.hub.crashAndRestart();
    const second = await send(customs);
    await crashed;
    const { items } = await arrived(police, second.id);
    expect(items.filter(({ id }) => id === first.id || id === second.id)).toHaveLength(2);
  });

  it('drops an agency within 5 s of the list that revokes it', async () => {
    const revokedMs = Date.now();
    federation.changeState(former, 'revoked', revokedMs);
    await running.hub.publish();
    for (const agency of [customs, police]) {
      await until(
        () => running.gateway(agency).health(),
        ({ trustVersion }) => trustVersion === 2,
      );
    }
    await until(
      () => running.gateway(former).health(),
      ({ link }) => link !== 'connected',
    );
    expect(Date.now() - revokedMs).toBeLessThan(5_000);
    const { recipients } = await send(customs);
    expect(recipients.map(({ agency }) => agency)).toEqual([police]);
  });

  it('names a port that is taken before it starts anything', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const { port } = holder.address() as { port: number };
    const options = { federation, clock: systemClock, env: {}, cacheDirectory: '.cache/nats' };
    for (const given of [
      { hubPort: port, ports: {} },
      { hubPort: 0, ports: { [police]: port } },
    ]) {
      await expect(startFederation({ ...options, ...given })).rejects.toMatchObject({
        code: 'PORT_TAKEN',
        message: expect.stringContaining(String(port)),
      });
    }
    holder.close();
  });

  it('stops with exit code 0, and is the same federation when it is opened and started again', async () => {
    const before = federation.federationId;
    const { id } = await send(customs);
    await arrived(police, id);
    const gateways = [...running.gateways.values()];
    await running.stop();
    expect(await Promise.all(gateways.map(({ exited }) => exited))).toEqual([0, 0, 0]);
    federation = await open();
    expect(federation.federationId).toBe(before);
    plan = { ...plan, agencies: plan.agencies.filter(({ agency }) => agency !== former) };
    federation = await open();
    running = await start();
    await arrived(police, id);
    await arrived(police, (await send(customs)).id);
  });
});
