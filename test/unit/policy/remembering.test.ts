import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalRequest } from '../../../src/policy/canonical.ts';
import { ask, preparePolicies } from '../../../src/policy/cedar.ts';
import { cedarRequest } from '../../../src/policy/cedar-request.ts';
import {
  audiencesOf,
  createPolicyEngine,
  type PolicyRequest,
  readClassOf,
  requestOfReadClass,
} from '../../../src/policy/index.ts';
import { type Policy, type PolicySource, readPolicyFile } from '../../../src/policy/policy-file.ts';
import { readsOf } from '../../../src/policy/reads.ts';
import { Remembered } from '../../../src/policy/remembered.ts';
import { categories } from '../../../src/types.ts';
import { agency, grCustoms, itPolice, message, nowMs, officerOf, section } from './facts.ts';
import { engineOf, policyFile, shippedEngine } from './files.ts';

const some = <T>(...values: T[]) => fc.subarray(values, { maxLength: 2 });
const ids = ['it.police', 'gr.customs', 'fr.heritage', 'xa.x', 'xb.y', 'xa.z'];
const agencies = fc.record({
  id: fc.constantFrom(...ids),
  jurisdiction: fc.constantFrom('it', 'gr', 'xa'),
  roles: some('police', 'customs', 'heritage', 'liaison', 'oversight'),
});
const sections = fc.record({
  kind: fc.constantFrom('seizure', 'object', 'request', 'receipt'),
  lane: fc.constantFrom('now', 'day'),
  environment: fc.constant('live'),
  directed: fc.boolean(),
  purposes: some('INVESTIGATION', 'STATISTICS'),
  legalBasis: some('eu:2016/680', 'it.police'),
  offences: fc.constant<string[]>([]),
  handling: fc.record(
    {
      tlp: fc.constantFrom('RED', 'AMBER', 'GREEN'),
      pap: fc.constant('AMBER'),
      codes: some('europol:H2', 'x:H0'),
      onward: fc.constantFrom('NONE', 'LISTED', 'SAME_JURISDICTION', 'UNSPECIFIED'),
      releaseTo: some(...ids),
      classification: fc.constantFrom('eu:SECRET', 'NU'),
    },
    { requiredKeys: ['tlp', 'pap', 'codes', 'onward', 'releaseTo'] },
  ),
  categories: some('COVER', 'VICTIM'),
  recipientRoles: some('customs', 'police'),
  unknownFields: fc.boolean(),
  category: fc.constantFrom('COVER', 'PERSON', 'VICTIM', 'SOURCE', 'ROUTE'),
  section: fc.constantFrom('a', 'b'),
});
const officers = fc.record({
  pseudonym: fc.constantFrom('k-1', 'k-2'),
  role: fc.constantFrom('officer', 'auditor'),
  desk: fc.constant('duty'),
  agency: agencies,
});
const times = fc.constantFrom(nowMs, nowMs + 1000, nowMs + 90_000);
const requests = fc.oneof(
  fc.record({
    action: fc.constant('publish'),
    principal: officers,
    resource: sections,
    nowMs: times,
    approvals: fc.nat(2),
  }),
  fc.record({
    action: fc.constant('disclose'),
    principal: agencies,
    sender: agencies,
    resource: sections,
    nowMs: times,
  }),
  fc.record({
    action: fc.constant('accept'),
    principal: agencies,
    receiver: agencies,
    resource: sections,
    nowMs: times,
    gatewayOwn: fc.boolean(),
  }),
  fc.record({
    action: fc.constant('read'),
    principal: officers,
    sender: agencies,
    resource: sections,
    nowMs: times,
  }),
  fc.record(
    {
      action: fc.constant('onward'),
      principal: agencies,
      originator: agencies,
      resource: sections,
      nowMs: times,
      holder: agencies,
      consent: fc.boolean(),
    },
    { requiredKeys: ['action', 'principal', 'originator', 'resource', 'nowMs'] },
  ),
) as fc.Arbitrary<PolicyRequest>;

const disclosure = (condition: string) =>
  `@id("f") @reason("f: not so") forbid (principal, action == Comity::Action::"disclose", resource) when { ${condition} };`;

/** Own files that read facts in every way there is. */
const ownFiles = [
  policyFile('gr.customs.cedar').text,
  disclosure('principal.id like "xa.*"'),
  disclosure('principal.id == context.sender.id'),
  disclosure('principal.jurisdiction == context.sender.jurisdiction'),
  disclosure('resource.legalBasis.contains(principal.id)'),
  disclosure('context.now > datetime("2026-03-01T10:21:00Z")'),
  disclosure('context.sender == {id: "gr.customs", jurisdiction: "gr", roles: ["customs"]}'),
];

