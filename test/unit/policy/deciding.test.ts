import { describe, expect, it } from 'vitest';
import { ask, type PolicySetName } from '../../../src/policy/cedar.ts';
import { cedarRequest } from '../../../src/policy/cedar-request.ts';
import { evaluationError, type MessageFacts, type PolicyRequest } from '../../../src/policy/index.ts';
import { agency, grCustoms, itPolice, message, nowMs, officerOf, section } from './facts.ts';
import { engineOf, shippedEngine } from './files.ts';

const permit = '@id("p") @reason("p: all may") permit (principal, action, resource);';
const publish = { action: 'publish', principal: officerOf(grCustoms), resource: message, nowMs } as const;
const unless = (id: string, condition: string, obligation?: string) =>
  `@id("${id}") @reason("${id}: not so") ${obligation === undefined ? '' : `@obligation("${obligation}")`}
   forbid (principal, action == Comity::Action::"publish", resource) unless { ${condition} };`;

describe('a decision', () => {
  it('names the policies that decided and their sentences', () => {
    const engine = engineOf(permit, unless('g', 'resource.directed') + unless('f', 'resource.directed'));
    expect(engine.decide(publish)).toEqual({
      effect: 'deny',
      policies: ['f', 'g'],
      reasons: [
        { policy: 'f', id: 'f', text: 'not so' },
        { policy: 'g', id: 'g', text: 'not so' },
      ],
      obligations: [],
    });
  });

  it('names no policy where none permits', () => {
    const engine = engineOf(unless('f', 'resource.kind == "seizure"'));
    expect(engine.decide(publish)).toEqual({ effect: 'deny', policies: [], reasons: [], obligations: [] });
  });

  it('is frozen', () => {
    const decision = engineOf(permit).decide(publish);
    expect([decision, decision.policies, decision.reasons, decision.obligations].every(Object.isFrozen)).toBe(
      true,
    );
  });

  it.each([
    [['P5Y'], 'P5Y'],
    [['P5Y', 'P3Y'], 'P3Y'],
    [['P1Y', 'P13M', 'P52W'], 'P52W'],
    [['P1Y6M', 'P500D'], 'P500D'],
  ])('keeps for the shortest of %j', (durations, shortest) => {
    const permits = durations.map(
      (text, n) => `@id("p${n}") @reason("p: x") @retention("${text}") permit (principal, action, resource);`,
    );
    expect(engineOf(permits.join('\n')).decide(publish).retention).toBe(shortest);
  });

  it('sees the time cut to the minute', () => {
    const engine = engineOf(permit, unless('f', 'context.now < datetime("2026-03-01T10:21:00Z")'));
    const at = (text: string) => engine.decide({ ...publish, nowMs: Date.parse(text) }).effect;
    expect([at('2026-03-01T10:20:59.999Z'), at('2026-03-01T10:21:00Z')]).toEqual(['allow', 'deny']);
  });
});

describe('an obligation', () => {
  const owed = unless('o', 'context.approvals >= 1', 'four-eyes');

  it('is owed where it alone stands against the request', () => {
    expect(engineOf(permit, owed).decide(publish)).toMatchObject({
      effect: 'owed',
      policies: ['o'],
      obligations: ['four-eyes'],
    });
  });

  it('is lifted once fulfilled', () => {
    expect(engineOf(permit, owed).decide({ ...publish, approvals: 1 }).effect).toBe('allow');
  });

  it('does not outweigh a plain forbid', () => {
    const decision = engineOf(permit, owed + unless('f', 'resource.directed')).decide(publish);
    expect(decision).toMatchObject({ effect: 'deny', policies: ['f', 'o'], obligations: [] });
  });

  it('denies where it is not known', () => {
    const engine = engineOf(permit, unless('o', 'context.approvals >= 1', 'six-eyes'));
    expect(engine.decide(publish)).toMatchObject({ effect: 'deny', policies: ['o'], obligations: [] });
  });

  it('is not owed for what would not be permitted anyway', () => {
    expect(engineOf(owed).decide(publish)).toMatchObject({ effect: 'deny', policies: [] });
  });
});

describe('what cannot be decided', () => {
  const failed = { effect: 'deny', reasons: [expect.objectContaining({ id: evaluationError })] };

  it('is denied where a forbid errs, which Cedar would skip', () => {
    const engine = engineOf(permit, unless('f', 'context.approvals + 9223372036854775807 > 0'));
    expect(engine.decide(publish).effect).toBe('allow');
    expect(engine.decide({ ...publish, approvals: 1 })).toMatchObject({ ...failed, policies: ['f'] });
  });

  it('is denied by a policy set that is not known', () => {
    const verdict = ask('comity/policies/none' as PolicySetName, cedarRequest(publish));
    expect(verdict).toMatchObject({ failed: expect.stringContaining('not found') });
  });

  const facts = Object.keys(message) as (keyof MessageFacts)[];
  it.each(facts)('is denied where the fact %s is missing or null', (name) => {
    const { [name]: _left, ...rest } = message;
    for (const resource of [rest, { ...rest, [name]: null }, { ...rest, [name]: 7 }]) {
      expect(engineOf(permit).decide({ ...publish, resource: resource as MessageFacts })).toMatchObject(
        failed,
      );
    }
  });

  it.each([
    ['no agency', { ...publish, principal: { ...publish.principal, agency: undefined } }],
    ['no roles', { ...publish, principal: officerOf({ ...grCustoms, roles: undefined as never }) }],
    ['no time', { ...publish, nowMs: undefined }],
    ['a time that is none', { ...publish, nowMs: Number.NaN }],
    ['half an approval', { ...publish, approvals: 0.5 }],
    ['no sender', { action: 'disclose', principal: itPolice, resource: section('GOODS'), nowMs }],
    ['no category', { action: 'disclose', principal: itPolice, sender: grCustoms, resource: message, nowMs }],
    ['an unknown action', { ...publish, action: 'erase' }],
    ['nothing at all', {}],
  ])('is denied with %s', (_what, request) => {
    expect(engineOf(permit).decide(request as unknown as PolicyRequest)).toMatchObject(failed);
  });
});

describe("a gateway's own message", () => {
  it('is judged by its sender and kind alone', () => {
    const engine = shippedEngine();
    const sender = agency('xa.guest');
    const resource = {
      ...message,
      kind: 'control',
      lane: 'now',
      handling: { ...message.handling, classification: 'SECRET' },
    };
    const request = { action: 'accept', principal: sender, receiver: itPolice, resource, nowMs } as const;
    expect(engine.decide({ ...request, gatewayOwn: true }).effect).toBe('allow');
    expect(engine.decide({ ...request, gatewayOwn: false }).effect).toBe('deny');
  });

  it('needs no other facts', () => {
    const resource = { kind: 'receipt' } as MessageFacts;
    const request = { action: 'accept', principal: grCustoms, receiver: itPolice, resource, nowMs } as const;
    expect(shippedEngine().decide({ ...request, gatewayOwn: true }).effect).toBe('allow');
    expect(shippedEngine().decide({ ...request, gatewayOwn: false }).effect).toBe('deny');
  });
});
