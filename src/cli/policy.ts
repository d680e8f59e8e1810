/** Checks policies, and runs decision tables against them. */
import { parse } from 'yaml';
import { readConfigText } from '../config/index.ts';
import { ComityError } from '../errors.ts';
import {
  createPolicyEngine,
  type PolicyEngine,
  runDecisionTable,
  type TableResult,
} from '../policy/index.ts';
import { visible } from './escape.ts';
import { type Call, required, text, usageError, type Verb } from './verb.ts';

export const policy: Verb = {
  name: 'policy',
  summary: 'checks policy files, and runs decision tables against them',
  usage: [
    'check --federation FILE [--agency FILE]',
    'test --federation FILE [--agency FILE] TABLE.test.yaml…',
  ],
  options: { federation: { type: 'string' }, agency: { type: 'string' } },
  optionHelp: [
    { name: '--federation FILE', meaning: 'the baseline of the federation' },
    { name: '--agency FILE', meaning: 'the agency’s own file, which may only forbid' },
  ],
  example:
    'comity policy test --federation config/policy/federation.cedar config/policy/federation.test.yaml',
  run(call) {
    const [action, ...files] = call.positionals;
    if (action === 'check') return check(call);
    if (action === 'test' && files.length > 0) return test(call, files);
    throw usageError('expected `policy check` or `policy test TABLE…`');
  },
};

function engineOf({ values }: Call): PolicyEngine {
  const source = (file: string) => ({ name: file, text: readConfigText(file) });
  const agency = text(values, 'agency');
  return createPolicyEngine({
    federation: source(required(values, 'federation')),
    ...(agency === undefined ? {} : { agency: source(agency) }),
  });
}

async function check(call: Call): Promise<void> {
  const { version, policies } = engineOf(call);
  call.show({ version, policies }, () => [
    `valid: ${policies.length} policies, version ${version}`,
    ...policies.map(({ id, effect, reason }) => `  ${effect} ${visible(id)}: ${visible(reason.text)}`),
  ]);
}

async function test(call: Call, files: readonly string[]): Promise<number> {
  const engine = engineOf(call);
  const results = files.map((file) => ({ file, ...runDecisionTable(engine, yamlOf(file)) }));
  call.show(results, () => results.flatMap(resultLines));
  return results.every(({ passed }) => passed) ? 0 : 1;
}

function yamlOf(file: string): unknown {
  const content = readConfigText(file);
  try {
    return parse(content, { maxAliasCount: 0 });
  } catch (error) {
    throw new ComityError('POLICY_INVALID', `\`${file}\` is not YAML`, { cause: error });
  }
}

function resultLines({ file, title, rows, undecided }: TableResult & { file: string }): string[] {
  const failed = rows.filter(({ passed }) => !passed);
  return [
    `${visible(file)}: ${visible(title)}: ${rows.length - failed.length} passed, ${failed.length} failed`,
    ...failed.flatMap(({ name, problems }) => [
      `  ${visible(name)}`,
      ...problems.map((problem) => `    ${visible(problem)}`),
    ]),
    ...(undecided.length === 0 ? [] : [`  decided in no row: ${undecided.map(visible).join(', ')}`]),
  ];
}
