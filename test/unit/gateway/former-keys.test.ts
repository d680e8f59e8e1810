/**
 * What a former key signed counts only behind something newer of its sender (docs/wire.md, Channels):
 * whoever stole it can back-date nothing, alone or with the help of another agency.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createAuditLog } from '../../../src/audit/index.ts';
import { hex } from '../../../src/bytes.ts';
import { emit } from '../../../src/gateway/emit.ts';
import { createInbound, type Inbound } from '../../../src/gateway/inbound.ts';
import { createPairKeys, type GatewayContext, hubViewOf } from '../../../src/gateway/index.ts';
import type { ChannelPlace } from '../../../src/gateway/judgement.ts';
import { ownMessage, ownSchemas } from '../../../src/gateway/own-message.ts';
import { HeartbeatBodySchema } from '../../../src/gen/comity/beat/v1/beat_pb.js';
import { systemRandom, uuidBytes } from '../../../src/ids.ts';
import { limits } from '../../../src/limits.ts';
import { silentLog } from '../../../src/log.ts';
import { createPolicyEngine } from '../../../src/policy/index.ts';
import { openStore } from '../../../src/store/index.ts';
import type { Store } from '../../../src/store/port.ts';
import { beatSubject } from '../../../src/subjects.ts';
import type { Transport } from '../../../src/transport/port.ts';
import { agencyId, kinds } from '../../../src/types.ts';
import { type Federation, makeFederation } from '../../support/federation.ts';
import { createForger, type Forged, type ForgeOptions, signingKeyAt } from '../../support/forge.ts';
import { federationPolicy } from '../../support/gateway-node.ts';

const hourMs = 3600_000;
const federation: Federation = makeFederation();
/** Where one week's keys end and the next begin. */
const borderMs = Math.ceil(federation.nowMs / limits.keyWindowMs) * limits.keyWindowMs;
const beforeMs = borderMs - 2 * hourMs;
const laterMs = borderMs + hourMs;
const stolen = signingKeyAt(federation, 'gr.customs', beforeMs);

let directory: string;
let stores: Store[];
let nowMs: number;
let reader: GatewayContext;
let inbound: Inbound;
let forge: (o: ForgeOptions) => Forged;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'comity-former-'));
  stores = [];
  nowMs = laterMs;
  reader = party('it.police', () => nowMs);
  inbound = createInbound(reader, { onBehind: () => {}, onSuspect: () => {}, onCommitted: () => {} });
  forge = createForger(federation);
});
afterEach(() => {
  for (const store of stores) store.close();
  rmSync(directory, { recursive: true });
});

function party(name: string, now: () => number): GatewayContext {
  const agency = agencyId(name);
  const clock = { nowMs: now, after: () => () => {} };
  const store = openStore({
    directory: join(directory, `${name}-${stores.length}`),
    storeKey: new Uint8Array(32).fill(7),
    clock,
    random: systemRandom,
    create: true,
  });
  stores.push(store);
  const trust = federation.book({ clock: { ...clock, nowMs: () => Math.max(now(), federation.nowMs) } });
  const keys = federation.agency(name).messageKeys;
  return {
    agency,
    profile: { title: name, sends: kinds, takes: kinds },
    store,
    search: async (filter, limit) => store.messages.page(filter, limit),
    trust,
    keys,
    pairs: createPairKeys(trust, keys),
    policy: createPolicyEngine({ federation: federationPolicy() }),
    audit: createAuditLog({ rows: store.auditRows, clock, random: systemRandom, agency }),
    transport: {} as Transport,
    layout: () => hubViewOf(trust, agency, now()),
    clock,
    random: systemRandom,
    log: silentLog,
    reached: () => {},
  };
}

const take = (message: Pick<Forged, 'subject' | 'bytes'>): Promise<void> =>
  inbound.take([
    { stream: 'S', streamSequence: 1, subject: message.subject, data: message.bytes, delivered: 1 },
  ]);

/** A directed message of gr.customs to the reader, made with its key of the time. */
const directed = (createdMs: number, header: ForgeOptions['header'] = {}): Forged =>
  forge({ sender: 'gr.customs', reader: 'it.police', to: 'it.police', nowMs: createdMs, header });
