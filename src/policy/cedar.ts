/**
 * Cedar behind one question. It keeps parsed policy sets and the schema by name for the whole
 * process and never forgets one; names are digests of what they stand for, so that two engines can
 * only ever share a name where they share the text.
 */
import { createHash } from 'node:crypto';
import {
  type AuthorizationAnswer,
  preparsePolicySet,
  preparseSchema,
  statefulIsAuthorized,
  validate,
} from '@cedar-policy/cedar-wasm/nodejs';
import type { CedarRequest } from './cedar-request.ts';
import { factSchema } from './fact-schema.ts';
import { invalid, type Policy, sentence } from './policy-file.ts';

/** What decided: the policies by id, or why there is no answer. */
export type Verdict =
  | Readonly<{ allowed: boolean; policies: readonly string[] }>
  | Readonly<{ failed: string; policies: readonly string[] }>;

export type PolicySetName = string & { readonly __policySet: never };

export function sha256Hex(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

const schemaName = `comity/facts/${sha256Hex(factSchema)}`;

/** Makes policies that were checked ready to be asked. */
export function preparePolicies(policies: readonly Policy[]): PolicySetName {
  const staticPolicies = staticPoliciesOf(policies);
  const schema = preparseSchema(schemaName, factSchema);
  if (schema.type === 'failure') throw new TypeError(schema.errors.map(sentence).join('; '));
  const name = `comity/policies/${sha256Hex(JSON.stringify(staticPolicies))}`;
  const parsed = preparsePolicySet(name, { staticPolicies });
  if (parsed.type === 'failure') throw invalid(fileOf(policies, ''), parsed.errors.map(sentence));
  return name as PolicySetName;
}

/** The object form is what gives Cedar our ids: `@id` alone is no id to it. */
function staticPoliciesOf(policies: readonly Policy[]): Record<string, string> {
  return Object.fromEntries(policies.map(({ id, text }) => [id, text]));
}

/**
 * Cedar's strict validation against the facts; throws POLICY_INVALID. Its warnings count too: a forbid
 * that can never apply forbids nothing.
 */
export function checkPolicies(policies: readonly Policy[]): void {
  const answer = validate({ schema: factSchema, policies: { staticPolicies: staticPoliciesOf(policies) } });
  if (answer.type === 'failure') throw invalid(fileOf(policies, ''), answer.errors.map(sentence));
  const found = [...answer.validationErrors, ...answer.validationWarnings];
  const [first] = found;
  if (first === undefined) return;
  const file = fileOf(policies, first.policyId);
  throw invalid(
    file,
    found.filter((item) => fileOf(policies, item.policyId) === file).map((item) => sentence(item.error)),
  );
}

function fileOf(policies: readonly Policy[], id: string): string {
  return (policies.find((policy) => policy.id === id) ?? policies[0])?.file ?? 'policies';
}

/** Asks. An unknown set, a fact that is missing or of another type, and a policy that errs all fail. */
export function ask(set: PolicySetName, request: CedarRequest): Verdict {
  try {
    return verdictOf(statefulIsAuthorized(callOf(set, request)));
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error), policies: [] };
  }
}

function callOf(set: PolicySetName, request: CedarRequest): Parameters<typeof statefulIsAuthorized>[0] {
  const { type, id, attrs } = request.principal;
  const principal = { type, id };
  const resource = { type: request.resource.type, id: 'asked' };
  return {
    principal,
    action: { type: 'Comity::Action', id: request.action },
    resource,
    context: request.context,
    preparsedPolicySetId: set,
    preparsedSchemaName: schemaName,
    validateRequest: true,
    entities: [
      { uid: principal, attrs, parents: [] },
      { uid: resource, attrs: request.resource.attrs, parents: [] },
    ],
  };
}

function verdictOf(answer: AuthorizationAnswer): Verdict {
  if (answer.type === 'failure') return { failed: answer.errors.map(sentence).join('; '), policies: [] };
  const { decision, diagnostics } = answer.response;
  // Cedar skips a policy that errs, a forbid included: its answer is then not the one meant.
  if (diagnostics.errors.length > 0) {
    return {
      failed: diagnostics.errors.map(({ error }) => sentence(error)).join('; '),
      policies: diagnostics.errors.map(({ policyId }) => policyId).sort(),
    };
  }
  return { allowed: decision === 'allow', policies: diagnostics.reason.toSorted() };
}
