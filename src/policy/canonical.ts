/** Requests in canonical form: equal texts are answered alike, whatever the agency is called. */
import type { CedarRecord, CedarRequest, CedarValue } from './cedar-request.ts';
import type { AgencyFacts, MessageFacts, OfficerFacts, ReadRequest, SectionFacts } from './facts.ts';
import type { Reads } from './reads.ts';

const idAttributes: ReadonlySet<string> = new Set(['id', 'pseudonym']);

/** JSON with sorted member names, and with arrays (they are all sets here) sorted and without doubles. */
export function canonicalJson(value: CedarValue): string {
  if (Array.isArray(value)) {
    const items = value.map(canonicalJson);
    return `[${(items.length < 2 ? items : [...new Set(items)].sort()).join(',')}]`;
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  return recordOf(membersOf(value));
}

type NamedMember = readonly [name: string, text: string];

function membersOf(record: CedarRecord): NamedMember[] {
  return Object.entries(record).map(([name, value]) => [
    name,
    `${JSON.stringify(name)}:${canonicalJson(value)}`,
  ]);
}

function recordOf(members: NamedMember[]): string {
  const sorted = members.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([, text]) => text).join(',')}}`;
}

/**
 * The request, without the facts that no policy reads. Cedar compares ids for equality only (`like`
 * aside), so an id that neither a policy nor another fact spells out is replaced by a number, the
 * same id by the same number.
 */
export function canonicalRequest(request: CedarRequest, reads: Reads): string {
  const { principal, resource, context } = request;
  const kept = { principal: principal.attrs, context };
  const spelt = new Set([...strings(kept), ...strings(resource.attrs)]);
  const numbers = new Map<string, number>();
  const rename = (id: string): CedarValue => {
    if (reads.patterns || reads.literals.has(id) || spelt.has(id)) return id;
    const number = numbers.get(id) ?? numbers.size;
    numbers.set(id, number);
    return number;
  };
  return [
    request.action,
    canonicalJson(rename(principal.id)),
    canonicalJson(reduced(principal.attrs, reads, rename)),
    canonicalFacts(resource.attrs, reads),
    canonicalJson(reduced(context, reads, rename)),
  ].join('\n');
}

/** The facts that a policy reads. */
export function canonicalFacts(facts: CedarRecord, reads: Reads): string {
  return canonicalJson(reduced(facts, reads, (id) => id));
}

/** Whether agencies that are alike in everything but this id may be decided differently. */
export function isSpelt(id: string, reads: Reads, facts: CedarRecord): boolean {
  return reads.patterns || reads.literals.has(id) || strings(facts).includes(id);
}

function reduced(record: CedarRecord, reads: Reads, rename: (id: string) => CedarValue): CedarRecord {
  const kept: CedarRecord = {};
  for (const [name, value] of Object.entries(record)) {
    if (!reads.whole && !reads.names.has(name)) continue;
    if (idAttributes.has(name) && typeof value === 'string') kept[name] = rename(value);
    else if (isRecord(value) && !('__extn' in value)) kept[name] = reduced(value, reads, rename);
    else kept[name] = value;
  }
  return kept;
}

function strings(value: CedarValue): readonly string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(strings);
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([name, item]) => (idAttributes.has(name) ? [] : strings(item)));
}

function isRecord(value: CedarValue): value is CedarRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * What a decision to read depends on beside the officer and the time, as canonical JSON: sections
 * with equal texts are readable by the same officers, so a store can group them by it.
 */
export function readClassOf(o: { sender: AgencyFacts; resource: SectionFacts }): string {
  const { category, section, ...message } = o.resource;
  return readClassesOf({ sender: o.sender, message })({ category, section });
}

/** `readClassOf` for the sections of one message: what they share is spelt once. */
export function readClassesOf(o: {
  sender: AgencyFacts;
  message: MessageFacts;
}): (section: Pick<SectionFacts, 'category' | 'section'>) => string {
  const shared = membersOf(given(o.message));
  const told = canonicalJson(given(o.sender));
  return ({ category, section }) =>
    `{"resource":${recordOf([...shared, ...membersOf({ category, section })])},"sender":${told}}`;
}

/** Facts as a record; a member that is undefined is not there. */
function given(facts: object): CedarRecord {
  const members = Object.entries(facts).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    members.map(([name, value]) => [name, isRecord(value as CedarValue) ? given(value as object) : value]),
  ) as CedarRecord;
}

/** The request to read a section of this class. Facts that the text lacks make the engine deny. */
export function requestOfReadClass(text: string, officer: OfficerFacts, nowMs: number): ReadRequest {
  const { sender, resource } = JSON.parse(text) as Pick<ReadRequest, 'sender' | 'resource'>;
  return { action: 'read', principal: officer, sender, resource, nowMs };
}
