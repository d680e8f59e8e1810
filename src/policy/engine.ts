/** Facts in, decision out: the policies of the federation and of one agency, ready to be asked. */
import { limits } from '../limits.ts';
import { type Audience, type AudienceRequest, decideAudiences } from './audiences.ts';
import { canonicalRequest } from './canonical.ts';
import { ask, checkPolicies, type PolicySetName, preparePolicies, sha256Hex } from './cedar.ts';
import { type CedarRequest, cedarRequest } from './cedar-request.ts';
import { actions, obligationsKnown } from './fact-schema.ts';
import { type Decision, evaluationError, type PolicyRequest } from './facts.ts';
import { invalid, type Policy, type PolicySource, readPolicyFile } from './policy-file.ts';
import { type Reads, readsOf } from './reads.ts';
import { Remembered } from './remembered.ts';
import { shortestDuration } from './retention.ts';

export type PolicySources = Readonly<{
  /** The baseline of the federation. */
  federation: PolicySource;
  /** The agency's own file; every policy in it is a forbid. */
  agency?: PolicySource;
}>;

/** A policy as a catalogue shows it. */
export type PolicySummary = Readonly<{
  id: string;
  file: string;
  effect: 'permit' | 'forbid';
  reason: Readonly<{ id: string; text: string }>;
  obligation?: string;
  retention?: string;
}>;

export interface PolicyEngine {
  /** Hex SHA-256 of both texts. */
  readonly version: string;
  /** In the order of their ids. */
  readonly policies: readonly PolicySummary[];
  /** Never throws: what cannot be decided is denied. The answer is frozen and may be shared. */
  decide(request: PolicyRequest): Decision;
  /** See `audiencesOf`. */
  audiences(request: AudienceRequest): readonly Audience[];
  /** Throws POLICY_INVALID and goes on with the policies that it has. */
  replace(sources: PolicySources): void;
}

type Loaded = Readonly<{
  version: string;
  byId: ReadonlyMap<string, Policy>;
  all: PolicySetName;
  /** Without the forbids that an obligation lifts: what would be decided once they are fulfilled. */
  fulfilled: PolicySetName;
  reads: Readonly<Record<string, Reads>>;
  remembered: Remembered<Decision>;
  rememberedAudiences: Remembered<readonly Audience[]>;
}>;

/** Throws POLICY_INVALID that names the file, the policy and what was expected. */
export function createPolicyEngine(sources: PolicySources): PolicyEngine {
  let loaded = load(sources);
  return {
    get version() {
      return loaded.version;
    },
    get policies() {
      return [...loaded.byId.values()].map(({ text: _text, json: _json, ...summary }) => summary);
    },
    decide: (request) => decide(loaded, request),
    audiences: (request) => audiences(loaded, request),
    replace(next) {
      loaded = load(next);
    },
  };
}

function load(sources: PolicySources): Loaded {
  const baseline = readPolicyFile(sources.federation);
  const own = sources.agency === undefined ? [] : readAgencyFile(sources.agency);
  const policies = [...baseline, ...own].toSorted((a, b) => (a.id < b.id ? -1 : 1));
  refuseDoubles([...baseline, ...own]);
  checkPolicies(policies);
  return {
    version: sha256Hex(JSON.stringify([sources.federation.text, sources.agency?.text ?? null])),
    byId: new Map(policies.map((policy) => [policy.id, policy])),
    all: preparePolicies(policies),
    fulfilled: preparePolicies(policies.filter(({ obligation }) => obligation === undefined)),
    reads: readsByAction(policies),
    remembered: new Remembered(limits.policyDecisionsMax),
    rememberedAudiences: new Remembered(limits.policyAudiencesMax),
  };
}

function readsByAction(policies: readonly Policy[]): Readonly<Record<string, Reads>> {
  const texts = policies.map(({ json }) => json);
  return Object.fromEntries(actions.map((action) => [action, readsOf(texts, action)]));
}

