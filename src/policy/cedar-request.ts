/** A request as Cedar takes it. Unfit facts are passed on as they are: Cedar's own check denies them. */
import type { AgencyFacts, MessageFacts, OfficerFacts, PolicyRequest, SectionFacts } from './facts.ts';

export type CedarValue = boolean | number | string | CedarValue[] | { [name: string]: CedarValue };
export type CedarRecord = { [name: string]: CedarValue };

export type CedarRequest = Readonly<{
  action: string;
  principal: Readonly<{ type: string; id: string; attrs: CedarRecord }>;
  resource: Readonly<{ type: string; attrs: CedarRecord }>;
  context: CedarRecord;
}>;

const minuteMs = 60_000;

/** Throws where a fact is missing that is needed to write the request down; the engine denies then. */
export function cedarRequest(request: PolicyRequest): CedarRequest {
  const now = moment(request.nowMs);
  switch (request.action) {
    case 'publish':
      return {
        action: 'publish',
        principal: officer(request.principal),
        resource: message(request.resource),
        context: { now, approvals: request.approvals ?? 0 },
      };
    case 'disclose':
      return {
        action: 'disclose',
        principal: agency(request.principal),
        resource: section(request.resource),
        context: { now, sender: agencyRecord(request.sender) },
      };
    case 'accept':
      return {
        action: request.gatewayOwn ? 'acceptGateway' : 'accept',
        principal: agency(request.principal),
        resource: request.gatewayOwn ? gatewayMessage(request.resource) : message(request.resource),
        context: { now, receiver: agencyRecord(request.receiver) },
      };
    case 'read':
      return {
        action: 'read',
        principal: officer(request.principal),
        resource: section(request.resource),
        context: { now, sender: agencyRecord(request.sender) },
      };
    case 'onward':
      return {
        action: 'onward',
        principal: agency(request.principal),
        resource: section(request.resource),
        context: {
          now,
          originator: agencyRecord(request.originator),
          consent: request.consent ?? false,
          ...(request.holder === undefined ? {} : { holder: agencyRecord(request.holder) }),
        },
      };
  }
}

export function moment(nowMs: number): CedarValue {
  const cut = Math.floor(nowMs / minuteMs) * minuteMs;
  return { __extn: { fn: 'datetime', arg: new Date(cut).toISOString() } };
}

export function agencyRecord(facts: AgencyFacts): CedarRecord {
  return { id: facts.id, jurisdiction: facts.jurisdiction, roles: [...facts.roles] };
}

function agency(facts: AgencyFacts): CedarRequest['principal'] {
  return { type: 'Comity::Agency', id: facts.id, attrs: agencyRecord(facts) };
}

function officer(facts: OfficerFacts): CedarRequest['principal'] {
  const { pseudonym, role, desk } = facts;
  return {
    type: 'Comity::Officer',
    id: pseudonym,
    attrs: { pseudonym, role, desk, agency: agencyRecord(facts.agency) },
  };
}

function message(facts: MessageFacts): CedarRequest['resource'] {
  return { type: 'Comity::Message', attrs: messageRecord(facts) };
}

function section(facts: SectionFacts): CedarRequest['resource'] {
  const attrs = { ...messageRecord(facts), category: facts.category, section: facts.section };
  return { type: 'Comity::Section', attrs };
}

function gatewayMessage(facts: MessageFacts): CedarRequest['resource'] {
  return { type: 'Comity::GatewayMessage', attrs: { kind: facts.kind } };
}

/** The facts of a message as the attributes of a Cedar entity. */
export function messageRecord(facts: MessageFacts): CedarRecord {
  const { tlp, pap, onward, classification } = facts.handling;
  return {
    kind: facts.kind,
    lane: facts.lane,
    environment: facts.environment,
    directed: facts.directed,
    purposes: [...facts.purposes],
    legalBasis: [...facts.legalBasis],
    offences: [...facts.offences],
    handling: {
      tlp,
      pap,
      onward,
      codes: facts.handling.codes.flatMap((code) => [code, bareCode(code)]),
      releaseTo: [...facts.handling.releaseTo],
      ...(classification === undefined ? {} : { classification: bareCode(classification) }),
    },
    categories: [...facts.categories],
    recipientRoles: [...facts.recipientRoles],
    unknownFields: facts.unknownFields,
  };
}

/** `europol:h2` → `H2`: schemes are spelt in many ways, and a marking must be found in each. */
function bareCode(code: string): string {
  return code
    .slice(code.lastIndexOf(':') + 1)
    .trim()
    .toUpperCase();
}
