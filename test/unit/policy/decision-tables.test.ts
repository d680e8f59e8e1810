import { describe, expect, it } from 'vitest';
import { createPolicyEngine, runDecisionTable } from '../../../src/policy/index.ts';
import { agencies, decisionTable, engineOf, policyFile, shippedEngine } from './files.ts';

const failures = (result: ReturnType<typeof runDecisionTable>) =>
  result.rows.filter(({ passed }) => !passed).map(({ name, problems }) => `${name}: ${problems.join('; ')}`);

describe('the decision tables that ship', () => {
  it('hold for the baseline, and every policy of it decides in a row', () => {
    const result = runDecisionTable(shippedEngine(), decisionTable('federation'));
    expect(failures(result)).toEqual([]);
    expect(result.passed).toBe(true);
    expect(result.undecided).toEqual([]);
  });

  it.each(agencies)('hold for %s, and every policy of its file decides in a row', (agency) => {
    const engine = shippedEngine(agency);
    const own = engine.policies.filter(({ file }) => file.endsWith(`${agency}.cedar`)).map(({ id }) => id);
    const result = runDecisionTable(engine, decisionTable(agency));
    expect(failures(result)).toEqual([]);
    expect(own.length).toBeGreaterThan(0);
    expect(result.undecided.filter((id) => own.includes(id))).toEqual([]);
  });

  const forbids = shippedEngine()
    .policies.filter(({ effect }) => effect === 'forbid')
    .map(({ id }) => id);
  it.each(forbids)('fail where the forbid %s is taken away', (id) => {
    const federation = policyFile('federation.cedar');
    const engine = createPolicyEngine({ federation: { ...federation, text: without(federation.text, id) } });
    expect(engine.policies.map((policy) => policy.id)).not.toContain(id);
    expect(runDecisionTable(engine, decisionTable('federation')).passed).toBe(false);
  });

  const permits = shippedEngine()
    .policies.filter(({ effect }) => effect === 'permit')
    .map(({ id }) => id);
  it.each(permits)('fail where the permit %s is taken away', (id) => {
    const federation = policyFile('federation.cedar');
    const engine = createPolicyEngine({ federation: { ...federation, text: without(federation.text, id) } });
    expect(runDecisionTable(engine, decisionTable('federation')).passed).toBe(false);
  });

  it.each(agencies)('fail for %s with the baseline alone', (agency) => {
    expect(runDecisionTable(shippedEngine(), decisionTable(agency)).passed).toBe(false);
  });
});

describe('a decision table', () => {
  const table = (row: object) => ({ title: 'a table', agencies: { 'gr.customs': ['customs'] }, rows: [row] });
  const row = { name: 'a row', action: 'publish', from: 'gr.customs', expect: 'allow' };

  it('says what was answered otherwise', () => {
    const other = { expect: 'deny', policies: ['x'], reason: 'y', obligations: ['z'], retention: 'P1D' };
    const [result] = runDecisionTable(shippedEngine(), table({ ...row, ...other })).rows;
    expect(result?.problems).toEqual([
      'expected effect deny, answered allow',
      'expected policies x, answered publish-by-officers',
      'expected obligations z, answered none',
      'expected retention P1D, answered ',
      'expected reason y, answered publish-by-officers',
    ]);
  });

  it('does not take a failure for a denial', () => {
    const overflow =
      '@id("f") @reason("f: x") forbid (principal, action == Comity::Action::"publish", resource) when { context.approvals + 9223372036854775807 > 0 };';
    const [result] = runDecisionTable(
      engineOf(overflow),
      table({ ...row, approvals: 1, expect: 'deny' }),
    ).rows;
    expect(result).toMatchObject({ passed: false, problems: [expect.stringContaining('overflow')] });
  });

  it.each([
    ['an unknown member', table({ ...row, expects: 'allow' })],
    ['an unknown fact', table({ ...row, facts: { colour: 'RED' } })],
    ['an unknown category', table({ ...row, facts: { category: 'VICTM' } })],
    ['an agency that the table does not know', table({ ...row, from: 'it.police' })],
    ['no agency at all', table({ ...row, from: undefined })],
    ['no rows', { title: 'a table', agencies: {}, rows: [] }],
    ['not a table', 'permit everything'],
  ])('is refused with %s', (_what, content) => {
    expect(() => runDecisionTable(shippedEngine(), content)).toThrow(
      expect.objectContaining({ code: 'POLICY_INVALID' }),
    );
  });
});

function without(text: string, id: string): string {
  const start = text.indexOf(`@id("${id}")`);
  const next = text.indexOf('\n@id(', start);
  return text.slice(0, start) + (next < 0 ? '' : text.slice(next));
}
