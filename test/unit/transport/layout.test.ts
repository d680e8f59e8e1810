import { describe, expect, it } from 'vitest';
import { isServerVersionUsable } from '../../../src/transport/find-server.ts';
import {
  type AgencyPlan,
  createNatsUserKey,
  durablesOf,
  type HubPlan,
  hubConfig,
  hubLayout,
  isNatsUserKey,
  partitionsOf,
  publicKeyOfSeed,
  streamOf,
} from '../../../src/transport/index.ts';
import { createRateMeter } from '../../../src/transport/rate-meter.ts';
import { agencyId } from '../../../src/types.ts';

function agency(id: string, facts: Partial<AgencyPlan> = {}): AgencyPlan {
  const natsUserKeys = [createNatsUserKey().publicKey];
  return {
    agency: agencyId(id),
    publishes: ['seizure'],
    receives: ['seizure'],
    natsUserKeys,
    status: 'active',
    ...facts,
  };
}

const plan: HubPlan = {
  agencies: [
    agency('gr.customs'),
    agency('gr.coast-guard'),
    agency('it.police', { receives: ['seizure', 'request'] }),
  ],
  partitions: { south: ['gr', 'it'] },
};

/** Whether a NATS subject matches a filter. */
function matches(filter: string, subject: string): boolean {
  const tokens = subject.split('.');
  return (
    filter
      .split('.')
      .every((token, at) =>
        token === '>' ? tokens.length > at : token === '*' ? at in tokens : token === tokens[at],
      ) &&
    (filter.endsWith('>') || filter.split('.').length === tokens.length)
  );
}

describe('streams', () => {
  it('hold each subject exactly once, where streamOf says', () => {
    const { streams } = hubLayout(plan);
    for (const subject of [
      'comity.gr.customs.all.now.seizure',
      'comity.gr.customs.all.bulk.blob',
      'comity.gr.coast-guard.to.it.police.day.note',
      'comity.it.police.to.gr.customs.day.blob',
      'comity.it.police.statement',
      'comity.it.police.beat.seizure',
      'comity.trust',
    ]) {
      const holding = streams.filter(({ subjects }) => subjects.some((filter) => matches(filter, subject)));
      expect(holding.map(({ name }) => name)).toEqual([streamOf(subject, plan)]);
    }
    expect(streams.map(({ name }) => name).sort()).toEqual(
      ['ALL_south', 'BLOB_south', 'DIRECTORY', 'TO_gr_coast-guard', 'TO_gr_customs', 'TO_it_police'].sort(),
    );
    expect(streamOf('comity.fr.customs.all.now.seizure', plan)).toBeUndefined();
  });

  it('keep a revoked agency’s mailbox until its content has aged out, and nothing else of it', () => {
    const revoked = { ...plan, agencies: [agency('gr.customs', { status: 'revoked' }), agency('it.police')] };
    const layout = hubLayout(revoked);
    expect(layout.streams.some(({ name }) => name === 'TO_gr_customs')).toBe(true);
    expect(layout.consumers.filter((consumer) => consumer.agency === 'gr.customs')).toEqual([]);
    expect(layout.accounts.map(({ name }) => name)).toEqual(['A_it_police']);
    expect(durablesOf(agencyId('gr.customs'), revoked)).toEqual([]);
  });
});

describe('partitions', () => {
  it('are one a jurisdiction while the consumers are few', () => {
    const agencies = ['gr.customs', 'it.police', 'fr.customs'].map((id) => agency(id));
    expect(partitionsOf({ agencies }).map(([name]) => name)).toEqual(['fr', 'gr', 'it']);
  });

  it('are five at 150 agencies, under 4,000 consumers', () => {
    const letters = 'abcdefghijklmnopqrstuvwxyz';
    const agencies = Array.from({ length: 150 }, (_, index) => {
      const jurisdiction = `${letters[index % 5]}${letters[Math.floor(index / 5) % 26]}`;
      return agency(`${jurisdiction}.agency-${index}`);
    });
    expect(partitionsOf({ agencies })).toHaveLength(5);
    expect(hubLayout({ agencies }).consumers.length).toBeLessThanOrEqual(4000);
  });

  it('may not overlap, nor take names that cannot be names of streams', () => {
    const { agencies } = plan;
    const refused = expect.objectContaining({ code: 'CONFIG_INVALID' });
    expect(() => partitionsOf({ agencies, partitions: { a: ['gr'], b: ['gr', 'it'] } })).toThrow(refused);
    expect(() => partitionsOf({ agencies, partitions: { 'a.b': ['gr'] } })).toThrow(refused);
    expect(() => partitionsOf({ agencies, partitions: { it: ['gr'] } })).toThrow(refused);
  });
});