const broadcast = (createdMs: number, header: ForgeOptions['header'] = {}): Forged =>
  forge({ sender: 'gr.customs', reader: 'it.police', nowMs: createdMs, header });

/** A heartbeat of the agency, made at the time with the key of the time. */
function beat(
  agency: string,
  createdMs: number,
  heads: readonly ChannelPlace[],
): Pick<Forged, 'subject' | 'bytes'> {
  const sender = party(agency, () => createdMs);
  const wire = heads.map((head) => ({ ...head, sequence: BigInt(head.sequence) }));
  const subject = beatSubject(sender.agency, 'seizure');
  const [emitted] = sender.store.transaction(() =>
    emit(sender, [
      ownMessage(sender, {
        subject,
        lane: 'now',
        schema: ownSchemas.beat,
        body: HeartbeatBodySchema,
        chained: false,
        content: () => ({ heads: wire, trustVersion: 1n }),
      }),
    ]),
  );
  if (emitted === undefined) throw new TypeError('one beat');
  return { subject, bytes: emitted.envelope };
}

const epoch = new Uint8Array(16).fill(5);
const place = ({ subject, sequence, digest }: Forged): ChannelPlace => ({ subject, epoch, sequence, digest });

function stateOf({ digest }: Forged): string {
  if (reader.store.messages.byDigest(digest) !== undefined) return 'accepted';
  const parked = reader.store.parking.byDigest(hex(digest));
  if (parked !== undefined) return parked.reason;
  const refused = reader.store.quarantine.page(undefined, 100).find((row) => row.digest === hex(digest));
  return refused?.code ?? 'nowhere';
}

describe('what a former key signed', () => {
  test('waits, is not taken by waiting, and ends in quarantine', async () => {
    const message = directed(beforeMs);
    await take(message);
    expect(stateOf(message)).toBe('AWAITING_HEAD');
    inbound.wakeAll();
    expect(stateOf(message)).toBe('AWAITING_HEAD');
    nowMs = beforeMs + limits.deliverByMsMax + hourMs;
    inbound.expire();
    expect(stateOf(message)).toBe('AWAITING_HEAD');
    expect(reader.store.parking.byDigest(hex(message.digest))).toBeUndefined();
  });

  test('is accepted, in order, behind a later message that a key in force signed', async () => {
    const [first, second] = [directed(beforeMs), directed(beforeMs)];
    const newer = directed(laterMs);
    await take(first);
    await take(second);
    await take(newer);
    const order = reader.store.events.after(0, 100).flatMap(({ message }) => message ?? []);
    expect([first, second, newer].map(stateOf)).toEqual(['accepted', 'accepted', 'accepted']);
    expect(order).toEqual(
      [first, second, newer].map(({ digest }) => reader.store.messages.byDigest(digest)?.facts.id),
    );
  });

  test.each([
    ['after', false],
    ['before', true],
  ])(
    'is accepted behind a heartbeat that a key in force signed, and that came %s it',
    async (_when, first) => {
      const message = broadcast(beforeMs, { epoch });
      const head = beat('gr.customs', laterMs, [place(message)]);
      if (first) await take(head);
      await take(message);
      expect(stateOf(message)).toBe(first ? 'accepted' : 'AWAITING_HEAD');
      if (!first) await take(head);
      expect(stateOf(message)).toBe('accepted');
    },
  );
});

