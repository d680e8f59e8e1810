/** What a gateway's store says of what it took and sent, as plain values that travel between processes. */

import { verifyAudit } from '../../src/audit/index.ts';
import { utf8Text } from '../../src/bytes.ts';
import type { MessageFacts, Store } from '../../src/store/port.ts';
import type { AgencyHistory } from './crash-history.ts';
import type { Node } from './gateway-node.ts';

const everything = 1_000_000;

export function observe(
  { agency, store }: Pick<Node, 'agency' | 'store'>,
  wasKilled: boolean,
): AgencyHistory {
  const rows = store.auditRows.read(1, everything);
  const records = rows.map(
    ({ record }) => JSON.parse(utf8Text(record)) as { event: string; message?: string },
  );
  const audited = (event: string): string[] =>
    records.flatMap((record) => (record.event === event ? [record.message ?? ''] : []));
  return {
    agency,
    inbox: kept(store, 'in').map(({ id, sender, subject, epoch, sequence }) => ({
      id,
      from: sender,
      channel: `${subject} ${Buffer.from(epoch).toString('hex')}`,
      sequence,
    })),
    audited: { submitted: audited('message.submitted'), received: audited('message.received') },
    auditIntact: verifyAudit({ agency, rows }).intact,
    channelsWithGaps: store.positions
      .all()
      .filter(({ gapSinceMs }) => gapSinceMs !== undefined)
      .map(({ subject }) => subject),
    unreceipted: kept(store, 'out').flatMap(({ id }) =>
      store.receipts
        .recipients(id)
        .filter(({ state }) => state !== 'arrived')
        .map((recipient) => `${id} ${recipient.agency}`),
    ),
    quarantined: store.quarantine.count(),
    wasKilled,
  };
}

/** In the order in which they were stored. */
function kept(store: Store, direction: 'in' | 'out'): readonly MessageFacts[] {
  const allowed = store.messages.readClasses().map(({ id }) => id);
  return store.messages.page({ direction, allowed, after: 0 }, everything).map(({ facts }) => facts);
}
