/** What is kept of a message that was sent: its copies, its sections with their salts, whom it went to. */
import { uuidText } from '../ids.ts';
import type { MessageFacts as StoredFacts } from '../store/port.ts';
import type { AgencyId } from '../types.ts';
import type { GatewayContext } from './context.ts';
import { coverStoredFacts } from './cover-facts.ts';
import type { Emitted } from './emit.ts';
import { askedBy } from './facts.ts';
import { coverField } from './release.ts';
import { distributionName, type SealedDraft } from './seal-draft.ts';
import { ownSectionRows } from './sections.ts';

/** Runs inside the transaction that emitted the copies. */
export function keepSent(context: GatewayContext, sealed: SealedDraft, emitted: readonly Emitted[]): void {
  const nowMs = context.clock.nowMs();
  const [first] = emitted;
  if (first === undefined) throw new TypeError('a message has at least one copy');
  const rows = ownSectionRows(context, {
    sender: context.agency,
    facts: sealed.released.message,
    contents: sealed.released.sections.map(({ section, present }, index) => {
      const plain = sealed.sections[index];
      if (plain === undefined) throw new TypeError('every section has a plaintext');
      return {
        descriptor: section,
        state: present ? ('read' as const) : ('absent' as const),
        bytes: plain.bytes,
        salt: plain.salt,
      };
    }),
  });
  emitted.forEach((copy, index) => {
    const { envelope, header } = copy;
    const facts = storedFacts(context, { sealed, copy, to: sealed.copies[index]?.to });
    context.store.messages.insert({ facts, header, envelope, sections: rows });
  });
  const id = uuidText(first.sealed.messageId);
  context.store.receipts.expect(id, expected(sealed, emitted), nowMs);
  record(context, { sealed, emitted, id });
}

type Copy = Readonly<{ sealed: SealedDraft; copy: Emitted; to: AgencyId | undefined }>;

function storedFacts(context: GatewayContext, { sealed, copy, to }: Copy): StoredFacts {
  const { draft } = sealed.released;
  return {
    id: uuidText(copy.sealed.messageId),
    direction: 'out',
    digest: copy.digest,
    sender: context.agency,
    ...(to === undefined ? {} : { to }),
    subject: copy.sealed.subject,
    epoch: copy.epoch,
    sequence: copy.sequence,
    kind: draft.kind,
    lane: draft.lane,
    schema: draft.schema.name,
    createdMs: copy.createdMs,
    deliverByMs: copy.sealed.deliverByMs,
    storedMs: context.clock.nowMs(),
    distribution: distributionName(sealed),
    flags: [],
    ...coverStoredFacts(sealed.cover),
  };
}

type Expected = Parameters<GatewayContext['store']['receipts']['expect']>[1];

function expected(sealed: SealedDraft, emitted: readonly Emitted[]): Expected {
  const rows = sealed.copies.flatMap((copy, index) => {
    const place = emitted[index];
    return place === undefined
      ? []
      : [...copy.fieldsOf]
          .filter(([, fields]) => fields.includes(coverField))
          .map(([agency, fields]) => row(agency, fields, place));
  });
  const [first] = emitted;
  if (first === undefined) return rows;
  return [
    ...rows,
    ...sealed.withoutKeys.map((agency) => ({ ...row(agency, [], first), state: 'no-keys' as const })),
  ];
}

function row(agency: AgencyId, fields: readonly number[], place: Emitted): Expected[number] {
  return {
    agency,
    subject: place.sealed.subject,
    epoch: place.epoch,
    sequence: place.sequence,
    fields,
    state: 'sent',
  };
}

type Recording = Readonly<{ sealed: SealedDraft; emitted: readonly Emitted[]; id: string }>;

function record(context: GatewayContext, { sealed, emitted, id }: Recording): void {
  const { released, officer, reference, cover } = sealed;
  context.audit.append({
    event: 'message.submitted',
    ...askedBy(officer),
    message: id,
    digests: emitted.map(({ digest }) => Buffer.from(digest).toString('hex')),
    kind: released.draft.kind,
    lane: released.draft.lane,
    reference,
    purposes: released.message.purposes,
    legalBasis: released.message.legalBasis,
    ...(cover.ownCase === '' ? {} : { secrets: { ownCase: cover.ownCase } }),
    recipients: sealed.copies.flatMap(({ fieldsOf }) =>
      [...fieldsOf].map(([agency, fields]) => ({
        agency,
        sections: released.sections
          .filter(({ section }) => fields.includes(section.field))
          .map(({ section }) => section.name),
      })),
    ),
    policies: released.publish.policies,
    policyVersion: context.policy.version,
    trustVersion: context.trust.list().version,
  });
  context.store.events.append({
    type: 'message.submitted',
    message: id,
    kind: released.draft.kind,
    lane: released.draft.lane,
    facts: { reference },
    atMs: context.clock.nowMs(),
  });
}
