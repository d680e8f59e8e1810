import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { factSchema, type MessageFacts } from '../../../src/policy/index.ts';
import { agency, message, nowMs, officerOf } from './facts.ts';
import { agencies, policyFile, shippedEngine } from './files.ts';

const folder = new URL('../../../config/', import.meta.url);
const manual = readFileSync(new URL('../../../docs/policy.md', import.meta.url), 'utf8');

type Draft = {
  kind: string;
  lane?: string;
  to: 'all' | { agencies: string[] };
  cover: { handling: { tlp: string }; purposes: string[] };
};
const examples = readdirSync(new URL('examples/', folder)).filter((name) => name.endsWith('.json'));

describe('the policies that ship', () => {
  it('let the examples be published', () => {
    for (const name of examples) {
      const draft: Draft = JSON.parse(readFileSync(new URL(`examples/${name}`, folder), 'utf8'));
      const { kind, lane = 'day', to, cover } = draft;
      const resource: MessageFacts = {
        ...message,
        kind,
        lane,
        directed: to !== 'all',
        recipientRoles: to === 'all' ? [] : to.agencies.map((id) => id.slice(3)),
        purposes: cover.purposes.map((purpose) => purpose.replace('PURPOSE_', '')),
        handling: { ...message.handling, tlp: cover.handling.tlp.replace('TLP_', '') },
        categories: ['COVER', 'SITUATION', 'PERSON', 'SOURCE'],
      };
      for (const id of agencies) {
        const principal = officerOf(agency(id, id.slice(3)));
        const decision = shippedEngine(id).decide({ action: 'publish', principal, resource, nowMs });
        expect([name, id, decision.effect]).toEqual([name, id, 'allow']);
      }
    }
    expect(examples.length).toBeGreaterThan(0);
  });

  it('have a table each', () => {
    const names = readdirSync(new URL('policy/', folder));
    const policies = names
      .filter((name) => name.endsWith('.cedar'))
      .map((name) => name.replace('.cedar', ''));
    expect(policies).toEqual([...agencies, 'federation'].sort());
    for (const name of policies) expect(names).toContain(`${name}.test.yaml`);
  });
});

describe('the schema of the facts', () => {
  it('is the one that lies beside the policies', () => {
    expect(policyFile('comity.cedarschema').text).toBe(factSchema);
  });

  it('is explained fact by fact', () => {
    const facts = [...factSchema.replaceAll(/\/\/.*/g, '').matchAll(/([a-zA-Z]+)\??: /g)].map(
      ([, name = '']) => name,
    );
    const explained = facts.filter((name) => !['principal', 'resource', 'context'].includes(name));
    expect(explained.length).toBeGreaterThan(30);
    const missing = explained.filter(
      (name) => !new RegExp(`\`[a-z.]*\\b${name}\\b[a-zA-Z.]*\``).test(manual),
    );
    expect(missing).toEqual([]);
  });

  it('has only actions that the manual explains', () => {
    const actions = [...factSchema.matchAll(/action ([a-zA-Z]+)/g)].map(([, name = '']) => name);
    expect(actions.length).toBe(6);
    expect(actions.filter((name) => !manual.includes(`\`${name}\``))).toEqual([]);
  });
});

describe('the manual', () => {
  it('quotes policies as they are', () => {
    const quoted = [...manual.matchAll(/```cedar\n([\s\S]*?)```/g)].map(([, text = '']) => text);
    const texts = ['federation', ...agencies].map((name) => policyFile(`${name}.cedar`).text).join('\n');
    expect(quoted.length).toBe(2);
    for (const text of quoted) expect(texts).toContain(text);
  });
});
