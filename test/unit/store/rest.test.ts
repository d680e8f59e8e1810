import { describe, expect, test } from 'vitest';
import { hex } from '../../../src/bytes.ts';
import { limits } from '../../../src/limits.ts';
import { digest, france, freshStore, greece, italy, startMs } from './fixtures.ts';

const subject = 'comity.it.police.all.day.seizure';

function parked(name: string, o: { sender?: typeof italy; bytes?: number; deliverByMs?: number } = {}) {
  return {
    sender: o.sender ?? italy,
    subject,
    reason: 'AWAITING_KEY' as const,
    awaits: 'key-1',
    digest: hex(digest(name)),
    deliverByMs: o.deliverByMs ?? startMs + 100,
    parkedMs: startMs,
    envelope: new Uint8Array(o.bytes ?? 3).fill(9),
  };
}

describe('parking', () => {
  test('keeps what waits until it is removed', () => {
    const { store, reopen } = freshStore();
    expect(store.parking.park(parked('a'))).toBe(true);
    store.parking.park(parked('b', { sender: france }));
    const after = reopen();
    const [first, second] = after.parking.awaiting('AWAITING_KEY', 'key-1');
    expect(first).toEqual({ id: 1, ...parked('a') });
    expect(after.parking.byDigest(hex(digest('b')))?.id).toBe(second?.id);
    expect(after.parking.bySender(france)).toHaveLength(1);
    expect(after.parking.awaiting('AWAITING_KEY', 'key-2')).toEqual([]);
    after.parking.remove(1);
    after.parking.remove(1);
    expect(after.parking.byDigest(hex(digest('a')))).toBeUndefined();
    expect(after.parking.summary()).toEqual([
      { sender: france, reason: 'AWAITING_KEY', messages: 1, bytes: 3 },
    ]);
  });

  test('a digest is one row, whatever it waits for by then', () => {
    const { store } = freshStore();
    store.parking.park(parked('a'));
    expect(store.parking.park({ ...parked('a'), reason: 'AWAITING_HEAD', awaits: 'x' })).toBe(true);
    expect(store.parking.awaiting('AWAITING_KEY', 'key-1')).toEqual([]);
    expect(store.parking.awaiting('AWAITING_HEAD', 'x')).toHaveLength(1);
  });

  test('is bounded for each sender by bytes and by messages, and room comes back', () => {
    const { store } = freshStore();
    const half = limits.parkedBytesMax / 2;
    expect(store.parking.park(parked('a', { bytes: half }))).toBe(true);
    expect(store.parking.park(parked('b', { bytes: half + 1 }))).toBe(false);
    expect(store.parking.park(parked('b', { bytes: half }))).toBe(true);
    expect(store.parking.park(parked('c', { bytes: 1 }))).toBe(false);
    expect(store.parking.park(parked('c', { sender: france, bytes: 1 }))).toBe(true);
    store.parking.remove(1);
    expect(store.parking.park(parked('c2', { bytes: half }))).toBe(true);
    store.transaction(() => {
      for (let i = 1; i < limits.parkedMessagesMax; i += 1)
        store.parking.park(parked(`m${i}`, { sender: france, bytes: 0 }));
    });
    expect(store.parking.park(parked('last', { sender: france, bytes: 0 }))).toBe(false);
  });

  test('names what is past its delivery time', () => {
    const { store } = freshStore();
    store.parking.park(parked('a', { deliverByMs: startMs + 1 }));
    store.parking.park(parked('b', { deliverByMs: startMs + 2 }));
    expect(store.parking.expired(startMs + 1)).toEqual([]);
    expect(store.parking.expired(startMs + 2)).toHaveLength(1);
  });
});

describe('quarantine', () => {
  const bytes = new Uint8Array([1, 2, 3]);
  const row = { atMs: 5, code: 'SIGNATURE_INVALID' as const, subject, reasons: [{ policy: 'p', text: 't' }] };

  test('keeps the exact bytes, each once on a subject', () => {
    const { store, reopen } = freshStore();
    expect(store.quarantine.has(subject, bytes)).toBe(false);
    const id = store.quarantine.put({ ...row, sender: italy, digest: 'ab' }, bytes);
    expect(store.quarantine.put(row, bytes)).toBe(id);
    const other = store.quarantine.put({ ...row, subject: 'elsewhere' }, bytes);
    const after = reopen();
    expect(after.quarantine.has(subject, bytes)).toBe(true);
    expect(after.quarantine.has(subject, Uint8Array.of(1, 2))).toBe(false);
    expect(after.quarantine.count()).toBe(2);
    expect(after.quarantine.envelope(id)).toEqual(bytes);
    expect(after.quarantine.envelope(99)).toBeUndefined();
    expect(after.quarantine.page(undefined, 9).map((found) => found.id)).toEqual([other, id]);
    expect(after.quarantine.page(other, 9)).toEqual([{ ...row, id, sender: italy, digest: 'ab', bytes: 3 }]);
  });
});

