/** One policy file: its text to policies, each with an id and a sentence, or every problem at once. */
import { type PolicyJson, policySetTextToParts, policyToJson } from '@cedar-policy/cedar-wasm/nodejs';
import { ComityError, type Problem } from '../errors.ts';
import { limits } from '../limits.ts';
import { durationDays } from './retention.ts';
import { misspeltWords } from './vocabulary.ts';

/** `name` is what a person is told: the path of the file. */
export type PolicySource = Readonly<{ name: string; text: string }>;

export type Policy = Readonly<{
  id: string;
  file: string;
  effect: 'permit' | 'forbid';
  /** The stable id of the sentence, and the sentence. */
  reason: Readonly<{ id: string; text: string }>;
  obligation?: string;
  retention?: string;
  text: string;
  json: PolicyJson;
}>;

const annotationsKnown = new Set(['id', 'reason', 'obligation', 'retention']);
const idPattern = /^[a-z][a-z0-9-]{0,79}$/;
const reasonPattern = /^([a-z][a-z0-9-]{0,79}): (\S.*)$/u;

/** Throws POLICY_INVALID that names the file and everything that is wrong in it. */
export function readPolicyFile(source: PolicySource): readonly Policy[] {
  if (Buffer.byteLength(source.text) > limits.policyFileBytesMax) {
    throw invalid(source.name, [`longer than ${limits.policyFileBytesMax} bytes`]);
  }
  const parts = policySetTextToParts(source.text);
  if (parts.type === 'failure') {
    throw invalid(
      source.name,
      parts.errors.map((error) => `${lineOf(source.text, error.sourceLocations)}${sentence(error)}`),
    );
  }
  const problems: string[] = [];
  if (parts.policy_templates.length > 0) problems.push('templates (`?principal`) are not taken');
  if (parts.policies.length > limits.policiesMax) problems.push(`more than ${limits.policiesMax} policies`);
  const policies = parts.policies.flatMap((text) => readPolicy(source.name, text, problems) ?? []);
  if (problems.length > 0) throw invalid(source.name, problems);
  return policies;
}

/** The error of one file. */
export function invalid(file: string, messages: readonly string[]): ComityError {
  const problems: Problem[] = messages.map((message) => ({ path: file, message }));
  return new ComityError('POLICY_INVALID', `\`${file}\` is not a valid policy file: ${messages.join('; ')}`, {
    problems,
  });
}

/** What Cedar says of an error, with its help. */
export function sentence(error: { message: string; help: string | null }): string {
  return error.help === null ? error.message : `${error.message} (${error.help})`;
}

function readPolicy(file: string, text: string, problems: string[]): Policy | undefined {
  const parsed = policyToJson(text);
  if (parsed.type === 'failure') {
    problems.push(...parsed.errors.map(sentence));
    return undefined;
  }
  const { json } = parsed;
  const annotations = json.annotations ?? {};
  const { id = '', obligation, retention } = annotations;
  const reason = reasonPattern.exec(annotations['reason'] ?? '');
  const found = [
    ...annotationProblems(json, reason !== null),
    ...misspeltWords(json).map(({ attribute, word, words }) => {
      return `\`${word}\` is not a ${attribute}: expected one of ${words.join(', ')}`;
    }),
  ];
  problems.push(...found.map((problem) => `policy \`${id || excerpt(text)}\`: ${problem}`));
  if (found.length > 0 || reason === null) return undefined;
  return Object.freeze({
    id,
    file,
    effect: json.effect,
    reason: Object.freeze({ id: reason[1] ?? '', text: reason[2] ?? '' }),
    ...(obligation === undefined ? {} : { obligation }),
    ...(retention === undefined ? {} : { retention }),
    text,
    json,
  });
}

function annotationProblems(json: PolicyJson, hasReason: boolean): string[] {
  const annotations = json.annotations ?? {};
  const { id = '', obligation, retention } = annotations;
  const problems = Object.keys(annotations)
    .filter((name) => !annotationsKnown.has(name))
    .map((name) => `\`@${name}\` is not an annotation: expected @id, @reason, @obligation or @retention`);
  if (!idPattern.test(id)) problems.push('expected `@id("…")` of lower-case letters, digits and dashes');
  if (!hasReason) problems.push('expected `@reason("an-id: a sentence")`');
  if (obligation !== undefined && json.effect !== 'forbid') problems.push('`@obligation` is for a forbid');
  if (obligation !== undefined && !idPattern.test(obligation)) {
    problems.push('expected a name such as `@obligation("four-eyes")`');
  }
  if (retention !== undefined && json.effect !== 'permit') problems.push('`@retention` is for a permit');
  if (retention !== undefined && durationDays(retention) === undefined) {
    problems.push(`\`${retention}\` is not a duration: expected years, months or days such as P5Y`);
  }
  return problems;
}

function lineOf(text: string, locations: readonly { start: number }[] | undefined): string {
  const start = locations?.[0]?.start;
  if (start === undefined) return '';
  const before = Buffer.from(text).subarray(0, start).toString();
  return `line ${before.split('\n').length}: `;
}

function excerpt(text: string): string {
  return text.replace(/\s+/g, ' ').slice(0, 60);
}
