/** Who may get a draft, and which section each may read: asked once, shown by preview and done by submit. */

import { ComityError } from '../errors.ts';
import { limits } from '../limits.ts';
import { audiencesOf, type Decision, type MessageFacts } from '../policy/index.ts';
import type { Draft, SectionDescriptor } from '../schema/index.ts';
import type { Membership } from '../trust/index.ts';
import { type AgencyId, type Kind, kindsAlwaysGranted } from '../types.ts';
import type { GatewayContext } from './context.ts';
import { agencyFacts, agencyFactsOf, messageFacts, officerFacts } from './facts.ts';
import type { Officer, Reason } from './views.ts';

export type SectionRelease = Readonly<{
  section: SectionDescriptor;
  present: boolean;
  /** Agencies to which `disclose` gives the section, sorted. */
  allowed: ReadonlySet<AgencyId>;
  refused: ReadonlyMap<AgencyId, readonly Reason[]>;
}>;

export type Release = Readonly<{
  draft: Draft;
  message: MessageFacts;
  publish: Decision;
  /** Agencies that may receive the kind at all: the addressees, or every active one. */
  candidates: readonly Membership[];
  /** Of these, the ones to which `disclose` gives the cover. */
  recipients: readonly AgencyId[];
  sections: readonly SectionRelease[];
}>;

/** Asks every policy question about a draft. Errors: DRAFT_INVALID for its deliver-by, RECIPIENT_UNKNOWN. */
export function release(context: GatewayContext, draft: Draft, officer: Officer): Release {
  const nowMs = context.clock.nowMs();
  checkDeliverBy(draft, nowMs);
  const candidates = candidatesOf(context, draft);
  const message = factsOf(context, draft, candidates);
  const publish = publishDecision(context, { message, officer, nowMs, kind: draft.kind });
  const audiences = audiencesOf(context.policy, {
    sender: agencyFactsOf(context, context.agency),
    message,
    sections: draft.schema.sections.map(({ field, name, category }) => ({ field, name, category })),
    candidates: candidates.map(agencyFacts),
    nowMs,
  });
  const sections = draft.schema.sections.map((section): SectionRelease => {
    const audience = audiences.find(({ field }) => field === section.field);
    return {
      section,
      present: section.field === coverField || draft.sections.has(section.field),
      allowed: new Set((audience?.agencies ?? []) as AgencyId[]),
      refused: new Map((audience?.refused ?? []).map(({ agency, reasons }) => [agency as AgencyId, reasons])),
    };
  });
  const cover = sections.find(({ section }) => section.field === coverField);
  const recipients = candidates.map(({ agency }) => agency).filter((agency) => cover?.allowed.has(agency));
  return { draft, message, publish, candidates, recipients, sections };
}

export const coverField = 1;

/** The time that a message has on its way at most (docs/wire.md, Two times). */
export function deliverByMsMax(lane: Draft['lane']): number {
  return lane === 'now' ? limits.deliverByNowMsMax : limits.deliverByMsMax;
}

/** Here, where the time is known: a header that its readers would refuse fails every draft beside it. */
function checkDeliverBy({ deliverByMs, lane }: Draft, nowMs: number): void {
  if (deliverByMs === undefined) return;
  if (deliverByMs > nowMs && deliverByMs <= nowMs + deliverByMsMax(lane)) return;
  const days = deliverByMsMax(lane) / (24 * 3600 * 1000);
  throw new ComityError('DRAFT_INVALID', undefined, {
    problems: [{ path: 'deliverBy', message: `expected a time from now on, within ${days} days` }],
  });
}

type Publishing = Readonly<{ message: MessageFacts; officer: Officer; nowMs: number; kind: Draft['kind'] }>;

/** What neither the trust list nor the agency's own profile lets it send is no policy's to permit. */
function publishDecision(context: GatewayContext, { message, officer, nowMs, kind }: Publishing): Decision {
  const granted = context.trust.mayPublish(context.agency, kind);
  if (!granted)
    return notGranted('trust-list', `the trust list does not let this agency publish \`${kind}\``);
  if (!profileHas(context.profile.sends, kind))
    return notGranted('profile', `this agency does not send \`${kind}\``);
  const principal = officerFacts(context, officer);
  return context.policy.decide({ action: 'publish', principal, resource: message, nowMs });
}

/** A profile narrows what officers draft; what every agency may always say it cannot take away. */
export function profileHas(kinds: readonly Kind[], kind: Kind): boolean {
  return kinds.includes(kind) || kindsAlwaysGranted.includes(kind);
}

function notGranted(policy: string, text: string): Decision {
  return { effect: 'deny', policies: [policy], reasons: [{ policy, id: policy, text }], obligations: [] };
}

/** Refuses what may not leave. Errors: POLICY_REFUSED, POLICY_NOT_PERMITTED, OBLIGATION_OWED. */
export function requireReleasable(released: Release): void {
  const { publish, draft } = released;
  if (publish.effect === 'owed') {
    throw new ComityError('OBLIGATION_OWED', `an obligation is owed: ${publish.obligations.join(', ')}`, {
      reasons: publish.reasons,
    });
  }
  if (publish.effect === 'deny') throw refusal(publish.reasons);
  const unserved =
    draft.to === 'all' ? [] : draft.to.agencies.filter((agency) => !released.recipients.includes(agency));
  if (unserved.length > 0)
    throw refusal(coverReasons(released, unserved), `${unserved.join(', ')} may not receive this`);
}

function refusal(reasons: readonly Reason[], message?: string): ComityError {
  return new ComityError(reasons.length > 0 ? 'POLICY_REFUSED' : 'POLICY_NOT_PERMITTED', message, {
    reasons,
  });
}

function coverReasons(released: Release, agencies: readonly AgencyId[]): readonly Reason[] {
  const cover = released.sections.find(({ section }) => section.field === coverField);
  return agencies.flatMap((agency) => cover?.refused.get(agency) ?? []);
}

function candidatesOf(context: GatewayContext, draft: Draft): readonly Membership[] {
  const { trust, agency: self } = context;
  const nowMs = context.clock.nowMs();
  const takes = (member: Membership): boolean =>
    member.agency !== self &&
    trust.statusAt(member.agency, nowMs) === 'active' &&
    trust.mayReceive(member.agency, draft.kind);
  if (draft.to === 'all') return trust.members().filter(takes);
  return draft.to.agencies.map((agency) => {
    const member = trust.member(agency);
    if (member !== undefined && takes(member)) return member;
    throw new ComityError(
      'RECIPIENT_UNKNOWN',
      `\`${agency}\` is not another active agency that takes \`${draft.kind}\``,
      {
        problems: [{ path: 'to.agencies', message: `${agency} cannot be addressed with this kind` }],
      },
    );
  });
}

function factsOf(context: GatewayContext, draft: Draft, candidates: readonly Membership[]): MessageFacts {
  const present = draft.schema.sections.filter(
    ({ field }) => field === coverField || draft.sections.has(field),
  );
  return messageFacts({
    kind: draft.kind,
    lane: draft.lane,
    environment: context.trust.environment,
    directed: draft.to !== 'all',
    cover: draft.cover,
    categories: present.map(({ category }) => category),
    recipientRoles: draft.to === 'all' ? [] : candidates.flatMap(({ roles }) => [...roles]),
    unknownFields: false,
  });
}
