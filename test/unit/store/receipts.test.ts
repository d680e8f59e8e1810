import { expect, test } from 'vitest';
import type { OpenedStore } from '../../../src/store/index.ts';
import { agencyId } from '../../../src/types.ts';
import { digest, epoch, france, freshStore, greece, italy, messageId, startMs } from './fixtures.ts';

const subject = 'comity.gr.customs.all.day.seizure';
const toItaly = 'comity.gr.customs.to.it.police.day.request';

type Expected = Parameters<OpenedStore['receipts']['expect']>[1][number];

function expectMessage(store: OpenedStore, sequence: number, rows: readonly Partial<Expected>[]): string {
  const id = messageId();
  const whole = rows.map((row) => ({
    agency: italy,
    subject,
    epoch: store.epoch,
    sequence,
    fields: [1],
    state: 'sent' as const,
    ...row,
  }));
  store.receipts.expect(id, whole, startMs);
  return id;
}

/** Appends and marks as stored by the hub. */
function publish(store: OpenedStore, sequence: number, on = subject): void {
  const id = store.outbox.append({
    stream: 'S',
    lane: 'day',
    subject: on,
    epoch: store.epoch,
    sequence,
    digest: digest(`${on}${sequence}`),
    messageIdHeader: 'x',
    deliverByMs: startMs + 1_000,
    envelope: new Uint8Array(3),
  });
  store.outbox.markSent([{ id, subject: on, streamSequence: sequence }]);
}

const states = (store: OpenedStore, id: string) =>
  Object.fromEntries(store.receipts.recipients(id).map(({ agency, state, code }) => [agency, code ?? state]));

test('a recipient goes from sent over published to arrived', () => {
  const { store, clock } = freshStore();
  const id = expectMessage(store, 1, [
    { agency: italy, fields: [1, 3] },
    { agency: france, state: 'no-keys', fields: [] },
  ]);
  expect(states(store, id)).toEqual({ 'it.police': 'sent', 'fr.heritage': 'no-keys' });
  clock.set(startMs + 50);
  publish(store, 1);
  expect(states(store, id)).toEqual({ 'it.police': 'published', 'fr.heritage': 'no-keys' });
  const changed = store.receipts.apply(italy, { subject, epoch: store.epoch, upTo: 1 }, [], startMs + 90);
  expect(changed).toEqual([id]);
  expect(store.receipts.recipients(id)).toEqual([
    { agency: france, state: 'no-keys', sinceMs: startMs, fields: [] },
    { agency: italy, state: 'arrived', sinceMs: startMs + 90, fields: [1, 3] },
  ]);
  expect(store.receipts.recipients(messageId())).toEqual([]);
});

test('a receipt is cumulative, and applied once', () => {
  const { store } = freshStore();
  const ids = [1, 2, 3].map((sequence) => expectMessage(store, sequence, [{}, { agency: france }]));
  const upTo = (count: number) =>
    store.receipts.apply(italy, { subject, epoch: store.epoch, upTo: count }, [], startMs);
  expect(upTo(2)).toEqual(ids.slice(0, 2));
  expect(upTo(2)).toEqual([]);
  expect(upTo(1)).toEqual([]);
  expect(upTo(3)).toEqual([ids[2]]);
  expect(store.receipts.receiptedUpTo(italy, subject, store.epoch)).toBe(3);
  expect(store.receipts.receiptedUpTo(france, subject, store.epoch)).toBe(0);
  expect(store.receipts.receiptedUpTo(italy, toItaly, store.epoch)).toBe(0);
  expect(states(store, ids[0]!)).toEqual({ 'it.police': 'arrived', 'fr.heritage': 'sent' });
});

test('an exception refuses or lets wait, and OK mends it', () => {
  const { store } = freshStore();
  const [one, two, three] = [1, 2, 3].map((sequence) => expectMessage(store, sequence, [{}])) as [
    string,
    string,
    string,
  ];
  const except = (sequence: number, code: string) => ({ subject, epoch: store.epoch, sequence, code });
  store.receipts.apply(
    italy,
    { subject, epoch: store.epoch, upTo: 3 },
    [except(1, 'SIGNATURE_INVALID'), except(2, 'AWAITING_KEY'), except(3, 'MISSING')],
    startMs + 1,
  );
  const told = (id: string) => store.receipts.recipients(id)[0];
  expect(told(one)).toMatchObject({ state: 'refused', code: 'SIGNATURE_INVALID', sinceMs: startMs + 1 });
  expect(told(two)).toMatchObject({ state: 'waiting', code: 'AWAITING_KEY' });
  expect(told(three)).toMatchObject({ state: 'waiting', code: 'MISSING' });
  const again = [except(1, 'SIGNATURE_INVALID'), except(2, 'OK')];
  expect(store.receipts.apply(italy, { subject, epoch: store.epoch, upTo: 3 }, again, startMs + 2)).toEqual([
    two,
  ]);
  expect(told(two)).toEqual({ agency: italy, state: 'arrived', sinceMs: startMs + 2, fields: [1] });
});

