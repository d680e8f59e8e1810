import { describe, expect, it } from 'vitest';
import { ComityError } from '../../../src/errors.ts';
import { limits } from '../../../src/limits.ts';
import { grCustoms, message, nowMs, officerOf } from './facts.ts';
import { engineOf } from './files.ts';

const permit = '@id("p") @reason("p: all may")\npermit (principal, action, resource);\n';
const forbid = '@id("f") @reason("f: none may")\nforbid (principal, action, resource);\n';
const scoped = (condition: string) =>
  `@id("f") @reason("f: none may") forbid (principal, action == Comity::Action::"publish", resource) when { ${condition} };`;

function refusal(federation: string, agency?: string): ComityError {
  try {
    engineOf(federation, agency);
  } catch (error) {
    if (error instanceof ComityError) return error;
    throw error;
  }
  throw new Error('the policies were taken');
}

describe('a policy file', () => {
  it('is taken when it is in order', () => {
    expect(engineOf(permit, forbid).policies.map(({ id, file }) => [id, file])).toEqual([
      ['f', 'own.cedar'],
      ['p', 'federation.cedar'],
    ]);
  });

  it.each([
    ['text that does not parse', `\n\n${permit}permit (principal action, resource);`, 'line 5'],
    ['no id', '@reason("p: all may") permit (principal, action, resource);', '@id'],
    ['an id in capitals', '@id("P") @reason("p: all may") permit (principal, action, resource);', '@id'],
    ['no reason', '@id("p") permit (principal, action, resource);', '@reason'],
    [
      'a reason without an id',
      '@id("p") @reason("all may") permit (principal, action, resource);',
      '@reason',
    ],
    ['an unknown annotation', `@obligaton("four-eyes") ${forbid}`, 'obligaton'],
    ['an obligation on a permit', `@obligation("four-eyes") ${permit}`, 'obligation'],
    ['a retention on a forbid', `@retention("P5Y") ${forbid}`, 'retention'],
    ['a retention that is no duration', `@retention("5 years") ${permit}`, 'P5Y'],
    ['the same id twice', permit + permit, 'taken'],
    [
      'a template',
      '@id("p") @reason("p: x") permit (principal == ?principal, action, resource);',
      'templates',
    ],
    ['a fact that there is not', scoped('resource.colour == "RED"'), 'colour'],
    ['a fact of another action', scoped('resource.category == "VICTIM"'), 'category'],
    ['an unknown action', permit.replace('action,', 'action == Comity::Action::"publsh",'), 'publsh'],
    ['a number where words belong', scoped('resource.kind == 4'), 'type'],
    ['an optional fact taken for granted', scoped('resource.handling.classification == "SECRET"'), 'has'],
    ['a forbid that can never apply', scoped('false && resource.directed'), 'impossible'],
    ['a misspelt light', scoped('resource.handling.tlp == "AMBR"'), 'AMBR'],
    ['a misspelt category', scoped('resource.categories.contains("VICTM")'), 'VICTM'],
    [
      'a misspelt purpose',
      scoped('["PROSECTION"].contains("x") || resource.purposes.containsAny(["PROSECTION"])'),
      'PROSECTION',
    ],
    ['a misspelt kind', scoped('["seizures"].contains(resource.kind)'), 'seizures'],
    ['too many bytes', `// ${'x'.repeat(limits.policyFileBytesMax)}\n${permit}`, 'longer'],
  ])('is refused with %s', (_what, text, expected) => {
    const error = refusal(text);
    expect(error.code).toBe('POLICY_INVALID');
    expect(error.message).toContain('`federation.cedar`');
    expect(error.message).toContain(expected);
    expect(error.problems.every(({ path }) => path === 'federation.cedar')).toBe(true);
  });

  it('names every problem at once', () => {
    const error = refusal('permit (principal, action, resource);\nforbid (principal, action, resource);');
    expect(error.problems.length).toBe(4);
  });
});

describe("an agency's own file", () => {
  it('holds forbids only', () => {
    const error = refusal(permit, permit.replace('"p"', '"q"'));
    expect(error.code).toBe('POLICY_INVALID');
    expect(error.message).toContain('`own.cedar`');
    expect(error.message).toContain('`q`');
  });

  it('may not take an id of the baseline', () => {
    expect(refusal(forbid, forbid).message).toContain('`own.cedar`');
  });

  it('is named where Cedar finds the fault', () => {
    const error = refusal(permit, scoped('resource.colour == "RED"'));
    expect(error.message).toContain('`own.cedar`');
    expect(error.problems.map(({ path }) => path)).toEqual(['own.cedar']);
  });

  it('may be empty', () => {
    expect(engineOf(permit, '// nothing more').policies.length).toBe(1);
  });
});

describe('an engine', () => {
  const request = { action: 'publish', principal: officerOf(grCustoms), resource: message, nowMs } as const;

  it('has a version of both texts', () => {
    const versions = [
      engineOf(permit),
      engineOf(permit, ''),
      engineOf(permit, forbid),
      engineOf(`${permit}\n`),
    ];
    expect(new Set(versions.map(({ version }) => version)).size).toBe(4);
    expect(engineOf(permit, forbid).version).toBe(versions[2]?.version);
    expect(versions[0]?.version).toMatch(/^[0-9a-f]{64}$/);
  });

  it('answers by its new policies once they are replaced', () => {
    const engine = engineOf(permit);
    const before = engine.version;
    expect(engine.decide(request).effect).toBe('allow');
    engine.replace({
      federation: { name: 'federation.cedar', text: permit },
      agency: { name: 'own.cedar', text: forbid },
    });
    expect(engine.decide(request).effect).toBe('deny');
    expect(engine.version).not.toBe(before);
  });

  it('keeps the last good policies where new ones are not valid', () => {
    const engine = engineOf(permit, forbid);
    const before = engine.version;
    expect(() =>
      engine.replace({ federation: { name: 'federation.cedar', text: 'permit everything' } }),
    ).toThrow(expect.objectContaining({ code: 'POLICY_INVALID' }));
    expect(engine.version).toBe(before);
    expect(engine.decide(request)).toMatchObject({ effect: 'deny', policies: ['f'] });
  });

  it('is not disturbed by another engine with policies of the same ids', () => {
    const open = engineOf(permit);
    const narrow = engineOf(
      permit
        .replace('action,', 'action == Comity::Action::"publish",')
        .replace(';', ' when { resource.lane == "now" };'),
    );
    expect([open, narrow].map((engine) => engine.decide(request).effect)).toEqual(['allow', 'deny']);
    expect([open, narrow].map((engine) => engine.decide({ ...request, approvals: 3 }).effect)).toEqual([
      'allow',
      'deny',
    ]);
  });
});
