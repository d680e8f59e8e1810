/** Decisions, asked for the first time and again, and the audiences of a large draft. */
import { type AgencyFacts, audiencesOf, type MessageFacts, type PolicyRequest } from '../src/policy/index.ts';
import { schemaOfKind } from '../src/schema/index.ts';
import { policyEngine } from './gateways.ts';
import { milliseconds } from './measure.ts';
import type { Row } from './row.ts';

const nowMs = Date.UTC(2027, 2, 9, 10);
const sender: AgencyFacts = { id: 'gr.customs', jurisdiction: 'gr', roles: ['customs'] };
const roles = ['police', 'customs', 'heritage', 'liaison', 'prosecutor'];
const agencies = Array.from({ length: 150 }, (_, index): AgencyFacts => {
  const jurisdiction = `${String.fromCharCode(97 + (index % 26))}z`;
  return { id: `${jurisdiction}.n${index}`, jurisdiction, roles: [roles[index % roles.length] ?? 'police'] };
});

export async function* policy(): AsyncGenerator<Row> {
  const engine = policyEngine();
  const fresh = milliseconds(200, (round) => engine.decide(disclose(round)));
  const known = disclose(0);
  engine.decide(known);
  const remembered = milliseconds(2000, () => engine.decide(known));
  yield row('one decision to disclose, asked for the first time', fresh);
  yield row('the same, remembered', remembered);
  const sections = (schemaOfKind('seizure')?.sections ?? []).map(({ field, name, category }) => ({
    field,
    name,
    category,
  }));
  const audiences = (round: number): unknown =>
    audiencesOf(engine, { sender, message: facts(round), sections, candidates: agencies, nowMs });
  const what = `audiences of ${agencies.length} agencies × ${sections.length} sections`;
  yield row(
    `${what}, for the first time`,
    milliseconds(10, (round) => audiences(100_000 + round)),
  );
  yield row(
    `${what}, remembered`,
    milliseconds(200, () => audiences(100_000)),
  );
}

/** An agency named in `releaseTo` makes the question one that was never asked. */
function facts(round: number): MessageFacts {
  return {
    kind: 'seizure',
    lane: 'day',
    environment: 'bench',
    directed: false,
    purposes: ['INVESTIGATION'],
    legalBasis: ['naples-ii:17'],
    offences: ['eu-2017-371:smuggling'],
    handling: { tlp: 'AMBER', pap: 'AMBER', codes: [], onward: 'UNSPECIFIED', releaseTo: [`zz.n${round}`] },
    categories: ['COVER', 'GOODS', 'PERSON', 'SITUATION'],
    recipientRoles: [],
    unknownFields: false,
  };
}

function disclose(round: number): PolicyRequest {
  const principal = agencies[0] ?? sender;
  const resource = { ...facts(round), category: 'PERSON', section: 'persons' } as const;
  return { action: 'disclose', principal, sender, resource, nowMs };
}

function row(what: string, value: number): Row {
  return { bench: 'policy', what, value, unit: 'ms' };
}
