/** Decision tables: what is asked, and what must be answered (docs/policy.md, Decision tables). */
import { z } from 'zod';
import { ComityError } from '../errors.ts';
import { categories } from '../types.ts';
import type { PolicyEngine } from './engine.ts';
import {
  type AgencyFacts,
  type Decision,
  isFailure,
  type MessageFacts,
  type PolicyRequest,
  type SectionFacts,
} from './facts.ts';

export type TableRowResult = Readonly<{
  name: string;
  passed: boolean;
  /** What was answered otherwise than expected, in words; empty where the row passed. */
  problems: readonly string[];
  decision: Decision;
}>;

export type TableResult = Readonly<{
  title: string;
  passed: boolean;
  rows: readonly TableRowResult[];
  /** Policies of the engine that decided in no row. */
  undecided: readonly string[];
}>;

const words = z.array(z.string());
const agencyId = z
  .string()
  .regex(/^[a-z]{2}\.[a-z][a-z0-9-]{0,30}$/, 'expected an agency such as gr.customs');

const facts = z.strictObject({
  kind: z.string(),
  lane: z.string(),
  environment: z.string(),
  directed: z.boolean(),
  purposes: words,
  legalBasis: words,
  offences: words,
  tlp: z.string(),
  pap: z.string(),
  codes: words,
  onward: z.string(),
  releaseTo: words,
  classification: z.string(),
  categories: words,
  recipientRoles: words,
  unknownFields: z.boolean(),
  category: z.enum(categories),
  section: z.string(),
});
const someFacts = facts.partial();

const row = z.strictObject({
  name: z.string(),
  action: z.enum(['publish', 'disclose', 'accept', 'read', 'onward']),
  /** The agency that sends, or whose message it was. */
  from: agencyId.optional(),
  /** The agency that is given it, or takes it. */
  to: agencyId.optional(),
  /** onward: the agency that holds it now. */
  holder: agencyId.optional(),
  officer: z.strictObject({ role: z.string(), desk: z.string().optional() }).optional(),
  facts: someFacts.optional(),
  approvals: z.int().min(0).optional(),
  consent: z.boolean().optional(),
  gatewayOwn: z.boolean().optional(),
  at: z.iso.datetime().optional(),
  expect: z.enum(['allow', 'deny', 'owed']),
  /** Exactly the policies that decide, in any order. */
  policies: words.optional(),
  /** The id of one of the reasons. */
  reason: z.string().optional(),
  obligations: words.optional(),
  retention: z.string().optional(),
});
type Row = z.infer<typeof row>;

const table = z.strictObject({
  title: z.string(),
  /** Each agency with its roles. */
  agencies: z.record(agencyId, words),
  facts: someFacts.optional(),
  rows: z.array(row).min(1),
});
type Table = z.infer<typeof table>;

const defaults: z.infer<typeof someFacts> = {
  kind: 'seizure',
  lane: 'day',
  environment: 'live',
  directed: false,
  purposes: ['INVESTIGATION'],
  legalBasis: [],
  offences: [],
  tlp: 'AMBER',
  pap: 'AMBER',
  codes: [],
  onward: 'UNSPECIFIED',
  releaseTo: [],
  categories: ['COVER'],
  recipientRoles: [],
  unknownFields: false,
  category: 'COVER',
  section: 'section',
};
const defaultTime = '2026-01-01T00:00:00Z';

/** Runs a table that was read from YAML; throws POLICY_INVALID naming every member that does not fit. */
export function runDecisionTable(engine: PolicyEngine, content: unknown): TableResult {
  const parsed = parseTable(content);
  const rows = parsed.rows.map((item) => runRow(engine, parsed, item));
  const decided = new Set(rows.flatMap(({ decision }) => decision.policies));
  return {
    title: parsed.title,
    passed: rows.every(({ passed }) => passed),
    rows,
    undecided: engine.policies.map(({ id }) => id).filter((id) => !decided.has(id)),
  };
}

