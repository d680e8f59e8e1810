/** Judging the gateways' own messages: audience keys, heads, receipts, heartbeats. Each has one open section. */
import { equalBytes, hex } from '../bytes.ts';
import { openParts } from '../envelope/index.ts';
import type { HeartbeatBody } from '../gen/comity/beat/v1/beat_pb.js';
import {
  type AudienceKeyBody,
  AudienceMembersSchema,
  ChannelHeadsSchema,
  type HeadsBody,
  type KeyWrap,
} from '../gen/comity/control/v1/control_pb.js';
import { type ReceiptBody, ReceiptExceptionsSchema } from '../gen/comity/receipt/v1/receipt_pb.js';
import { keyId, readJweHeader, unwrapKey, wrapTag } from '../keys/index.ts';
import { limits } from '../limits.ts';
import { decodeGatewayBody, schemaNamed } from '../schema/index.ts';
import type { AudienceKeyRow } from '../store/port.ts';
import { type AgencyId, isAgencyId } from '../types.ts';
import { applyHeads } from './anchors.ts';
import { applyReceipt } from './apply-receipt.ts';
import { messageFacts } from './facts.ts';
import { Judged, type Judgement, type Placed, type Wake } from './judgement.ts';
import { type Judging, refusal, refuseOn, requireAccepted, type Verifying } from './judging.ts';
import { exceptionsOf, headsOf, readInner, receiptedHeads, requireDigest, timeMsOf } from './own-bodies.ts';
import { openInside, ownSchemas } from './own-message.ts';
import { isKeyEnded } from './position.ts';

const bodyField = 2;

export function judgeOwn(judging: Judging, { placed, arrival }: Verifying, sender: AgencyId): Judgement {
  const { context } = judging;
  const { header, subject } = placed;
  if (subject.form === 'beat') checkBeat(judging, placed, sender);
  accept(judging, placed, sender);
  const body = refuseOn(sender, placed, () => bodyOf(placed));
  const absorbed = (apply: () => readonly Wake[]): Judgement => ({
    verdict: 'absorbed',
    placed,
    sender,
    apply,
  });
  switch (header.schema) {
    case ownSchemas.audienceKey:
      return absorbed(takeAudienceKey(judging, { placed, sender, body: body as AudienceKeyBody }));
    case ownSchemas.heads:
      return absorbed(takeHeads(judging, { placed, sender, body: body as HeadsBody }));
    case ownSchemas.receipt:
      return absorbed(takeReceipt(judging, { placed, sender, body: body as ReceiptBody }));
    case ownSchemas.beat: {
      const heads = refuseOn(sender, placed, () => headsOf((body as HeartbeatBody).heads));
      if (!stillCounts(context, { arrival, placed }, sender)) return absorbed(() => []);
      return absorbed(() => applyHeads(context, { sender, heads, nowMs: arrival.arrivedMs }));
    }
    default:
      throw refusal('SCHEMA_UNKNOWN', sender, placed);
  }
}

/** A beat is outside every chain: sequence 0, no previous. An old one has no effect: announced heads only move on. */
function checkBeat({ context }: Judging, placed: Placed, sender: AgencyId): void {
  const { header } = placed;
  const unchained = header.sequence === 0 && header.previous.every((byte) => byte === 0);
  const schema = schemaNamed(header.schema, header.schemaVersion);
  if (!unchained || schema?.name !== ownSchemas.beat) {
    throw new Judged({ verdict: 'refused', code: 'HEADER_INVALID', sender, opened: placed, reasons: [] });
  }
  if (context.trust.statusAt(sender, header.createdMs) !== 'active') {
    throw new Judged({ verdict: 'refused', code: 'AGENCY_REVOKED', sender, opened: placed, reasons: [] });
  }
}

/** What a former key or a former member says of its channels may be back-dated, and vouches for nothing. */
function stillCounts(context: Judging['context'], { arrival, placed }: Verifying, sender: AgencyId): boolean {
  const active = context.trust.statusAt(sender, arrival.arrivedMs) === 'active';
  return active && !isKeyEnded(context, { arrival, placed }, sender);
}

/** Of a gateway's own message policy sees the sender and the kind; a heartbeat is a kind of control. */
function accept({ context }: Judging, placed: Placed, sender: AgencyId): void {
  const { subject } = placed;
  const resource = messageFacts({
    kind: subject.form === 'message' ? subject.kind : 'control',
    lane: subject.form === 'message' ? subject.lane : 'day',
    environment: placed.header.environment,
    directed: subject.form === 'message' && subject.to !== undefined,
    categories: [],
    recipientRoles: [],
    unknownFields: false,
  });
  requireAccepted(context, { placed, sender, resource, gatewayOwn: true });
}

function bodyOf(placed: Placed): unknown {
  const { header } = placed;
  const schema = schemaNamed(header.schema, header.schemaVersion);
  const section = openParts(placed, () => 'withheld').sections.get(bodyField);
  if (schema === undefined || section === undefined)
    throw new TypeError('a gateway message has one open section');
  return decodeGatewayBody(schema, section.bytes);
}

