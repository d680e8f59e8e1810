/** What a policy may know. Every fact is an argument: this module looks nothing up. */
import type { Category } from '../types.ts';

export type AgencyFacts = Readonly<{
  /** `gr.customs` */
  id: string;
  /** `gr` */
  jurisdiction: string;
  /** As on the trust list: police, customs, heritage, liaison, prosecutor, oversight. */
  roles: readonly string[];
}>;

export type OfficerFacts = Readonly<{ pseudonym: string; role: string; desk: string; agency: AgencyFacts }>;

export type HandlingFacts = Readonly<{
  /** CLEAR, GREEN, AMBER, AMBER_STRICT, RED or UNSPECIFIED. */
  tlp: string;
  /** CLEAR, GREEN, AMBER, RED or UNSPECIFIED. */
  pap: string;
  /** `scheme:code`; a policy finds each with its scheme and bare: `europol:H2` and `H2`. */
  codes: readonly string[];
  /** NONE, SAME_AGENCY, SAME_JURISDICTION, LISTED, WITH_CONSENT or UNSPECIFIED. */
  onward: string;
  /** Agencies of an explicit release list; empty where there is none. */
  releaseTo: readonly string[];
  /** `scheme:code` or the bare code; a policy finds the bare code in upper case. */
  classification?: string;
}>;

export type MessageFacts = Readonly<{
  kind: string;
  lane: string;
  environment: string;
  /** Addressed to named agencies, not to all. */
  directed: boolean;
  /** Without prefix: INVESTIGATION. */
  purposes: readonly string[];
  /** `scheme:code` */
  legalBasis: readonly string[];
  /** `scheme:code` */
  offences: readonly string[];
  handling: HandlingFacts;
  /** The categories of the sections present. */
  categories: readonly string[];
  /** The roles of the named addressees, together; empty where the message goes to all. */
  recipientRoles: readonly string[];
  /** The message carries fields that this release does not know. */
  unknownFields: boolean;
}>;

export type SectionFacts = MessageFacts & Readonly<{ category: Category; section: string }>;

type Asked = Readonly<{
  /** Milliseconds since 1970-01-01T00:00:00Z; cut to the minute before a policy sees it. */
  nowMs: number;
  /** Officers other than the author who approved; only `publish` sees it. */
  approvals?: number;
}>;

export type PublishRequest = Asked &
  Readonly<{ action: 'publish'; principal: OfficerFacts; resource: MessageFacts }>;

export type DiscloseRequest = Asked &
  Readonly<{ action: 'disclose'; principal: AgencyFacts; sender: AgencyFacts; resource: SectionFacts }>;

/** Of a gateway's own message a policy sees the sender and the kind, nothing else. */
export type AcceptRequest = Asked &
  Readonly<{
    action: 'accept';
    principal: AgencyFacts;
    receiver: AgencyFacts;
    resource: MessageFacts;
    gatewayOwn: boolean;
  }>;

export type ReadRequest = Asked &
  Readonly<{ action: 'read'; principal: OfficerFacts; sender: AgencyFacts; resource: SectionFacts }>;

export type OnwardRequest = Asked &
  Readonly<{
    action: 'onward';
    principal: AgencyFacts;
    originator: AgencyFacts;
    resource: SectionFacts;
    /** The agency that holds the section now; a rule about its jurisdiction denies without it. */
    holder?: AgencyFacts;
    /** The originator has consented. */
    consent?: boolean;
  }>;

export type PolicyRequest = PublishRequest | DiscloseRequest | AcceptRequest | ReadRequest | OnwardRequest;

/** The sentence of a policy: its id is stable and may be shown in another language. */
export type PolicyReason = Readonly<{ policy: string; id: string; text: string }>;

export type Decision = Readonly<{
  /** owed: every forbid that decided is lifted by an obligation that this gateway can fulfil. */
  effect: 'allow' | 'deny' | 'owed';
  /** The policies that decided, sorted; empty where nothing permitted it. */
  policies: readonly string[];
  reasons: readonly PolicyReason[];
  obligations: readonly string[];
  /** ISO 8601 duration, the shortest of the permits that decided. */
  retention?: string;
}>;

/** The id of the reason where the policies could not be evaluated, so that it is denied. */
export const evaluationError = 'evaluation-error';

/** A denial that says nothing about the facts; it is neither remembered nor expected. */
export function isFailure(decision: Pick<Decision, 'reasons'>): boolean {
  return decision.reasons.some(({ id }) => id === evaluationError);
}