function readsFor(loaded: Loaded, action: string): Reads {
  const reads = loaded.reads[action];
  if (reads === undefined) throw new TypeError(`\`${action}\` is not an action`);
  return reads;
}

/** In one policy set a single permit would widen what the federation allows. */
function readAgencyFile(source: PolicySource): readonly Policy[] {
  const policies = readPolicyFile(source);
  const permits = policies.filter(({ effect }) => effect !== 'forbid');
  if (permits.length === 0) return policies;
  throw invalid(
    source.name,
    permits.map(({ id }) => `policy \`${id}\`: an agency's own file may hold \`forbid\` only`),
  );
}

function refuseDoubles(policies: readonly Policy[]): void {
  const seen = new Map<string, Policy>();
  for (const policy of policies) {
    const other = seen.get(policy.id);
    if (other !== undefined) {
      throw invalid(policy.file, [`policy \`${policy.id}\`: the id is taken in \`${other.file}\``]);
    }
    seen.set(policy.id, policy);
  }
}

function audiences(loaded: Loaded, request: AudienceRequest): readonly Audience[] {
  return decideAudiences(request, {
    decide: (asked) => decide(loaded, asked),
    reads: readsFor(loaded, 'disclose'),
    remembered: loaded.rememberedAudiences,
  });
}

function decide(loaded: Loaded, request: PolicyRequest): Decision {
  let asked: CedarRequest;
  let question: string;
  try {
    asked = cedarRequest(request);
    question = canonicalRequest(asked, readsFor(loaded, asked.action));
  } catch (error) {
    return failure(error instanceof Error ? error.message : String(error), []);
  }
  const known = loaded.remembered.get(question);
  if (known !== undefined) return known;
  const verdict = ask(loaded.all, asked);
  // A failure is not remembered: it may come from something else than the facts.
  if ('failed' in verdict) return failure(verdict.failed, verdict.policies);
  const policies = verdict.policies.flatMap((id) => loaded.byId.get(id) ?? []);
  const decision = verdict.allowed ? allowed(policies) : denied(loaded, asked, policies);
  loaded.remembered.set(question, decision);
  return decision;
}

function allowed(policies: readonly Policy[]): Decision {
  const retention = shortestDuration(policies.flatMap((policy) => policy.retention ?? []));
  return answer('allow', policies, retention === undefined ? {} : { retention });
}

/** Owed where obligations alone stand against it: each forbid names one, and the rest would permit it. */
function denied(loaded: Loaded, asked: CedarRequest, policies: readonly Policy[]): Decision {
  const obligations = policies.flatMap(({ obligation }) => obligation ?? []);
  const all = policies.length > 0 && obligations.length === policies.length;
  if (!all || !obligations.every((name) => obligationsKnown.has(name))) return answer('deny', policies);
  const after = ask(loaded.fulfilled, asked);
  if ('failed' in after) return failure(after.failed, after.policies);
  return after.allowed
    ? answer('owed', policies, { obligations: [...new Set(obligations)].sort() })
    : answer('deny', []);
}

function answer(
  effect: Decision['effect'],
  policies: readonly Policy[],
  more: Partial<Pick<Decision, 'obligations' | 'retention'>> = {},
): Decision {
  return Object.freeze({
    effect,
    policies: Object.freeze(policies.map(({ id }) => id)),
    reasons: Object.freeze(policies.map(({ id, reason }) => Object.freeze({ policy: id, ...reason }))),
    obligations: Object.freeze([...(more.obligations ?? [])]),
    ...(more.retention === undefined ? {} : { retention: more.retention }),
  });
}

function failure(message: string, policies: readonly string[]): Decision {
  const policy = policies[0] ?? evaluationError;
  const text = `the policies could not be evaluated, so it is denied: ${message}`;
  return Object.freeze({
    effect: 'deny',
    policies: Object.freeze(policies.length === 0 ? [evaluationError] : [...policies]),
    reasons: Object.freeze([Object.freeze({ policy, id: evaluationError, text })]),
    obligations: Object.freeze([]),
  });
}