function parseTable(content: unknown): Table {
  const parsed = table.safeParse(content);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
  const [first] = problems;
  throw new ComityError(
    'POLICY_INVALID',
    `the decision table is not of the form expected: \`${first?.path}\`: ${first?.message}`,
    { problems },
  );
}

function runRow(engine: PolicyEngine, parsed: Table, item: Row): TableRowResult {
  const decision = engine.decide(requestOf(parsed, item));
  // A row that expects a denial must not pass because its facts are unfit.
  const problems = isFailure(decision) ? decision.reasons.map(({ text }) => text) : [];
  const compare = (what: string, expected: readonly string[] | undefined, answered: readonly string[]) => {
    if (expected === undefined || expected.toSorted().join() === answered.toSorted().join()) return;
    problems.push(`expected ${what} ${list(expected)}, answered ${list(answered)}`);
  };
  compare('effect', [item.expect], [decision.effect]);
  compare('policies', item.policies, decision.policies);
  compare('obligations', item.obligations, decision.obligations);
  compare('retention', item.retention === undefined ? undefined : [item.retention], [
    decision.retention ?? '',
  ]);
  const reasons = decision.reasons.map(({ id }) => id);
  if (item.reason !== undefined && !reasons.includes(item.reason)) {
    problems.push(`expected reason ${item.reason}, answered ${list(reasons)}`);
  }
  return { name: item.name, passed: problems.length === 0, problems, decision };
}

function list(texts: readonly string[]): string {
  return texts.length === 0 ? 'none' : texts.join(', ');
}

function requestOf(parsed: Table, item: Row): PolicyRequest {
  const from = agencyOf(parsed, item, 'from');
  const officer = {
    pseudonym: 'officer',
    role: item.officer?.role ?? 'officer',
    desk: item.officer?.desk ?? 'desk',
  };
  const resource = resourceOf(parsed, item);
  const nowMs = Date.parse(item.at ?? defaultTime);
  switch (item.action) {
    case 'publish': {
      const principal = { ...officer, agency: from };
      return { action: 'publish', principal, resource, nowMs, approvals: item.approvals ?? 0 };
    }
    case 'disclose':
      return { action: 'disclose', principal: agencyOf(parsed, item, 'to'), sender: from, resource, nowMs };
    case 'accept': {
      const receiver = agencyOf(parsed, item, 'to');
      return {
        action: 'accept',
        principal: from,
        receiver,
        resource,
        nowMs,
        gatewayOwn: item.gatewayOwn ?? false,
      };
    }
    case 'read': {
      const principal = { ...officer, agency: agencyOf(parsed, item, 'to') };
      return { action: 'read', principal, sender: from, resource, nowMs };
    }
    case 'onward': {
      const holder = item.holder === undefined ? {} : { holder: agencyOf(parsed, item, 'holder') };
      const principal = agencyOf(parsed, item, 'to');
      const consent = item.consent ?? false;
      return { action: 'onward', principal, originator: from, resource, nowMs, consent, ...holder };
    }
  }
}

function agencyOf(parsed: Table, item: Row, member: 'from' | 'to' | 'holder'): AgencyFacts {
  const id = item[member];
  const roles = id === undefined ? undefined : parsed.agencies[id];
  if (id === undefined || roles === undefined) {
    throw new ComityError(
      'POLICY_INVALID',
      `row \`${item.name}\`: expected \`${member}\` to be one of the agencies of the table`,
    );
  }
  return { id, jurisdiction: id.slice(0, 2), roles };
}

function resourceOf(parsed: Table, item: Row): SectionFacts {
  const given = facts
    .partial({ classification: true })
    .parse({ ...defaults, ...parsed.facts, ...item.facts });
  const { tlp, pap, codes, onward, releaseTo, classification, category, section, ...rest } = given;
  const message: MessageFacts = {
    ...rest,
    handling: {
      tlp,
      pap,
      codes,
      onward,
      releaseTo,
      ...(classification === undefined ? {} : { classification }),
    },
  };
  return { ...message, category, section };
}
