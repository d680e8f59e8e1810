/** A released draft, sealed: one broadcast with a view for each recipient, or up to eight directed copies. */
import { create } from '@bufbuild/protobuf';
import { hex } from '../bytes.ts';
import { type SectionPlain, sealSections } from '../envelope/index.ts';
import { ComityError } from '../errors.ts';
import { type Cover, CoverSchema } from '../gen/comity/cover/v1/cover_pb.js';
import { uuidV7 } from '../ids.ts';
import { limits } from '../limits.ts';
import { type Draft, encodeCover } from '../schema/index.ts';
import { broadcastSubject, directedSubject } from '../subjects.ts';
import type { AgencyId } from '../types.ts';
import { type AudienceKeyring, keysOf } from './audience.ts';
import type { GatewayContext } from './context.ts';
import type { Sealed } from './emit.ts';
import { coverField, deliverByMsMax, type Release, type SectionRelease } from './release.ts';
import type { Officer } from './views.ts';

/** One copy: its addressee, or none on a broadcast; and who reads which fields of it. */
export type SealedCopy = Readonly<{
  to?: AgencyId;
  sealed: Sealed;
  fieldsOf: ReadonlyMap<AgencyId, readonly number[]>;
}>;

export type SealedDraft = Readonly<{
  released: Release;
  officer: Officer;
  cover: Cover;
  reference: string;
  distribution: Uint8Array;
  sections: readonly SectionPlain[];
  copies: readonly SealedCopy[];
  /** Recipients whose keys were never seen; Backfill serves them later. */
  withoutKeys: readonly AgencyId[];
}>;

export type Sealing = Readonly<{
  released: Release;
  officer: Officer;
  reference: string;
  keyring: AudienceKeyring;
}>;

/** Seals a draft that may leave. Errors: DRAFT_TOO_LARGE, naming the section. */
export function sealDraft(context: GatewayContext, sealing: Sealing): SealedDraft {
  const { released, officer, reference } = sealing;
  const distribution = context.random.bytes(16);
  const cover = fillCover(released.draft, officer, { reference, distribution });
  const sections = released.sections.map(
    ({ section }): SectionPlain => ({
      field: section.field,
      salt: context.random.bytes(limits.saltBytes),
      bytes:
        section.field === coverField
          ? encodeCover(cover)
          : (released.draft.sections.get(section.field) ?? new Uint8Array()),
    }),
  );
  const withKeys = released.recipients.filter((agency) => keysOf(context, agency) !== 'none');
  const withoutKeys = released.recipients.filter((agency) => !withKeys.includes(agency));
  const copies = destinationsOf(released.draft, withKeys).map((to) =>
    sealCopy(context, sealing, { to, sections, members: to === undefined ? withKeys : [to] }),
  );
  return { released, officer, cover, reference, distribution, sections, copies, withoutKeys };
}

/** Named addressees get a copy each up to the bound; more, and `all`, get one broadcast. */
function destinationsOf(draft: Draft, members: readonly AgencyId[]): readonly (AgencyId | undefined)[] {
  if (draft.to === 'all' || draft.to.agencies.length > limits.directedCopiesMax) return [undefined];
  if (members.length === 0) throw new ComityError('RECIPIENT_UNKNOWN', 'no addressee has published keys yet');
  return members;
}

type Copying = Readonly<{
  to: AgencyId | undefined;
  sections: readonly SectionPlain[];
  members: readonly AgencyId[];
}>;

function sealCopy(context: GatewayContext, sealing: Sealing, { to, sections, members }: Copying): SealedCopy {
  const { released, keyring } = sealing;
  const { draft } = released;
  const nowMs = context.clock.nowMs();
  const subject =
    to === undefined
      ? broadcastSubject(context.agency, draft.lane, draft.kind)
      : directedSubject(context.agency, to, draft.lane, draft.kind);
  const messageId = uuidV7(nowMs, context.random);
  const audiences = groupByAudience(released.sections, members);
  if (audiences.length > limits.sealedPartsMax) {
    throw new ComityError(
      'DRAFT_TOO_LARGE',
      `the sections have ${audiences.length} different audiences; ${limits.sealedPartsMax} fit`,
    );
  }
  const groups = audiences.map(({ agencies, fields }) => ({ key: keyring.keyFor(agencies), fields }));
  const { federationId } = context.trust;
  const content = sealSections(
    { federationId, subject, messageId, sections, groups, open: [] },
    context.random,
  );
  const sealed: Sealed = {
    subject,
    lane: draft.lane,
    schema: draft.schema,
    messageId,
    deliverByMs: draft.deliverByMs ?? nowMs + deliverByMsMax(draft.lane),
    content,
    chained: true,
  };
  return { ...(to === undefined ? {} : { to }), sealed, fieldsOf: fieldsByAgency(audiences) };
}

type Audience = Readonly<{ agencies: readonly AgencyId[]; fields: readonly number[] }>;

/** Sections with one audience go together; absent ones are decided and sealed like present ones. */
function groupByAudience(
  sections: readonly SectionRelease[],
  members: readonly AgencyId[],
): readonly Audience[] {
  const groups = new Map<string, { agencies: AgencyId[]; fields: number[] }>();
  for (const { section, allowed } of sections) {
    const agencies = members.filter((agency) => allowed.has(agency)).sort();
    if (agencies.length === 0) continue;
    const group = groups.get(agencies.join(' ')) ?? { agencies, fields: [] };
    group.fields.push(section.field);
    groups.set(agencies.join(' '), group);
  }
  return [...groups.values()];
}

function fieldsByAgency(audiences: readonly Audience[]): ReadonlyMap<AgencyId, readonly number[]> {
  const fields = new Map<AgencyId, number[]>();
  for (const audience of audiences) {
    for (const agency of audience.agencies)
      fields.set(agency, [...(fields.get(agency) ?? []), ...audience.fields]);
  }
  return fields;
}

type Filling = Readonly<{ reference: string; distribution: Uint8Array }>;

function fillCover(draft: Draft, officer: Officer, { reference, distribution }: Filling): Cover {
  return create(CoverSchema, {
    ...draft.cover,
    officer: officer.pseudonym,
    fromDesk: officer.desk,
    reference,
    distributionId: distribution,
  });
}

/** The name under which the copies of one message belong together. */
export function distributionName(sealed: SealedDraft): string {
  return hex(sealed.distribution);
}