type Taking<Body> = Readonly<{ placed: Placed; sender: AgencyId; body: Body }>;

/** Ours if one of the wraps is tagged with the key that we share with the sender. */
function takeAudienceKey(
  judging: Judging,
  { placed, sender, body }: Taking<AudienceKeyBody>,
): () => readonly Wake[] {
  const { context } = judging;
  const row = refuseOn(sender, placed, () => announcedRow(placed, sender, body));
  const { pair, wrap } = findWrap(judging, { placed, sender, body });
  const keep = (known: Pick<AudienceKeyRow, 'key' | 'members'>) => (): readonly Wake[] => {
    context.store.audienceKeys.put({ ...row, ...known });
    return [{ code: 'AWAITING_KEY', awaits: hex(body.keyId) }];
  };
  if (pair === undefined || wrap === undefined) return keep({ members: [] });
  const key = unwrapKey(pair, wrap.wrapped);
  if (key === undefined || !equalBytes(keyId(key), body.keyId))
    throw refusal('PART_UNREADABLE', sender, placed);
  const members = refuseOn(sender, placed, () => membersOf(judgingBinding(context, placed), body, key));
  if (!members.includes(context.agency)) throw refusal('PART_UNREADABLE', sender, placed);
  return keep({ key, members });
}

function announcedRow(
  { header }: Placed,
  sender: AgencyId,
  body: AudienceKeyBody,
): Omit<AudienceKeyRow, 'key' | 'members'> {
  requireDigest(body.keyId);
  const latestMs = header.createdMs + limits.audienceKeyLifeMsMax;
  const notAfterMs = Math.min(timeMsOf(body.notAfterMs), latestMs);
  return { sender, keyId: body.keyId, notBeforeMs: timeMsOf(body.notBeforeMs), notAfterMs };
}

/** The pairwise key by the windows that hold the creation or, at a window's edge, the time the key was drawn. */
function findWrap(
  { context }: Judging,
  { placed, sender, body }: Taking<AudienceKeyBody>,
): {
  pair?: Uint8Array;
  wrap?: KeyWrap;
} {
  for (const atMs of [placed.header.createdMs, Number(body.notBeforeMs)]) {
    const pair = context.pairs.fromAt(sender, atMs);
    if (pair === undefined) continue;
    const tag = wrapTag(pair, body.keyId);
    const wrap = body.wraps.find((candidate) => equalBytes(candidate.tag, tag));
    if (wrap !== undefined) return { pair, wrap };
  }
  return {};
}

function membersOf(
  binding: Parameters<typeof openInside>[2],
  body: AudienceKeyBody,
  key: Uint8Array,
): readonly AgencyId[] {
  if (body.members === undefined) return [];
  const { agencies } = readInner(AudienceMembersSchema, openInside(body.members, key, binding));
  return agencies.filter(isAgencyId);
}

function takeHeads(judging: Judging, { placed, sender, body }: Taking<HeadsBody>): () => readonly Wake[] {
  const { context } = judging;
  const plain = refuseOn(sender, placed, () => openNamed(judging, { placed, sender, body: body.channels }));
  const heads = refuseOn(sender, placed, () => headsOf(readInner(ChannelHeadsSchema, plain).heads));
  return () => applyHeads(context, { sender, heads, nowMs: context.clock.nowMs() });
}

function takeReceipt(judging: Judging, { placed, sender, body }: Taking<ReceiptBody>): () => readonly Wake[] {
  const { context, onSuspect } = judging;
  const plain = refuseOn(sender, placed, () =>
    body.exceptions === undefined
      ? new Uint8Array()
      : openNamed(judging, { placed, sender, body: body.exceptions }),
  );
  const exceptions = refuseOn(sender, placed, () =>
    exceptionsOf(readInner(ReceiptExceptionsSchema, plain).exceptions),
  );
  const heads = refuseOn(sender, placed, () => receiptedHeads(body.channels));
  return () => applyReceipt(context, { peer: sender, heads, exceptions, onSuspect });
}

/** Opens a part that is sealed to us pairwise, by the keys that it names. */
function openNamed(
  { context }: Judging,
  { placed, sender, body }: Taking<HeadsBody['channels']>,
): Uint8Array {
  if (body === undefined) return new Uint8Array();
  const { kid, skid } = readJweHeader(body.protected);
  const key =
    skid === undefined ? undefined : context.pairs.fromNamed(sender, { senderKid: skid, recipientKid: kid });
  if (key === undefined) throw refusal('PART_UNREADABLE', sender, placed);
  return openInside(body, key, judgingBinding(context, placed));
}

function judgingBinding(context: Judging['context'], { header }: Placed): Parameters<typeof openInside>[2] {
  return { federationId: context.trust.federationId, subject: header.subject, messageId: header.messageId };
}
