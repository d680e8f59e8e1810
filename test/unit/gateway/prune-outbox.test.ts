/** Nothing leaves the outbox unsent without a record. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { createAuditLog } from '../../../src/audit/index.ts';
import type { GatewayContext } from '../../../src/gateway/index.ts';
import { pruneOutbox } from '../../../src/gateway/prune-outbox.ts';
import { silentLog } from '../../../src/log.ts';
import { openStore } from '../../../src/store/index.ts';
import { agencyId } from '../../../src/types.ts';
import { fixedClock } from '../../support/federation.ts';
import { seededRandom } from '../../support/random.ts';

const directory = mkdtempSync(join(tmpdir(), 'comity-prune-'));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('a message that the hub never took is recorded when it leaves, and one that it took is not', () => {
  const clock = fixedClock(1_900_000_000_000);
  const random = seededRandom('prune');
  const agency = agencyId('gr.customs');
  const store = openStore({ directory, storeKey: random.bytes(32), clock, random, create: true });
  const audit = createAuditLog({ rows: store.auditRows, clock, random, agency });
  const row = (sequence: number, deliverByMs: number) => ({
    stream: 'ALL_gr',
    lane: 'day' as const,
    subject: 'comity.gr.customs.all.day.seizure',
    epoch: store.epoch,
    sequence,
    digest: random.bytes(32),
    messageIdHeader: `id-${sequence}`,
    deliverByMs,
    envelope: random.bytes(64),
  });
  const past = clock.nowMs() - 1;
  const [taken] = [
    store.outbox.append(row(1, past)),
    store.outbox.append(row(2, past)),
    store.outbox.append(row(3, clock.nowMs() + 1000)),
  ];
  store.outbox.markSent([
    { id: taken ?? 0, subject: 'comity.gr.customs.all.day.seizure', streamSequence: 1 },
  ]);

  pruneOutbox({ store, audit, clock, log: silentLog } as unknown as GatewayContext);

  const records = store.auditRows.read(0, 10).map(({ record }) => JSON.parse(Buffer.from(record).toString()));
  expect(records.map(({ event, sequence }) => [event, sequence])).toEqual([['message.expired', 2]]);
  expect(store.outbox.unsent()).toBe(1);
  store.close();
});