describe('a remembered answer', () => {
  it.each(ownFiles)('equals the fresh one with %s', (text) => {
    const sources = { federation: policyFile('federation.cedar'), agency: { name: 'own.cedar', text } };
    const engine = createPolicyEngine(sources);
    const fresh = preparePolicies([...readPolicyFile(sources.federation), ...readPolicyFile(sources.agency)]);
    let remembered = 0;
    const forms = new Set<string>();
    fc.assert(
      fc.property(requests, (request) => {
        const asked = cedarRequest(request);
        const form = canonicalRequest(asked, readsOf(policiesOf(sources), asked.action));
        if (forms.has(form)) remembered += 1;
        forms.add(form);
        const verdict = ask(fresh, asked);
        const decision = engine.decide(request);
        expect(verdict).not.toHaveProperty('failed');
        expect(verdict).toHaveProperty('allowed', decision.effect === 'allow');
        if (decision.policies.length > 0) expect(decision.policies).toEqual(verdict.policies);
      }),
      { numRuns: 400, seed: 7 },
    );
    expect(remembered).toBeGreaterThan(20);
  });

  it('would differ if the form left out what a policy reads', () => {
    const engine = shippedEngine('gr.customs');
    const to = (id: string) =>
      ({
        action: 'disclose',
        principal: agency(id, 'police'),
        sender: grCustoms,
        resource: section('SOURCE'),
        nowMs,
      }) as const;
    const [one, other] = [to('it.police'), to('fr.police')];
    const blind = readsOf([], 'disclose');
    expect(canonicalRequest(cedarRequest(one), blind)).toBe(canonicalRequest(cedarRequest(other), blind));
    expect([one, other].map((request) => engine.decide(request).effect)).toEqual(['allow', 'deny']);
  });
});

function policiesOf(sources: { federation: PolicySource; agency: PolicySource }): PolicyJson[] {
  const known = read.get(sources.agency.text) ?? [
    ...readPolicyFile(sources.federation),
    ...readPolicyFile(sources.agency),
  ];
  read.set(sources.agency.text, known);
  return known.map(({ json }) => json);
}
const read = new Map<string, readonly Policy[]>();

describe('the canonical form', () => {
  const form = (engineText: string, request: PolicyRequest) => {
    const { action } = cedarRequest(request);
    return canonicalRequest(
      cedarRequest(request),
      readsOf(
        readPolicyFile({ name: 'own.cedar', text: engineText }).map(({ json }) => json),
        action,
      ),
    );
  };
  const to = (id: string): PolicyRequest => ({
    action: 'disclose',
    principal: agency(id, 'police'),
    sender: grCustoms,
    resource: section('SOURCE'),
    nowMs,
  });

  it('is the same for agencies that no policy tells apart', () => {
    const text = disclosure('principal == Comity::Agency::"it.police"');
    expect(form(text, to('xa.x'))).toBe(form(text, to('xb.y')));
    expect(form(text, to('it.police'))).not.toBe(form(text, to('xb.y')));
  });

  it.each([
    ['a pattern', disclosure('principal.id like "xa.*"')],
    ['a jurisdiction', disclosure('principal.jurisdiction == "xa"')],
    [
      'a whole record',
      disclosure(
        'context.sender == {id: "x", jurisdiction: "x", roles: ["x"]} || principal.jurisdiction == "x"',
      ),
    ],
  ])('tells agencies apart where a policy reads %s', (_what, text) => {
    expect(form(text, to('xa.x'))).not.toBe(form(text, to('xb.y')));
  });

  it('tells the sender from another agency', () => {
    const text = disclosure('principal.id == context.sender.id');
    expect(form(text, to('gr.customs'))).not.toBe(form(text, to('gr.police')));
  });

  it('leaves out what only policies on other actions read', () => {
    const text = disclosure('resource.directed').replace('"disclose"', '"publish"');
    const request = to('xa.x');
    const other = { ...request, resource: { ...section('SOURCE'), directed: true } } as PolicyRequest;
    expect(form(text, request)).toBe(form(text, other));
    expect(form(disclosure('resource.directed'), request)).not.toBe(
      form(disclosure('resource.directed'), other),
    );
  });
});