describe('audience keys', () => {
  const key = (name: string, o: object = {}) => ({
    sender: greece,
    keyId: digest(name),
    key: digest(`key ${name}`),
    members: [france, italy],
    notBeforeMs: 10,
    notAfterMs: 20,
    ...o,
  });

  test('ours is the newest for exactly these members that is in force', () => {
    const { store, reopen } = freshStore();
    store.audienceKeys.put(key('a'));
    store.audienceKeys.put(key('b', { notBeforeMs: 12, notAfterMs: 22 }));
    store.audienceKeys.put(key('c', { members: [italy], notBeforeMs: 13 }));
    const { audienceKeys } = reopen();
    expect(audienceKeys.own(greece, [italy, france], 15)).toEqual(
      key('b', { notBeforeMs: 12, notAfterMs: 22 }),
    );
    expect(audienceKeys.own(greece, [france, italy], 11)?.keyId).toEqual(digest('a'));
    expect(audienceKeys.own(greece, [france, italy], 20)?.keyId).toEqual(digest('b'));
    expect(audienceKeys.own(greece, [france, italy], 22)).toBeUndefined();
    expect(audienceKeys.own(greece, [france, italy], 9)).toBeUndefined();
    expect(audienceKeys.own(greece, [france], 15)).toBeUndefined();
    expect(audienceKeys.own(italy, [france, italy], 15)).toBeUndefined();
  });

  test('a key once known stays known', () => {
    const { store } = freshStore();
    const { key: _, ...announced } = key('a', { members: [] });
    store.audienceKeys.put(announced);
    expect(store.audienceKeys.byId(greece, digest('a'))).toEqual(announced);
    store.audienceKeys.put(key('a'));
    store.audienceKeys.put(announced);
    expect(store.audienceKeys.byId(greece, digest('a'))).toEqual(key('a'));
    expect(store.audienceKeys.byId(italy, digest('a'))).toBeUndefined();
  });
});

test('a version never goes back', () => {
  const { store, reopen } = freshStore();
  store.versions.save('list', 3, Uint8Array.of(3));
  store.versions.save('list', 4, Uint8Array.of(4));
  store.versions.save('root', 1, Uint8Array.of(1));
  expect(() => store.versions.save('list', 3, Uint8Array.of(9))).toThrow(TypeError);
  const { versions } = reopen();
  expect(versions.load('list')).toEqual({ version: 4, bytes: Uint8Array.of(4) });
  expect(versions.load('none')).toBeUndefined();
  expect(versions.names()).toEqual(['list', 'root']);
});

test('audit rows follow each other; their secrets are apart', () => {
  const { store } = freshStore();
  const row = (index: number) => ({ index, record: Uint8Array.of(index), chain: digest(`${index}`) });
  expect(store.auditRows.last()).toBeUndefined();
  store.auditRows.append(row(1));
  store.auditRows.append(row(2));
  expect(() => store.auditRows.append(row(2))).toThrow(TypeError);
  expect(() => store.auditRows.append(row(4))).toThrow(TypeError);
  expect(store.auditRows.last()).toEqual({ index: 2, chain: digest('2') });
  expect(store.auditRows.read(1, 9)).toEqual([row(1), row(2)]);
  expect(store.auditRows.read(2, 1)).toEqual([row(2)]);
  store.auditRows.keepSecret(2, 'identity', digest('salt'), new Uint8Array([5, 6]));
  expect(store.auditRows.secret(2, 'identity')).toEqual({
    salt: digest('salt'),
    value: new Uint8Array([5, 6]),
  });
  expect(store.auditRows.secret(1, 'identity')).toBeUndefined();
});

test('an answer is remembered by officer and key until it is forgotten', () => {
  const { store, reopen } = freshStore();
  const answer = { requestDigest: digest('r'), response: '{"id":1}', nowMs: 10 };
  store.idempotency.remember('officer-1', 'key', answer);
  const { idempotency } = reopen();
  expect(idempotency.find('officer-1', 'key')).toEqual({ requestDigest: digest('r'), response: '{"id":1}' });
  expect(idempotency.find('officer-2', 'key')).toBeUndefined();
  idempotency.forgetBefore(10);
  expect(idempotency.find('officer-1', 'key')).toBeDefined();
  idempotency.forgetBefore(11);
  expect(idempotency.find('officer-1', 'key')).toBeUndefined();
});

describe('events', () => {
  const event = {
    type: 'message.received',
    message: 'm',
    kind: 'object',
    lane: 'now',
    facts: { from: 'it.police', n: 1 },
    atMs: 3,
  } as const;

  test('are read in order after an id', () => {
    const { store, reopen } = freshStore();
    expect(store.events.lastId()).toBe(0);
    store.events.append(event);
    store.events.append({ type: 'gap.noticed', facts: {}, atMs: 4 });
    const { events } = reopen();
    expect(events.after(0, 9)).toEqual([
      { id: 1, ...event },
      { id: 2, type: 'gap.noticed', facts: {}, atMs: 4 },
    ]);
    expect(events.after(1, 9)).toHaveLength(1);
    expect(events.after(0, 1)).toHaveLength(1);
    expect(events.lastId()).toBe(2);
  });

  test('are told after the commit, once, and only if there are any', () => {
    const { store } = freshStore();
    const seen: number[] = [];
    const stop = store.events.onCommit(() => seen.push(store.events.lastId()));
    store.transaction(() => {
      store.events.append(event);
      store.events.append(event);
      expect(seen).toEqual([]);
    });
    expect(seen).toEqual([2]);
    store.versions.save('v', 1, new Uint8Array(1));
    expect(() =>
      store.transaction(() => {
        store.events.append(event);
        throw new Error('no');
      }),
    ).toThrow('no');
    store.versions.save('v', 2, new Uint8Array(1));
    expect(seen).toEqual([2]);
    stop();
    store.events.append(event);
    expect(seen).toEqual([2]);
  });
});
