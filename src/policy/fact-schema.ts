/**
 * The facts as Cedar sees them. Policies are checked against this text when they load, and each
 * request when it is asked. `config/policy/comity.cedarschema` holds the same text for editors.
 */
import { categories, kinds, lanes } from '../types.ts';

const messageAttributes = `kind: String,
    lane: String,
    environment: String,
    directed: Bool,
    purposes: Set<String>,
    legalBasis: Set<String>,
    offences: Set<String>,
    handling: Handling,
    categories: Set<String>,
    recipientRoles: Set<String>,
    unknownFields: Bool,`;

const agencyAttributes = `id: String,
    jurisdiction: String,
    roles: Set<String>,`;

export const factSchema = `namespace Comity {
  type AgencyFacts = {
    ${agencyAttributes}
  };

  type Handling = {
    tlp: String,
    pap: String,
    codes: Set<String>,
    onward: String,
    releaseTo: Set<String>,
    classification?: String,
  };

  entity Agency = {
    ${agencyAttributes}
  };

  entity Officer = {
    pseudonym: String,
    role: String,
    desk: String,
    agency: AgencyFacts,
  };

  entity Message = {
    ${messageAttributes}
  };

  entity Section = {
    ${messageAttributes}
    category: String,
    section: String,
  };

  // What a gateway sends of itself: a receipt, an audience key, a chunk of an attachment.
  entity GatewayMessage = {
    kind: String,
  };

  // May this officer publish this draft? Asked by the sender, before anything is sealed.
  action publish appliesTo {
    principal: Officer,
    resource: Message,
    context: { now: datetime, approvals: Long },
  };

  // May this agency be given this section? Asked by the sender; the answers are the section's audience.
  action disclose appliesTo {
    principal: Agency,
    resource: Section,
    context: { now: datetime, sender: AgencyFacts },
  };

  // Do we take this message from this agency? Asked by the receiver, on arrival.
  action accept appliesTo {
    principal: Agency,
    resource: Message,
    context: { now: datetime, receiver: AgencyFacts },
  };

  // The same of a gateway's own message.
  action acceptGateway appliesTo {
    principal: Agency,
    resource: GatewayMessage,
    context: { now: datetime, receiver: AgencyFacts },
  };

  // May this officer of ours read this section? Asked on every read and before search matches.
  action read appliesTo {
    principal: Officer,
    resource: Section,
    context: { now: datetime, sender: AgencyFacts },
  };

  // May this third agency be given a section that another agency gave us?
  action onward appliesTo {
    principal: Agency,
    resource: Section,
    context: { now: datetime, originator: AgencyFacts, holder?: AgencyFacts, consent: Bool },
  };
}
`;

/** The actions of the schema, by their Cedar names. */
export const actions = ['publish', 'disclose', 'accept', 'acceptGateway', 'read', 'onward'] as const;

/** The attributes that are records: compared whole they would hide which facts a policy reads. */
export const recordAttributes: ReadonlySet<string> = new Set([
  'handling',
  'agency',
  'sender',
  'receiver',
  'originator',
  'holder',
]);

const lights = ['CLEAR', 'GREEN', 'AMBER', 'RED', 'UNSPECIFIED'];

/**
 * The words that a fact may be. Cedar knows them as strings only, so that a misspelt word in a
 * forbid would silently forbid nothing; loading checks them. Roles are not here: the trust list says
 * which there are.
 */
export const vocabularies: Readonly<Record<string, readonly string[]>> = {
  category: categories,
  categories,
  kind: kinds,
  lane: lanes,
  tlp: [...lights, 'AMBER_STRICT'],
  pap: lights,
  onward: ['NONE', 'SAME_AGENCY', 'SAME_JURISDICTION', 'LISTED', 'WITH_CONSENT', 'UNSPECIFIED'],
  purposes: [
    'PREVENTION',
    'DETECTION',
    'INVESTIGATION',
    'PROSECUTION',
    'EXECUTION_OF_SENTENCE',
    'PUBLIC_SECURITY_THREAT',
    'CUSTOMS_RISK_MANAGEMENT',
    'ASSET_RECOVERY',
    'HERITAGE_PROTECTION',
    'RESTITUTION',
    'BORDER_SECURITY',
    'STATISTICS',
    'TRAINING_EXERCISE',
    'AUDIT_OVERSIGHT',
    'DATA_SUBJECT_REQUEST',
  ],
};

/** What must be done before a forbid that names it is lifted; any other name denies. */
export const obligationsKnown: ReadonlySet<string> = new Set(['four-eyes', 'originator-consent']);
