/**
 * Every audit event, with its fields. `docs/audit-events.md` shows this table; a test compares them.
 * The fields follow Directive (EU) 2016/680, Article 25: who, what, when, why, on which legal basis, to
 * whom. Content never stands in a record; personal data only as a salted commitment (`secrets`).
 */
import type { AgencyId, Kind, Lane } from '../types.ts';

/** What a record may say, each field with the question that it answers. */
export type AuditFields = Readonly<{
  /** who: the own agency, which every record names. */
  agency: AgencyId;
  /** who: the officer's pseudonym. */
  officer: string;
  /** who: the service that asked on behalf of the officer. */
  service: string;
  /** who: the agency that a message or statement comes from. */
  sender: AgencyId;
  /** what: the message's id. */
  message: string;
  /** what: digest in hex. */
  digest: string;
  digests: readonly string[];
  kind: Kind;
  lane: Lane;
  /** what: the short reference. */
  reference: string;
  subject: string;
  sequence: number;
  count: number;
  /** what: names or numbers of sections. */
  sections: readonly (string | number)[];
  /** what: name of a key, token, policy file or document. */
  name: string;
  version: number;
  /** why */
  purposes: readonly string[];
  legalBasis: readonly string[];
  /** to whom */
  recipient: AgencyId;
  recipients: readonly Readonly<{ agency: AgencyId; sections: readonly (string | number)[] }>[];
  /** how it ended: a code of `errors.ts`; absent where it was done. */
  code: string;
  policies: readonly string[];
  policyVersion: string;
  trustVersion: number;
}>;

/** Personal data and free text: kept apart, erasable; the record holds SHA-256(salt ‖ value). */
export const auditSecrets = ['identity', 'ownCase', 'words', 'reason'] as const;
export type AuditSecret = (typeof auditSecrets)[number];

type Field = keyof AuditFields;
type Row = Readonly<{
  meaning: string;
  required: readonly Field[];
  optional: readonly Field[];
  secrets: readonly AuditSecret[];
}>;

const who = ['officer', 'service'] as const;
const judged = ['policies', 'policyVersion', 'trustVersion'] as const;
const asked = ['ownCase', 'reason', 'identity'] as const;