describe('what is remembered', () => {
  it('is bounded, the least recently asked forgotten first', () => {
    const remembered = new Remembered<number>(2);
    remembered.set('a', 1);
    remembered.set('b', 2);
    expect(remembered.get('a')).toBe(1);
    remembered.set('c', 3);
    expect([remembered.get('a'), remembered.get('b'), remembered.get('c'), remembered.size]).toEqual([
      1,
      undefined,
      3,
      2,
    ]);
  });
});

describe('audiences', () => {
  const candidates = [
    ...ids.map((id, n) => agency(id, ['police', 'customs', 'heritage'][n % 3] ?? '')),
    grCustoms,
  ];
  const all = categories.map((category, n) => ({ field: n + 1, name: category.toLowerCase(), category }));

  it.each([message, { ...message, handling: { ...message.handling, releaseTo: ['xa.x', 'it.police'] } }])(
    'are what disclose decides for each section and agency',
    (facts) => {
      for (const text of ownFiles) {
        const engine = engineOf(policyFile('federation.cedar').text, text);
        const audiences = audiencesOf(engine, {
          sender: grCustoms,
          message: facts,
          sections: all,
          candidates,
          nowMs,
        });
        for (const { category, name, agencies: allowed, refused } of audiences) {
          const resource = { ...facts, category, section: name };
          const single = candidates
            .filter(({ id }) => id !== 'gr.customs')
            .map((principal) => ({
              id: principal.id,
              ...engine.decide({ action: 'disclose', principal, sender: grCustoms, resource, nowMs }),
            }));
          expect(allowed).toEqual(
            single
              .filter(({ effect }) => effect === 'allow')
              .map(({ id }) => id)
              .sort(),
          );
          expect(refused).toEqual(
            single
              .filter(({ effect }) => effect !== 'allow')
              .map(({ id, reasons }) => ({ agency: id, reasons }))
              .sort((a, b) => (a.agency < b.agency ? -1 : 1)),
          );
        }
      }
    },
  );

  it('are not those of another message, sender or list of candidates', () => {
    const engine = shippedEngine('gr.customs');
    const source = [{ field: 3, name: 'sources', category: 'SOURCE' as const }];
    const o = {
      sender: grCustoms,
      message,
      sections: source,
      candidates: [itPolice, agency('fr.police', 'police')],
      nowMs,
    };
    const agenciesOf = (request: typeof o) => audiencesOf(engine, request)[0]?.agencies;
    expect(agenciesOf(o)).toEqual(['it.police']);
    expect(agenciesOf({ ...o, candidates: [agency('fr.police', 'police')] })).toEqual([]);
    expect(agenciesOf({ ...o, candidates: [agency('it.police', 'customs')] })).toEqual([]);
    expect(agenciesOf({ ...o, sender: itPolice })).toEqual([]);
    const released = { ...message, handling: { ...message.handling, releaseTo: ['fr.police'] } };
    expect(agenciesOf({ ...o, message: released })).toEqual([]);
    expect(agenciesOf(o)).toEqual(['it.police']);
  });
});

describe('the class of a section to be read', () => {
  it('is the same whatever the order of its facts', () => {
    const resource = { ...section('PERSON'), purposes: ['PROSECUTION', 'INVESTIGATION'] };
    const turned = Object.fromEntries(Object.entries(resource).reverse()) as typeof resource;
    const other = { ...turned, purposes: ['INVESTIGATION', 'PROSECUTION'] };
    expect(readClassOf({ sender: grCustoms, resource })).toBe(
      readClassOf({ sender: grCustoms, resource: other }),
    );
    expect(readClassOf({ sender: grCustoms, resource })).not.toBe(
      readClassOf({ sender: itPolice, resource }),
    );
  });

  it('is decided as the section itself', () => {
    const engine = shippedEngine();
    fc.assert(
      fc.property(agencies, sections, officers, (sender, facts, officer) => {
        const resource = facts as ReturnType<typeof section>;
        const direct = engine.decide({ action: 'read', principal: officer, sender, resource, nowMs });
        const text = readClassOf({ sender, resource });
        expect(engine.decide(requestOfReadClass(text, officer, nowMs))).toEqual(direct);
      }),
      { numRuns: 100, seed: 7 },
    );
  });

  it('is denied where the text lacks a fact', () => {
    const request = requestOfReadClass('{}', officerOf(itPolice), nowMs);
    expect(shippedEngine().decide(request).effect).toBe('deny');
  });
});
