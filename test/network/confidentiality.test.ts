/** No section is ever readable by an agency to which policy did not allow it, whatever it tries with what it holds. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createSignatureMemory,
  openParts,
  parseEnvelope,
  sealAad,
  verifyEnvelope,
} from '../../src/envelope/index.ts';
import { agencyFacts } from '../../src/gateway/facts.ts';
import { release } from '../../src/gateway/release.ts';
import { openJwe } from '../../src/keys/index.ts';
import { createPolicyEngine, type PolicyEngine } from '../../src/policy/index.ts';
import { parseDraft } from '../../src/schema/index.ts';
import { exampleJson } from '../support/forge.ts';
import { type Network, type Node, officer, startNetwork } from '../support/network.ts';

const agencies = [
  { id: 'gr.customs', roles: ['customs'] },
  { id: 'it.police', roles: ['police'] },
  { id: 'fr.heritage', roles: ['heritage'] },
  { id: 'de.liaison', roles: ['liaison'] },
  { id: 'be.prosecutor', roles: ['prosecutor'] },
  { id: 'es.police', roles: ['police', 'customs'] },
];
const others = agencies.map(({ id }) => id).filter((id) => id !== 'gr.customs');
const baseline = readFileSync(resolve(import.meta.dirname, '../../config/policy/federation.cedar'), 'utf8');

let network: Network;
beforeAll(async () => {
  network = await startNetwork({ agencies });
});
afterAll(async () => {
  await network.stop();
});

/** Drafts that differ in what policy looks at: sections present, marking, purpose, addressees, release list. */
const drafts = fc
  .record({
    example: fc.constantFrom('seizure', 'seizure-minimal', 'object', 'red-flag'),
    tlp: fc.constantFrom('TLP_GREEN', 'TLP_AMBER', 'TLP_AMBER_STRICT', 'TLP_RED'),
    purposes: fc.subarray(
      ['PURPOSE_DETECTION', 'PURPOSE_INVESTIGATION', 'PURPOSE_PROSECUTION', 'PURPOSE_STATISTICS'],
      { minLength: 1 },
    ),
    to: fc.oneof(fc.constant('all' as const), fc.subarray(others, { minLength: 1 })),
    releaseTo: fc.oneof(
      { weight: 3, arbitrary: fc.constant<string[]>([]) },
      { weight: 1, arbitrary: fc.subarray(others, { minLength: 1 }) },
    ),
    drop: fc.array(fc.nat(20), { maxLength: 4 }),
  })
  .map(({ example, tlp, purposes, to, releaseTo, drop }) => {
    const json = exampleJson(example) as {
      cover: { handling: object };
      payload: Record<string, unknown>;
      lane?: string;
    };
    const optional = Object.keys(json.payload).filter(
      (name) => !['situation', 'goods', 'object', 'circumstances', 'indicators', 'subject'].includes(name),
    );
    const dropped = new Set(drop.map((index) => optional[index % Math.max(optional.length, 1)]));
    const payload = Object.fromEntries(Object.entries(json.payload).filter(([name]) => !dropped.has(name)));
    const handling = { ...json.cover.handling, tlp, releaseTo };
    return {
      ...json,
      lane: 'day',
      to: to === 'all' ? to : { agencies: to },
      cover: { ...json.cover, purposes, handling },
      payload,
    };
  });

/** What policy allows, asked afresh for each agency and section: no memory, no grouping. */
function allowedBy(
  engine: PolicyEngine,
  sender: Node,
  draft: unknown,
): ReadonlyMap<string, ReadonlySet<number>> {
  const released = release({ ...sender.context, policy: engine }, parseDraft(draft), officer);
  const principal = sender.trust.member(sender.agency);
  if (principal === undefined) throw new TypeError('the sender is a member');
  return new Map(
    others.map((agency) => {
      const member = released.candidates.find((candidate) => candidate.agency === agency);
      if (member === undefined) return [agency, new Set<number>()];
      const fields = released.sections.filter(({ section }) => {
        const resource = { ...released.message, category: section.category, section: section.name };
        const request = {
          action: 'disclose',
          principal: agencyFacts(member),
          sender: agencyFacts(principal),
          resource,
          nowMs: sender.context.clock.nowMs(),
        } as const;
        return engine.decide(request).effect === 'allow';
      });
      return [agency, new Set(fields.map(({ section }) => section.field))];
    }),
  );
}