export const auditEvents = {
  'gateway.started': {
    meaning: 'the gateway took up its work',
    required: ['policyVersion', 'trustVersion'],
    optional: ['agency', 'version'],
    secrets: [],
  },
  'gateway.stopped': {
    meaning: 'the gateway stopped in order; a start without it before means a crash',
    required: [],
    optional: ['agency', 'code'],
    secrets: [],
  },
  'message.submitted': {
    meaning: 'a message was accepted for sending; says who may read which sections',
    required: [
      'officer',
      'message',
      'digests',
      'kind',
      'lane',
      'recipients',
      'policyVersion',
      'trustVersion',
    ],
    optional: ['service', 'reference', 'purposes', 'legalBasis', 'policies'],
    secrets: asked,
  },
  'message.refused-by-policy': {
    meaning: 'a draft was refused by policy; nothing left',
    required: ['officer', 'code', 'policies', 'policyVersion'],
    optional: ['service', 'kind', 'lane', 'recipients', 'purposes', 'legalBasis', 'trustVersion'],
    secrets: asked,
  },
  'message.received': {
    meaning: 'a message of another agency was verified and accepted; says which sections are readable here',
    required: ['sender', 'message', 'digest', 'kind', 'lane', 'sections', 'policyVersion', 'trustVersion'],
    optional: ['reference', 'subject', 'sequence', 'purposes', 'legalBasis', 'policies'],
    secrets: [],
  },
  'message.quarantined': {
    meaning: 'something that arrived was refused; its exact bytes are kept',
    required: ['code', 'subject'],
    optional: ['sender', 'message', 'digest', 'kind', 'lane', 'sequence', ...judged],
    secrets: [],
  },
  'message.parked': {
    meaning: 'a message waits for something that is on its way',
    required: ['code', 'sender', 'subject', 'digest'],
    optional: ['message', 'kind', 'lane', 'sequence'],
    secrets: [],
  },
  'message.released': {
    meaning: 'a message that waited or was quarantined was judged again',
    required: ['sender', 'digest'],
    optional: ['message', 'subject', 'code', 'kind', 'lane', ...who, ...judged],
    secrets: ['reason'],
  },
  'message.expired': {
    meaning: 'the hub did not take a message of ours before its delivery time; it left the outbox unsent',
    required: ['subject', 'sequence', 'digest'],
    optional: ['message', 'kind', 'lane'],
    secrets: [],
  },
  'message.erased': {
    meaning: 'the keys of a message were destroyed; that it existed stays on record',
    required: ['message', 'digest'],
    optional: [...who, 'kind', 'legalBasis', 'code'],
    secrets: ['reason', 'identity'],
  },
  'section.read': {
    meaning: 'an officer consulted sections of a message',
    required: ['officer', 'message', 'sections', 'policyVersion'],
    optional: [
      'service',
      'sender',
      'digest',
      'kind',
      'purposes',
      'legalBasis',
      'policies',
      'code',
      'trustVersion',
    ],
    secrets: asked,
  },
  'envelope.exported': {
    meaning: 'the exact bytes of a message were handed out',
    required: ['officer', 'message', 'digest'],
    optional: ['service', 'purposes', 'legalBasis', 'policies', 'policyVersion'],
    secrets: asked,
  },
  'search.performed': {
    meaning: 'an officer searched; the words are kept apart',
    required: ['officer'],
    optional: ['service', 'count', 'purposes', 'legalBasis', 'policyVersion'],
    secrets: [...asked, 'words'],
  },
  'preview.made': {
    meaning: 'an officer asked who would read a draft',
    required: ['officer'],
    optional: ['service', 'kind', 'lane', 'code', ...judged],
    secrets: asked,
  },
  'trust.applied': {
    meaning: 'a newer root or trust list was applied',
    required: ['trustVersion'],
    optional: ['name', 'version', 'digest'],
    secrets: [],
  },
  'statement.applied': {
    meaning: 'a newer statement of an agency was applied',
    required: ['trustVersion'],
    optional: ['sender', 'version', 'digest'],
    secrets: [],
  },
  'key.changed': {
    meaning: 'a signing, sealing or audience key was drawn, announced or ended',
    required: ['name'],
    optional: ['sender', 'digest', 'recipients', 'count', 'version'],
    secrets: [],
  },
  'policy.loaded': {
    meaning: 'policies were loaded, or refused and the last good ones kept',
    required: ['policyVersion'],
    optional: ['name', 'code'],
    secrets: [],
  },
  'gap.noticed': {
    meaning: 'positions of a channel are missing; `sequence` is the first of them, `count` their number',
    required: ['sender', 'subject', 'sequence', 'count'],
    optional: ['digest'],
    secrets: [],
  },
  'fork.recorded': {
    meaning: 'two signed headers hold one position: proof that their sender or its store forked',
    required: ['sender', 'subject', 'sequence', 'digests'],
    optional: ['recipient'],
    secrets: [],
  },
  'silence.noticed': {
    meaning: 'a recipient has not receipted published messages in time',
    required: ['recipient', 'count'],
    optional: ['subject'],
    secrets: [],
  },
  'store.behind': {
    meaning: 'the hub or a peer has messages of ours that this store does not know; publishing stopped',
    required: ['subject'],
    optional: ['recipient', 'sequence'],
    secrets: [],
  },
  'token.created': {
    meaning: 'a bearer token was issued to an officer or service',
    required: ['officer', 'name'],
    optional: ['service'],
    secrets: ['identity', 'reason'],
  },
  'token.revoked': {
    meaning: 'a bearer token was withdrawn',
    required: ['officer', 'name'],
    optional: ['service'],
    secrets: ['identity', 'reason'],
  },
} as const satisfies Record<string, Row>;

export type AuditEvent = keyof typeof auditEvents;

type EntryOf<E extends AuditEvent> = Readonly<
  { event: E } & Pick<AuditFields, (typeof auditEvents)[E]['required'][number]> &
    Partial<Pick<AuditFields, (typeof auditEvents)[E]['optional'][number]>> & {
      secrets?: Partial<Record<(typeof auditEvents)[E]['secrets'][number], string>>;
    }
>;

/** What is handed to the log: an event with its fields. */
export type AuditEntry = { [E in AuditEvent]: EntryOf<E> }[AuditEvent];
