/** What the hub is told of each agency follows from its statement, and harms no other agency. */
import { describe, expect, test } from 'vitest';
import { hubPlanOf } from '../../../src/gateway/index.ts';
import { type HubPlan, hubConfig, hubLayout } from '../../../src/transport/index.ts';
import { agencyId } from '../../../src/types.ts';
import { makeFederation } from '../../support/federation.ts';

const federation = makeFederation();
const customs = federation.agency('gr.customs');
const police = federation.agency('it.police');

/** The plan after it.police named another key as its own. */
function planWith(natsUserKey: string): HubPlan {
  const book = federation.book();
  const issuedMs = federation.nowMs + 1000;
  book.applyStatement(police.id, police.nextStatement({ version: 2, issuedMs, natsUserKey }));
  return hubPlanOf(book, federation.nowMs + 2000);
}

const keysOf = (plan: HubPlan, agency: string): readonly string[] | undefined =>
  plan.agencies.find((one) => one.agency === agencyId(agency))?.natsUserKeys;

function configured(plan: HubPlan): string {
  return hubConfig({
    layout: hubLayout(plan),
    storeDirectory: '/var/lib/comity',
    hubUserKeys: [],
    systemUserKeys: [],
    host: '127.0.0.1',
    port: 4222,
    monitoringPort: 8222,
    storeBytesMax: 2 ** 30,
  });
}

describe('a NATS key in a statement', () => {
  test('that another agency named before stays that agency’s, and the hub is configured', () => {
    const plan = planWith(customs.natsUserKey);
    expect(keysOf(plan, 'gr.customs')).toEqual([customs.natsUserKey]);
    expect(keysOf(plan, 'it.police')).toEqual([]);
    expect(configured(plan)).toContain(customs.natsUserKey);
  });

  test('whose checksum is wrong is left out, and the hub is configured', () => {
    const end = police.natsUserKey.endsWith('A') ? 'B' : 'A';
    const wrong = `${police.natsUserKey.slice(0, -2)}A${end}`;
    const plan = planWith(wrong);
    expect(keysOf(plan, 'it.police')).toEqual([]);
    expect(configured(plan)).not.toContain(wrong);
  });
});
