import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Arrangement,
  type AttackedHub,
  startAttackedHub,
  type Verdict,
} from '../support/attacked-hub.ts';
import { attacks } from '../support/attacks.ts';

/** The design, and the same attacks where they must succeed for the test to mean anything. */
const arrangements = ['isolated', 'customary', 'tight'] as const satisfies readonly Arrangement[];

const hubs = new Map<Arrangement, AttackedHub>();
const verdicts = new Map<Arrangement, Verdict[]>(arrangements.map((arrangement) => [arrangement, []]));

beforeAll(async () => {
  for (const arrangement of arrangements) hubs.set(arrangement, await startAttackedHub(arrangement));
});
afterAll(async () => {
  for (const hub of hubs.values()) await hub.stop();
});

describe('an agency with valid credentials that lies to the hub', () => {
  it.each(attacks.map((attack, index) => [attack.name, attack, index] as const))(
    '%s',
    async (name, attack, index) => {
      const results: string[] = [];
      for (const arrangement of arrangements) {
        const verdict = await hubs.get(arrangement)!.suffer(attack);
        verdicts.get(arrangement)!.push(verdict);
        results.push(`${arrangement} ${verdict.held ? 'held' : `FELL (${verdict.effect})`}`);
      }
      process.stdout.write(`attack ${String(index + 1).padStart(2, '0')} ${name}: ${results.join(', ')}\n`);
      expect(verdicts.get('isolated')!.at(-1)).toEqual({ held: true, effect: '' });
    },
  );

  it('is denied everything here, and much where agencies share an account', () => {
    const fell = (arrangement: Arrangement) => verdicts.get(arrangement)!.filter(({ held }) => !held).length;
    const counts = arrangements.map((arrangement) => `${arrangement} ${fell(arrangement)}`).join(', ');
    process.stdout.write(`of ${attacks.length} attacks succeeded: ${counts}\n`);
    expect(attacks.length).toBeGreaterThanOrEqual(30);
    expect(fell('isolated')).toBe(0);
    expect(fell('customary')).toBeGreaterThanOrEqual(8);
    expect(fell('tight')).toBeGreaterThanOrEqual(4);
  });

  it('reads another mailbox by acknowledgement where the longer form is granted with a wildcard', async () => {
    const hub = await startAttackedHub('wildcard-ack');
    const attack = attacks.find(({ name }) => name.endsWith('names both'))!;
    const verdict = await hub.suffer(attack);
    await hub.stop();
    expect(verdict.held).toBe(false);
  });
});