/** Every field that an agency can open with any key that it holds or was ever told of, whatever its gateway thinks. */
function readableWith(node: Node, sender: Node, envelope: Uint8Array): ReadonlySet<number> {
  const opened = parseEnvelope(envelope);
  const { federationId, environment } = opened.header;
  const verified = verifyEnvelope(opened, {
    federationId,
    environment,
    trust: node.trust,
    memory: createSignatureMemory(1),
  });
  const aad = sealAad(opened.header);
  const pairs = network.federation
    .agency(node.agency)
    .keys.filter(({ use }) => use === 'sealing')
    .flatMap((ours) =>
      network.federation
        .agency(sender.agency)
        .keys.filter(({ use }) => use === 'sealing')
        .map((theirs) =>
          node.context.pairs.fromNamed(sender.agency, { senderKid: theirs.kid, recipientKid: ours.kid }),
        ),
    );
  const keys = [
    ...pairs,
    ...opened.sealed.map(({ kid }) => node.store.audienceKeys.byId(sender.agency, kid)?.key),
  ];
  const { sections } = openParts(verified, ({ kid }) => {
    const part = opened.sealed.find((candidate) => Buffer.compare(candidate.kid, kid) === 0);
    return (
      keys.find((key) => key !== undefined && part !== undefined && opens(part.parts, key, aad)) ?? 'withheld'
    );
  });
  return new Set(sections.keys());
}

function opens(parts: Parameters<typeof openJwe>[0], key: Uint8Array, aad: Uint8Array): boolean {
  try {
    openJwe(parts, key, aad);
    return true;
  } catch {
    return false;
  }
}

type Breach = Readonly<{ agency: string; field: number }>;

/** Sends the drafts and collects every field that somebody can read against the engine's word, and how many were read. */
async function breachesOf(
  sender: Node,
  engine: PolicyEngine,
  cases: readonly unknown[],
): Promise<{ breaches: Breach[]; read: number; sent: number }> {
  const breaches: Breach[] = [];
  let read = 0;
  let sent = 0;
  for (const draft of cases) {
    const submission = await sender.gateway.submit(draft, officer).catch(() => undefined);
    if (submission === undefined) continue;
    sent += 1;
    const allowed = allowedBy(engine, sender, draft);
    for (const copy of submission.copies) {
      const envelope = sender.gateway.envelope(copy.id, officer);
      for (const agency of others) {
        const node = network.node(agency);
        if (copy.to === 'all')
          await node.until(
            () =>
              node.store.messages.byId(copy.id) !== undefined ||
              node.gateway.quarantine(undefined, 1).items.length > 0,
          );
        for (const field of readableWith(node, sender, envelope)) {
          read += 1;
          if (allowed.get(agency)?.has(field) !== true) breaches.push({ agency, field });
        }
      }
    }
  }
  return { breaches, read, sent };
}

describe('whatever is drafted', () => {
  test('nobody can read a section against policy', async () => {
    const sender = network.node('gr.customs');
    const cases = fc.sample(drafts, { numRuns: 120, seed: 20261122 });
    const { breaches, read, sent } = await breachesOf(sender, sender.context.policy, cases);
    expect(breaches).toEqual([]);
    expect(sent).toBeGreaterThan(60);
    expect(read).toBeGreaterThan(500);
  });

  test('control: a gateway that gives every section to everybody is found out', async () => {
    const sender = network.node('gr.customs');
    const open = createPolicyEngine({
      federation: {
        name: 'open.cedar',
        text: `${baseline}\n@id("open-house")\n@reason("open-house: everything to everybody")\npermit(principal, action == Comity::Action::"disclose", resource);\n`,
      },
    });
    const honest = sender.context.policy;
    Object.assign(sender.context, { policy: open });
    const { breaches } = await breachesOf(sender, honest, fc.sample(drafts, { numRuns: 10, seed: 7 }));
    Object.assign(sender.context, { policy: honest });
    expect(breaches.length).toBeGreaterThan(0);
  });
});