describe('accounts', () => {
  const account = hubLayout(plan).accounts.find(({ name }) => name === 'A_gr_customs')!;
  const local = account.services.map((service) => service.local);

  it('export lane and kind literally, only those granted and those that all have', () => {
    expect(local).toContain('comity.gr.customs.all.now.seizure');
    expect(local).toContain('comity.gr.customs.to.*.*.bulk.receipt');
    expect(local).toContain('comity.gr.customs.statement');
    expect(local.filter((subject) => subject.includes('request'))).toEqual([]);
    for (const subject of local.filter((text) => text.startsWith('comity.'))) {
      expect(subject.startsWith('comity.gr.customs.')).toBe(true);
    }
  });

  it('grant of the hub’s interface nothing but the own durables and the own prefix', () => {
    for (const { subject } of account.services.filter((service) => service.subject.startsWith('$JS'))) {
      expect(subject).toMatch(
        /gr_customs_(now|day|bulk|blob|directory)(\.>)?$|^\$JS\.API\.DIRECT\.GET\.\*\.comity\.gr\.customs\.>$/,
      );
    }
    expect(local.filter((subject) => subject.startsWith('$JS.API'))).toEqual([]);
  });

  it('never match another agency’s acknowledgement', () => {
    const foreign = '$JS.ACK.TO_it_police.it_police_now.1.gr_customs_now.1.1.0';
    expect(account.services.some(({ subject }) => matches(subject, foreign))).toBe(false);
    expect(matches('$JS.ACK.*.*.*.gr_customs_now.>', foreign)).toBe(true);
  });

  it('publish nothing but the statement when over quota', () => {
    const over = hubLayout({ ...plan, agencies: [agency('gr.customs', { overQuota: true })] }).accounts[0]!;
    expect(
      over.services.filter(({ subject }) => subject.startsWith('comity.')).map(({ subject }) => subject),
    ).toEqual(['comity.gr.customs.statement']);
  });
});

describe('the server’s configuration', () => {
  const key = createNatsUserKey().publicKey;
  const options = {
    layout: hubLayout(plan),
    storeDirectory: '/srv/hub',
    hubUserKeys: [key],
    systemUserKeys: [createNatsUserKey().publicKey],
    host: '127.0.0.1',
    port: 4222,
    monitoringPort: 8222,
    storeBytesMax: 1e9,
  };

  it('syncs always, on a line of its own, and names no user for strangers', () => {
    const text = hubConfig(options);
    expect(text).toMatch(/^ {2}sync_interval: always$/m);
    expect(text).not.toContain('no_auth_user');
    expect(text).toContain('http: "127.0.0.1:8222"');
  });

  it('refuses clear text off loopback, keys that are none, and one key for two accounts', () => {
    const refused = expect.objectContaining({ code: 'CONFIG_INVALID' });
    expect(() => hubConfig({ ...options, host: '0.0.0.0' })).toThrow(refused);
    const tls = { certFile: '/srv/hub.pem', keyFile: '/srv/hub.key' };
    expect(hubConfig({ ...options, host: '0.0.0.0', tls })).toMatch(/handshake_first: true/);
    expect(() => hubConfig({ ...options, hubUserKeys: ['UNO'] })).toThrow(refused);
    expect(() => hubConfig({ ...options, systemUserKeys: [key] })).toThrow(refused);
    expect(() => hubConfig({ ...options, storeDirectory: '/srv/"}\naccounts {' })).toThrow(refused);
  });
});

describe('small things', () => {
  it('tells the usable server versions', () => {
    const usable = ['2.14.3', '2.15.1', '2.12.12', '2.20.0', '3.0.0', '2.15.1-RC.1'];
    const old = ['2.14.2', '2.12.11', '2.9.10', '2.10.27', '2.13.9', '1.99.0', 'unknown'];
    expect(usable.filter((version) => !isServerVersionUsable(version))).toEqual([]);
    expect(old.filter(isServerVersionUsable)).toEqual([]);
  });

  it('makes NATS user keys whose public part the seed gives again', () => {
    const { seed, publicKey } = createNatsUserKey();
    expect(publicKeyOfSeed(seed)).toBe(publicKey);
    expect(isNatsUserKey(publicKey)).toBe(true);
    expect(() => publicKeyOfSeed('SUNO')).toThrow(expect.objectContaining({ code: 'KEY_FILE_INVALID' }));
    expect(() => publicKeyOfSeed(publicKey)).toThrow(expect.objectContaining({ code: 'KEY_FILE_INVALID' }));
  });

  it('forgets bytes after a second', () => {
    const meter = createRateMeter();
    meter.add(100, 10_000);
    meter.add(50, 10_450);
    expect(meter.lastSecond(10_900)).toBe(150);
    expect(meter.lastSecond(11_050)).toBe(50);
    expect(meter.lastSecond(12_000)).toBe(0);
    meter.add(7, 12_000);
    expect(meter.lastSecond(12_000)).toBe(7);
  });
});
