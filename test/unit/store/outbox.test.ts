import { expect, test } from 'vitest';
import { digest, freshStore, italy, message, messageId, type Opened, startMs } from './fixtures.ts';

const subject = 'comity.gr.customs.all.day.seizure';

type RowOptions = {
  stream?: string;
  lane?: 'now' | 'day';
  subject?: string;
  deliverByMs?: number;
  bytes?: number;
};

/** Appends row `sequence` of a channel of ours. */
function append({ store }: Pick<Opened, 'store'>, sequence: number, o: RowOptions = {}): number {
  const on = o.subject ?? subject;
  return store.outbox.append({
    stream: o.stream ?? 'ALL-GR',
    lane: o.lane ?? 'day',
    subject: on,
    epoch: store.epoch,
    sequence,
    digest: digest(`${on} ${sequence}`),
    messageIdHeader: `id-${sequence}`,
    deliverByMs: o.deliverByMs ?? startMs + 10_000,
    envelope: new Uint8Array(o.bytes ?? 100).fill(sequence),
  });
}

test('rows come in order, by stream and lane, within both bounds', () => {
  const opened = freshStore();
  const { outbox } = opened.store;
  for (let sequence = 1; sequence <= 4; sequence += 1) append(opened, sequence);
  append(opened, 1, { lane: 'now', subject: 'comity.gr.customs.all.now.seizure' });
  append(opened, 1, { stream: 'OTHER', subject: 'comity.gr.customs.to.it.police.day.note' });
  expect(outbox.next('ALL-GR', 'day', 9, 1_000).map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);
  expect(outbox.next('ALL-GR', 'day', 2, 1_000)).toHaveLength(2);
  expect(outbox.next('ALL-GR', 'day', 9, 250)).toHaveLength(2);
  expect(outbox.next('ALL-GR', 'day', 9, 1)).toHaveLength(1);
  expect(outbox.next('NONE', 'day', 9, 1_000)).toEqual([]);
  expect(outbox.next('ALL-GR', 'day', 1, 1_000)[0]).toEqual({
    id: 1,
    stream: 'ALL-GR',
    lane: 'day',
    subject,
    epoch: opened.store.epoch,
    sequence: 1,
    digest: digest(`${subject} 1`),
    messageIdHeader: 'id-1',
    deliverByMs: startMs + 10_000,
    envelope: new Uint8Array(100).fill(1),
  });
});

test('what waits is counted, over commits, rollbacks and a restart', () => {
  const opened = freshStore();
  append(opened, 1);
  opened.clock.set(startMs + 7);
  append(opened, 2);
  const waiting = () => opened.store.outbox.waiting();
  expect(waiting()).toEqual([{ stream: 'ALL-GR', lane: 'day', rows: 2, oldestMs: startMs }]);
  const fail = () =>
    opened.store.transaction(() => {
      append(opened, 3);
      opened.store.outbox.markSent([{ id: 1, subject, streamSequence: 1 }]);
      throw new Error('no');
    });
  expect(fail).toThrow('no');
  expect(opened.store.outbox.unsent()).toBe(2);
  // Right after a rollback the counts are taken anew, in the middle of the next operation.
  expect(fail).toThrow('no');
  opened.store.outbox.markSentUpTo(subject, opened.store.epoch, 2, 40);
  expect(opened.store.outbox.unsent()).toBe(0);
  append(opened, 3);
  opened.reopen();
  expect(waiting()).toEqual([{ stream: 'ALL-GR', lane: 'day', rows: 1, oldestMs: startMs + 7 }]);
});

test('a row sent is not sent again, and the fence is remembered', () => {
  const opened = freshStore();
  const { outbox } = opened.store;
  const ids = [1, 2, 3].map((sequence) => append(opened, sequence));
  expect(outbox.fence(subject)).toBeUndefined();
  outbox.markSent([
    { id: ids[0]!, subject, streamSequence: 11 },
    { id: ids[1]!, subject, streamSequence: 12 },
  ]);
  expect(outbox.fence(subject)).toBe(12);
  expect(outbox.next('ALL-GR', 'day', 9, 1_000).map(({ id }) => id)).toEqual([ids[2]]);
  outbox.markSent([{ id: ids[1]!, subject, streamSequence: 12 }]);
  expect(outbox.unsent()).toBe(1);
  outbox.setFence(subject, 0);
  expect(opened.reopen().outbox.fence(subject)).toBe(0);
});

test('a message and its outbox row share one envelope', () => {
  const opened = freshStore();
  const own = message({ facts: { direction: 'out' } });
  opened.store.transaction(() => {
    opened.store.outbox.append({
      stream: 'S',
      lane: 'day',
      subject,
      epoch: opened.store.epoch,
      sequence: 1,
      digest: own.facts.digest,
      messageIdHeader: 'x',
      deliverByMs: startMs,
      envelope: own.envelope,
    });
    opened.store.messages.insert(own);
  });
  opened.store.outbox.markSent([{ id: 1, subject, streamSequence: 1 }]);
  expect(opened.store.outbox.prune(startMs)).toBe(1);
  expect(opened.store.messages.envelope(own.facts.id)).toEqual(own.envelope);
});

test('a row stays until all recipients have receipted it or its delivery time is past', () => {
  const opened = freshStore();
  const { outbox, receipts, epoch } = opened.store;
  const france = 'fr.heritage' as typeof italy;
  for (let sequence = 1; sequence <= 3; sequence += 1) {
    append(opened, sequence, { deliverByMs: startMs + sequence * 1_000 });
    const rows = [italy, france].map((agency) => ({
      agency,
      subject,
      epoch,
      sequence,
      fields: [1],
      state: 'sent' as const,
    }));
    receipts.expect(messageId(), rows, startMs);
  }
  outbox.markSentUpTo(subject, epoch, 3, 3);
  expect(outbox.prune(startMs)).toBe(0);
  receipts.apply(italy, { subject, epoch, upTo: 3 }, [], startMs);
  expect(outbox.prune(startMs)).toBe(0);
  receipts.apply(
    france,
    { subject, epoch, upTo: 2 },
    [{ subject, epoch, sequence: 1, code: 'MISSING' }],
    startMs,
  );
  expect(outbox.prune(startMs)).toBe(1);
  receipts.apply(france, { subject, epoch, upTo: 2 }, [{ subject, epoch, sequence: 1, code: 'OK' }], startMs);
  expect(outbox.prune(startMs)).toBe(1);
  expect(outbox.prune(startMs + 3_000)).toBe(0);
  expect(outbox.prune(startMs + 3_001)).toBe(1);
});

test('what nobody receipts goes once it is sent, and the unsent when its time is past', () => {
  const opened = freshStore();
  const beat = 'comity.gr.customs.beat.seizure';
  append(opened, 0, { subject: beat });
  append(opened, 1, { deliverByMs: startMs - 1 });
  expect(opened.store.outbox.prune(startMs)).toBe(1);
  expect(opened.store.outbox.unsent()).toBe(1);
  opened.store.outbox.markSent([{ id: 1, subject: beat, streamSequence: 5 }]);
  expect(opened.store.outbox.prune(startMs)).toBe(1);
});