test('a peer changes nothing that it was not sent', () => {
  const { store } = freshStore();
  const id = expectMessage(store, 1, [{ agency: italy }, { agency: france, state: 'no-keys' }]);
  const channel = { subject, epoch: store.epoch, upTo: 1 };
  const lie = [{ subject, epoch: store.epoch, sequence: 1, code: 'KEY_UNKNOWN' }];
  expect(store.receipts.apply(france, channel, lie, startMs)).toEqual([]);
  expect(store.receipts.apply(agencyId('it.customs'), channel, lie, startMs)).toEqual([]);
  expect(store.receipts.apply(italy, { ...channel, epoch }, [{ ...lie[0]!, epoch }], startMs)).toEqual([]);
  expect(store.receipts.apply(italy, channel, [{ ...lie[0]!, sequence: 9 }], startMs)).toEqual([id]);
  expect(states(store, id)).toEqual({ 'it.police': 'arrived', 'fr.heritage': 'no-keys' });
});

test('copies of one message are one table of recipients, and a recipient is added later', () => {
  const { store } = freshStore();
  const id = expectMessage(store, 1, [
    { agency: italy, subject: toItaly },
    { agency: france, subject: 'comity.gr.customs.to.fr.heritage.day.request' },
  ]);
  expect(states(store, id)).toEqual({ 'it.police': 'sent', 'fr.heritage': 'sent' });
  store.receipts.expect(
    id,
    [{ agency: greece, subject: toItaly, epoch: store.epoch, sequence: 1, fields: [2], state: 'no-keys' }],
    startMs,
  );
  expect(Object.keys(states(store, id))).toEqual(['fr.heritage', 'gr.customs', 'it.police']);
});

test('who is silent is told with the count and the age of what waits', () => {
  const { store, clock } = freshStore();
  for (const sequence of [1, 2, 3]) expectMessage(store, sequence, [{}, { agency: france }]);
  expect(store.receipts.silent()).toEqual([]);
  clock.set(startMs + 10);
  publish(store, 1);
  clock.set(startMs + 20);
  publish(store, 2);
  store.receipts.apply(italy, { subject, epoch: store.epoch, upTo: 1 }, [], startMs + 30);
  const silent = Object.fromEntries(store.receipts.silent().map(({ agency, ...row }) => [agency, row]));
  expect(silent).toEqual({
    'it.police': { messages: 1, oldestMs: startMs + 20 },
    'fr.heritage': { messages: 2, oldestMs: startMs + 10 },
  });
});

test('what is due to a peer is taken in bounded steps', () => {
  const { store, reopen } = freshStore();
  store.receipts.note(italy, subject, epoch);
  store.receipts.note(italy, toItaly, epoch, { sequence: 4, code: 'MISSING' });
  store.receipts.note(italy, subject, epoch, { sequence: 1, code: 'KEY_UNKNOWN' });
  store.receipts.note(italy, subject, epoch, { sequence: 2, code: 'AWAITING_KEY' });
  store.receipts.note(italy, subject, epoch, { sequence: 2, code: 'OK' });
  store.receipts.note(france, subject, epoch);
  expect(store.receipts.due()).toEqual([france, italy]);
  const after = reopen();
  const first = after.receipts.takeDue(italy, 2);
  expect(first.channels.map((row) => row.subject).toSorted()).toEqual([subject, toItaly].toSorted());
  expect(first.exceptions).toEqual([
    { subject, epoch, sequence: 1, code: 'KEY_UNKNOWN' },
    { subject, epoch, sequence: 2, code: 'OK' },
  ]);
  expect(after.receipts.due()).toEqual([france, italy]);
  const second = after.receipts.takeDue(italy, 2);
  expect(second).toEqual({
    channels: [{ subject: toItaly, epoch }],
    exceptions: [{ subject: toItaly, epoch, sequence: 4, code: 'MISSING' }],
  });
  expect(after.receipts.due()).toEqual([france]);
  expect(after.receipts.takeDue(italy, 2)).toEqual({ channels: [], exceptions: [] });
});
