/** The content part of judging an officer's message: open what is sealed to us, decode, ask `accept`. */
import { isMessage } from '@bufbuild/protobuf';
import { hex } from '../bytes.ts';
import { type KeyFor, openParts } from '../envelope/index.ts';
import { type Cover, CoverSchema } from '../gen/comity/cover/v1/cover_pb.js';
import { Tlp } from '../gen/comity/cover/v1/handling_pb.js';
import { limits } from '../limits.ts';
import type { MessageFacts } from '../policy/index.ts';
import { type DecodedSection, decodeSection, type Schema, schemaDigest } from '../schema/index.ts';
import type { NewMessage } from '../store/port.ts';
import type { AgencyId } from '../types.ts';
import type { GatewayContext } from './context.ts';
import { coverStoredFacts } from './cover-facts.ts';
import { messageFacts } from './facts.ts';
import { idOf, Judged, type Judgement, type Placed } from './judgement.ts';
import { notAccepted, refuseOn, requireAccepted, type Verifying } from './judging.ts';
import { coverField, profileHas } from './release.ts';
import { type SectionContent, type SectionRows, sectionRows } from './sections.ts';

export type Content = Verifying & Readonly<{ sender: AgencyId; schema: Schema }>;

export function judgeContent(context: GatewayContext, content: Content): Judgement {
  const { placed, sender } = content;
  const contents = open(context, content);
  context.reached('inbound.opened');
  const decodedCover = refuseOn(sender, placed, () => decodeCoverOf(content, contents));
  const cover = coverIn(decodedCover);
  checkOpenSections(content, contents, cover);
  const facts = factsOf(content, { contents, cover });
  const decoded = refuseOn(sender, placed, () =>
    sectionRows(context, content.schema, { sender, facts, contents, decoded: decodedCover }),
  );
  accept(context, content, { ...facts, unknownFields: decoded.unknownFields });
  return { verdict: 'accepted', placed, sender, message: stored(context, content, { decoded, cover }) };
}

/** Our view of every section; throws `parked` where a key may be on its way. */
function open(context: GatewayContext, { placed, sender, schema }: Content): readonly SectionContent[] {
  const opened = refuseOn(sender, placed, () => openParts(placed, keyFor(context, sender)));
  const [missing] = opened.awaiting;
  if (missing !== undefined) {
    throw new Judged({
      verdict: 'parked',
      code: 'AWAITING_KEY',
      awaits: hex(missing),
      sender,
      opened: placed,
      placed,
    });
  }
  const inClear = new Set(
    placed.openSections.length === 0 ? [] : openParts(placed, () => 'withheld').sections.keys(),
  );
  return schema.sections.map((descriptor): SectionContent => {
    const plain = opened.sections.get(descriptor.field);
    if (plain === undefined) return { descriptor, state: 'withheld' };
    if (plain.bytes.length === 0) return { descriptor, state: 'absent' };
    return { descriptor, state: inClear.has(descriptor.field) ? 'open' : 'read', bytes: plain.bytes };
  });
}

/** A pairwise part names both keys; any other is under an announced audience key, or one that may yet be announced. */
function keyFor(context: GatewayContext, sender: AgencyId): KeyFor {
  return ({ kid, header }) => {
    if (header.skid !== undefined) {
      if (!context.pairs.isOurs(header.kid)) return 'withheld';
      return (
        context.pairs.fromNamed(sender, { senderKid: header.skid, recipientKid: header.kid }) ?? 'unknown'
      );
    }
    const announced = context.store.audienceKeys.byId(sender, kid);
    if (announced === undefined) return 'unknown';
    return announced.key ?? 'withheld';
  };
}

function decodeCoverOf({ schema }: Content, contents: readonly SectionContent[]): DecodedSection | undefined {
  const bytes = contents.find(({ descriptor }) => descriptor.field === coverField)?.bytes;
  return bytes === undefined ? undefined : decodeSection(schema, bytes);
}

function coverIn(decoded: DecodedSection | undefined): Cover | undefined {
  return isMessage(decoded?.message, CoverSchema) ? decoded.message : undefined;
}

/** A section may be open only under TLP:CLEAR (docs/wire.md, Sections). */
function checkOpenSections(
  { placed, sender }: Content,
  contents: readonly SectionContent[],
  cover: Cover | undefined,
): void {
  const anyOpen = contents.some(({ state }) => state === 'open');
  if (!anyOpen || cover?.handling?.tlp === Tlp.CLEAR) return;
  throw new Judged({ verdict: 'refused', code: 'SECTION_OPEN_FORBIDDEN', sender, placed, reasons: [] });
}

type Read = Readonly<{ contents: readonly SectionContent[]; cover: Cover | undefined }>;

function factsOf({ placed, schema }: Content, { contents, cover }: Read): MessageFacts {
  const { subject } = placed;
  if (subject.form !== 'message' || schema.kind === 'beat')
    throw new TypeError('content has a message subject');
  const present = contents.filter(({ state }) => state === 'read' || state === 'open');
  return messageFacts({
    kind: schema.kind,
    lane: subject.lane,
    environment: placed.header.environment,
    directed: subject.to !== undefined,
    ...(cover === undefined ? {} : { cover }),
    categories: present.map(({ descriptor }) => descriptor.category),
    recipientRoles: [],
    unknownFields: false,
  });
}

function accept(context: GatewayContext, { placed, sender, schema }: Content, resource: MessageFacts): void {
  if (schema.kind === 'beat' || !profileHas(context.profile.takes, schema.kind)) {
    const text = `this agency does not take \`${schema.kind}\``;
    throw notAccepted(sender, placed, [{ policy: 'profile', text }]);
  }
  requireAccepted(context, { placed, sender, resource, gatewayOwn: false });
}

function stored(
  context: GatewayContext,
  content: Content,
  { decoded, cover }: { decoded: SectionRows; cover: Cover | undefined },
): NewMessage {
  const { placed, sender, schema } = content;
  const { header, subject } = placed;
  if (subject.form !== 'message') throw new TypeError('content has a message subject');
  return {
    facts: {
      id: idOf(placed),
      direction: 'in',
      digest: placed.digest,
      sender,
      ...(subject.to === undefined ? {} : { to: subject.to }),
      subject: header.subject,
      epoch: header.epoch,
      sequence: header.sequence,
      kind: subject.kind,
      lane: subject.lane,
      schema: schema.name,
      createdMs: header.createdMs,
      deliverByMs: header.deliverByMs,
      storedMs: context.clock.nowMs(),
      ...(cover === undefined ? {} : coverStoredFacts(cover)),
      flags: flagsOf(context, placed, decoded),
    },
    header: placed.headerBytes,
    envelope: placed.bytes,
    sections: decoded.rows,
  };
}

/** Remarks that never refuse by themselves. */
function flagsOf(context: GatewayContext, { header }: Placed, decoded: SectionRows): readonly string[] {
  const flags = [...decoded.remarks];
  if (decoded.unknownFields) flags.push('UNKNOWN_FIELDS');
  if (Buffer.compare(header.schemaDigest, schemaDigest) !== 0) flags.push('SCHEMA_DIGEST_UNKNOWN');
  const list = context.trust.list();
  if (header.trustVersion < list.version && header.createdMs > list.issuedMs + limits.trustListStaleMs)
    flags.push('TRUST_LIST_OLD');
  return flags;
}
