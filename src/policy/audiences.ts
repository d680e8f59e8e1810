/** Who may be given which section: one `disclose` for each section and each sort of agency. */
import type { Category } from '../types.ts';
import { canonicalFacts, canonicalJson, isSpelt } from './canonical.ts';
import { agencyRecord, type CedarRecord, messageRecord, moment } from './cedar-request.ts';
import {
  type AgencyFacts,
  type Decision,
  type DiscloseRequest,
  isFailure,
  type MessageFacts,
  type PolicyReason,
} from './facts.ts';
import type { Reads } from './reads.ts';
import type { Remembered } from './remembered.ts';

export type AudienceRequest = Readonly<{
  sender: AgencyFacts;
  message: MessageFacts;
  sections: readonly Readonly<{ field: number; name: string; category: Category }>[];
  /** The agencies that the message is addressed to; the sender is not among its own audience. */
  candidates: readonly AgencyFacts[];
  nowMs: number;
}>;

export type Audience = Readonly<{
  field: number;
  name: string;
  category: Category;
  /** Sorted agency ids. */
  agencies: readonly string[];
  /** The others, by id, each with the policies that forbid it; none where nothing permits it. */
  refused: readonly Readonly<{ agency: string; reasons: readonly PolicyReason[] }>[];
}>;

type Deciding = Readonly<{
  decide: (request: DiscloseRequest) => Decision;
  /** What the policies on `disclose` read. */
  reads: Reads;
  remembered: Remembered<readonly Audience[]>;
}>;

/**
 * One audience for each section given, in their order. An owed disclosure is a refusal. The answer
 * is frozen and may be shared. Throws TypeError where a fact is missing.
 */
export function audiencesOf(
  engine: { audiences(request: AudienceRequest): readonly Audience[] },
  o: AudienceRequest,
): readonly Audience[] {
  return engine.audiences(o);
}

export function decideAudiences(o: AudienceRequest, deciding: Deciding): readonly Audience[] {
  const sender = agencyRecord(o.sender);
  const names = o.sections.map(({ name }) => name);
  const facts: CedarRecord = { ...messageRecord(o.message), now: moment(o.nowMs), sender, section: names };
  const question = [
    canonicalFacts(facts, deciding.reads),
    canonicalJson(sender),
    JSON.stringify(o.sections),
    JSON.stringify(o.candidates),
  ].join('\n');
  const known = deciding.remembered.get(question);
  if (known !== undefined) return known;
  const sorts = sortsOf(o, deciding.reads, facts);
  const audiences = o.sections.map((section) => audienceOf(section, { o, sorts, deciding }));
  const complete = !audiences.some(({ refused }) => refused.some(isFailure));
  if (complete) deciding.remembered.set(question, audiences);
  return Object.freeze(audiences);
}

type Sort = Readonly<{ example: AgencyFacts; agencies: readonly string[] }>;

/** Candidates that no policy can tell apart are decided once. */
function sortsOf(o: AudienceRequest, reads: Reads, facts: CedarRecord): readonly Sort[] {
  const sorts = new Map<string, { example: AgencyFacts; agencies: string[] }>();
  for (const candidate of o.candidates) {
    if (candidate.id === o.sender.id) continue;
    const { id, jurisdiction, roles } = candidate;
    const key = canonicalJson({
      id: isSpelt(id, reads, facts) ? id : '',
      ...(reads.whole || reads.names.has('jurisdiction') ? { jurisdiction } : {}),
      roles: [...roles],
    });
    const sort = sorts.get(key);
    if (sort === undefined) sorts.set(key, { example: candidate, agencies: [id] });
    else sort.agencies.push(id);
  }
  return [...sorts.values()];
}

function audienceOf(
  section: AudienceRequest['sections'][number],
  { o, sorts, deciding }: { o: AudienceRequest; sorts: readonly Sort[]; deciding: Deciding },
): Audience {
  const { field, name, category } = section;
  const resource = { ...o.message, category, section: name };
  const decided = sorts.map(({ example, agencies }) => {
    const { id, jurisdiction, roles } = example;
    const principal = { id, jurisdiction, roles };
    const request = { action: 'disclose', principal, sender: o.sender, resource, nowMs: o.nowMs } as const;
    return { agencies, decision: deciding.decide(request) };
  });
  const allowed = decided.filter(({ decision }) => decision.effect === 'allow');
  const refused = decided.filter(({ decision }) => decision.effect !== 'allow');
  return Object.freeze({
    field,
    name,
    category,
    agencies: Object.freeze(allowed.flatMap(({ agencies }) => agencies).sort()),
    refused: Object.freeze(
      refused
        .flatMap(({ agencies, decision }) =>
          agencies.map((agency) => ({ agency, reasons: decision.reasons })),
        )
        .sort((a, b) => (a.agency < b.agency ? -1 : 1)),
    ),
  });
}