describe('a stolen former key', () => {
  test.each([false, true])('vouches for nothing by a heartbeat of its own', async (first) => {
    const message = broadcast(beforeMs, { epoch });
    const head = beat('gr.customs', beforeMs, [place(message)]);
    if (first) await take(head);
    await take(message);
    if (!first) await take(head);
    expect(stateOf(message)).toBe('AWAITING_HEAD');
  });

  test('vouches for nothing by a message that is refused in a place of its own', async () => {
    nowMs = beforeMs;
    const known = directed(beforeMs);
    await take(known);
    expect(stateOf(known)).toBe('accepted');
    const id = reader.store.messages.byDigest(known.digest)?.facts.id ?? '';
    nowMs = laterMs;
    const target = directed(beforeMs, { epoch, sequence: 1, previous: new Uint8Array(32) });
    const bait = directed(beforeMs, {
      epoch,
      sequence: 2,
      previous: target.digest,
      messageId: uuidBytes(id),
    });
    await take(target);
    await take(bait);
    await take(target);
    expect(stateOf(target)).toBe('AWAITING_HEAD');
    expect(reader.store.positions.at(bait.subject, epoch, 2)).toBeUndefined();
  });

  test('is not helped by another agency whose message names the digest', async () => {
    const target = directed(beforeMs);
    await take(target);
    const helper = forge({
      sender: 'de.liaison',
      reader: 'it.police',
      to: 'it.police',
      nowMs: laterMs,
      header: { epoch, sequence: 2, previous: target.digest },
    });
    await take(helper);
    expect(stateOf(helper)).toBe('accepted');
    expect(stateOf(target)).toBe('AWAITING_HEAD');
  });

  test.each(['its own', 'the victim’s'])(
    'is not helped by another agency whose heartbeat names the digest on %s channel',
    async (whose) => {
      const target = broadcast(beforeMs, { epoch });
      await take(target);
      const subject = whose === 'its own' ? 'comity.de.liaison.all.day.seizure' : target.subject;
      await take(beat('de.liaison', laterMs, [{ ...place(target), subject }]));
      expect(stateOf(target)).toBe('AWAITING_HEAD');
    },
  );
});

describe('an agency that was revoked, whose key is still in force', () => {
  const revokedMs = federation.nowMs - 24 * hourMs;
  const of = (createdMs: number, header: ForgeOptions['header'] = {}): Forged =>
    forge({ sender: 'xa.former', reader: 'it.police', nowMs: createdMs, header: { epoch, ...header } });
  beforeEach(() => {
    nowMs = federation.nowMs;
  });

  test('back-dates nothing behind a message that is refused in its place', async () => {
    const target = of(revokedMs - hourMs, { sequence: 1, previous: new Uint8Array(32) });
    const bait = of(revokedMs + hourMs, { sequence: 2, previous: target.digest });
    await take(bait);
    await take(target);
    expect([bait, target].map(stateOf)).toEqual(['AGENCY_REVOKED', 'AGENCY_REVOKED']);
  });

  test('back-dates nothing behind a back-dated heartbeat', async () => {
    const target = of(revokedMs - hourMs);
    await take(beat('xa.former', revokedMs - hourMs, [place(target)]));
    await take(target);
    expect(stateOf(target)).toBe('AGENCY_REVOKED');
  });
});

describe('at the border of two keys', () => {
  const newKey = signingKeyAt(federation, 'gr.customs', borderMs);
  test.each([
    ['the last millisecond of the old key, at once', borderMs - 1, stolen, borderMs - 1, 'accepted'],
    ['the first millisecond of the new key, at once', borderMs, newKey, borderMs, 'accepted'],
    ['the old key in the new one’s first millisecond', borderMs, stolen, borderMs, 'KEY_NOT_IN_FORCE'],
    ['the new key in the old one’s last millisecond', borderMs - 1, newKey, borderMs, 'KEY_NOT_IN_FORCE'],
    [
      'the old key, within the skew after its end',
      borderMs - 1,
      stolen,
      borderMs + limits.clockSkewMsMax - 1,
      'accepted',
    ],
    [
      'the old key, when the skew is over',
      borderMs - 1,
      stolen,
      borderMs + limits.clockSkewMsMax,
      'AWAITING_HEAD',
    ],
    ['the new key, before it begins here', borderMs, newKey, borderMs - limits.clockSkewMsMax, 'accepted'],
    [
      'the new key, earlier than the skew',
      borderMs,
      newKey,
      borderMs - limits.clockSkewMsMax - 1,
      'CREATED_IN_FUTURE',
    ],
  ])('%s', async (_name, createdMs, signer, arrivedMs, state) => {
    nowMs = arrivedMs;
    const message = forge({
      sender: 'gr.customs',
      reader: 'it.police',
      to: 'it.police',
      nowMs: createdMs,
      signer,
    });
    await take(message);
    expect(stateOf(message)).toBe(state);
  });
});
