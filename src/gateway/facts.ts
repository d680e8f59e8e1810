/** The facts that policies decide on, read off trust list, draft and cover. */

import type { Code } from '../gen/comity/common/v1/code_pb.js';
import type { Cover } from '../gen/comity/cover/v1/cover_pb.js';
import { Onward, Pap, Purpose, Tlp } from '../gen/comity/cover/v1/handling_pb.js';
import type { AgencyFacts, MessageFacts, OfficerFacts } from '../policy/index.ts';
import type { Membership } from '../trust/index.ts';
import { type AgencyId, type Category, jurisdictionOf, type Kind, type Lane } from '../types.ts';
import type { GatewayContext } from './context.ts';
import type { Officer } from './views.ts';

export function agencyFacts(member: Membership): AgencyFacts {
  return { id: member.agency, jurisdiction: jurisdictionOf(member.agency), roles: [...member.roles] };
}

/** An agency by its id; one that is not on the list has no roles. */
export function agencyFactsOf(context: GatewayContext, agency: AgencyId): AgencyFacts {
  const member = context.trust.member(agency);
  return member === undefined
    ? { id: agency, jurisdiction: jurisdictionOf(agency), roles: [] }
    : agencyFacts(member);
}

export function officerFacts(context: GatewayContext, officer: Officer): OfficerFacts {
  const { pseudonym, role, desk } = officer;
  return { pseudonym, role, desk, agency: agencyFactsOf(context, context.agency) };
}

/** Who asked, for the audit log: the officer, and the service that asked in the officer's name. */
export function askedBy({ pseudonym, service }: Officer): { officer: string; service?: string } {
  return { officer: pseudonym, ...(service === undefined ? {} : { service }) };
}

export type FactsSource = Readonly<{
  kind: Kind;
  lane: Lane;
  environment: string;
  directed: boolean;
  /** Absent where the cover cannot be read. */
  cover?: Cover;
  /** Categories of the sections that are present. */
  categories: readonly Category[];
  recipientRoles: readonly string[];
  unknownFields: boolean;
}>;

export function messageFacts(source: FactsSource): MessageFacts {
  const { kind, lane, environment, directed, cover, unknownFields } = source;
  return {
    kind,
    lane,
    environment,
    directed,
    purposes: (cover?.purposes ?? []).map((purpose) => shortName(Purpose, purpose, 'PURPOSE_')).sort(),
    legalBasis: (cover?.legalBasis ?? []).map(codeText).sort(),
    offences: (cover?.offences ?? []).map(codeText).sort(),
    handling: handlingFacts(cover),
    categories: [...new Set(source.categories)].sort(),
    recipientRoles: [...new Set(source.recipientRoles)].sort(),
    unknownFields,
  };
}

function handlingFacts(cover: Cover | undefined): MessageFacts['handling'] {
  const handling = cover?.handling;
  const classification = handling?.classification;
  return {
    tlp: shortName(Tlp, handling?.tlp ?? Tlp.UNSPECIFIED, 'TLP_'),
    pap: shortName(Pap, handling?.pap ?? Pap.UNSPECIFIED, 'PAP_'),
    codes: (handling?.codes ?? []).map(codeText).sort(),
    onward: shortName(Onward, handling?.onward ?? Onward.UNSPECIFIED, 'ONWARD_'),
    releaseTo: [...(handling?.releaseTo ?? [])].sort(),
    ...(classification === undefined ? {} : { classification: codeText(classification) }),
  };
}

function codeText(code: Code): string {
  return `${code.scheme}:${code.code}`;
}

/** The enum value's name without its prefix; a value that this version does not know keeps its number. */
function shortName(names: Readonly<Record<number, string>>, value: number, prefix: string): string {
  const name = names[value];
  return name === undefined
    ? `${prefix}${value}`
    : name.startsWith(prefix)
      ? name.slice(prefix.length)
      : name;
}
