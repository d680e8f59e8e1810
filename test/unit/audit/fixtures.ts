/** A log in memory, and the entries that its tests write. */

import type { AuditEntry, AuditRow } from '../../../src/audit/index.ts';
import type { Clock } from '../../../src/clock.ts';
import { systemRandom } from '../../../src/ids.ts';
import type { AuditRows } from '../../../src/store/port.ts';
import { agencyId } from '../../../src/types.ts';

export const agency = agencyId('gr.customs');
export const italy = agencyId('it.police');
export const startMs = Date.UTC(2026, 0, 5, 10, 30);

export const clock: Clock = { nowMs: () => startMs, after: () => () => undefined };
export const random = systemRandom;

export type MemoryRows = AuditRows & {
  rows: AuditRow[];
  secrets: Map<string, { salt: Uint8Array; value: Uint8Array }>;
};

/** Rows as the port demands them: in order, without gaps. */
export function memoryRows(): MemoryRows {
  const rows: AuditRow[] = [];
  const secrets = new Map<string, { salt: Uint8Array; value: Uint8Array }>();
  return {
    rows,
    secrets,
    append(row) {
      if (row.index !== rows.length + 1) throw new TypeError('out of order');
      rows.push(row);
    },
    last: () => rows.at(-1),
    read: (from, limit) => rows.slice(from - 1, from - 1 + limit),
    keepSecret: (index, name, salt, value) => void secrets.set(`${index} ${name}`, { salt, value }),
    secret: (index, name) => secrets.get(`${index} ${name}`),
  };
}

export const submitted: AuditEntry = {
  event: 'message.submitted',
  officer: 'officer-7f',
  message: '01890a5d-ac96-774b-bcce-b302099a8057',
  digests: ['ab'.repeat(32)],
  kind: 'seizure',
  lane: 'day',
  recipients: [{ agency: italy, sections: ['cover', 'goods'] }],
  purposes: ['INVESTIGATION'],
  legalBasis: ['naples-ii:art-13'],
  policies: ['publish-seizure'],
  policyVersion: 'cd'.repeat(32),
  trustVersion: 4,
  secrets: { ownCase: 'Case 17/2026 Παπαδόπουλος' },
};

export const searched: AuditEntry = {
  event: 'search.performed',
  officer: 'officer-7f',
  secrets: { words: 'heroin' },
};
