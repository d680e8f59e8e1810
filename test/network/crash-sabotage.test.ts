/** Controls: gateways that break a rule of the pipelines, killed where it shows. The checks must find it. */
import { afterEach, expect, test } from 'vitest';
import type { Arrow } from '../../src/gateway/index.ts';
import type { Sabotage } from '../support/crash-sabotage.ts';
import { type CrashWorld, startCrashWorld } from '../support/crash-world.ts';

let world: CrashWorld | undefined;
afterEach(async () => {
  await world?.stop();
  world = undefined;
});

test.each<[Sabotage, Arrow, RegExp]>([
  ['acknowledges-first', 'inbound.opened', /gr\.customs: key-\d+ of .* arrived 0 times/],
  ['outbox-after-commit', 'outbound.committed', /it\.police: key-\d+ of gr\.customs arrived 0 times/],
  ['forgets-idempotency-keys', 'outbound.committed', /was never answered to its caller/],
])('a gateway that %s is found out', async (sabotage, arrow, fault) => {
  world = await startCrashWorld({ sabotage, settleMsMax: 4_000 });
  await world.wave();
  expect((await world.crashAt({ arrow, nth: 1 })).join('\n')).toMatch(fault);
});
