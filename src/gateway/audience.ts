/** The key under which a part is sealed: the pairwise key for one agency, an audience key for more. */
import { create, toBinary } from '@bufbuild/protobuf';
import { ComityError } from '../errors.ts';
import { AudienceKeyBodySchema, AudienceMembersSchema } from '../gen/comity/control/v1/control_pb.js';
import { keyId, type SealKey, wrapKey, wrapTag } from '../keys/index.ts';
import { limits } from '../limits.ts';
import type { AudienceKeyRow } from '../store/port.ts';
import { broadcastSubject } from '../subjects.ts';
import type { AgencyId } from '../types.ts';
import type { GatewayContext } from './context.ts';
import type { Sealed } from './emit.ts';
import { ownMessage, ownSchemas, type SealInside } from './own-message.ts';

/** Whether we can seal to an agency, and with a key past its window (the 30 days of grace). */
export function keysOf(context: GatewayContext, agency: AgencyId): 'ready' | 'grace' | 'none' {
  const found = context.trust.sealingKeyAt(agency, context.clock.nowMs());
  if (found === undefined) return 'none';
  return found.grace ? 'grace' : 'ready';
}

/**
 * Finds or draws the keys that a batch of messages needs. What is drawn exists only when `drawn` is
 * written, in the transaction that also holds the first message to use it.
 */
export interface AudienceKeyring {
  /** `members` is sorted and not empty. */
  keyFor(members: readonly AgencyId[]): SealKey;
  drawn(): Readonly<{ rows: readonly AudienceKeyRow[]; announcements: readonly Sealed[] }>;
}

export function createAudienceKeyring(context: GatewayContext): AudienceKeyring {
  const nowMs = context.clock.nowMs();
  const found = new Map<string, SealKey>();
  const rows: AudienceKeyRow[] = [];
  const announcements: Sealed[] = [];
  const draw = (members: readonly AgencyId[]): SealKey => {
    const row = drawKey(context, members, nowMs);
    rows.push(row);
    announcements.push(announce(context, row));
    return { id: row.keyId, key: row.key };
  };
  const find = (members: readonly AgencyId[]): SealKey => {
    const [only] = members;
    if (members.length === 1 && only !== undefined) return context.pairs.to(only, nowMs);
    const kept = context.store.audienceKeys.own(context.agency, members, nowMs);
    return kept?.key === undefined ? draw(members) : { id: kept.keyId, key: kept.key };
  };
  return {
    keyFor(members) {
      if (members.length > limits.audienceMembersMax)
        throw new ComityError('DRAFT_TOO_LARGE', 'an audience has too many members');
      const name = members.join(' ');
      const key = found.get(name) ?? find(members);
      found.set(name, key);
      return key;
    },
    drawn: () => ({ rows, announcements }),
  };
}

function drawKey(
  context: GatewayContext,
  members: readonly AgencyId[],
  nowMs: number,
): AudienceKeyRow & { key: Uint8Array } {
  const key = context.random.bytes(32);
  return {
    sender: context.agency,
    keyId: keyId(key),
    key,
    members,
    notBeforeMs: nowMs,
    notAfterMs: nowMs + limits.audienceKeyLifeMsMax,
  };
}

/** The AudienceKey message: each member's wrap is tagged and not named; the list of members is for members. */
function announce(context: GatewayContext, row: AudienceKeyRow & { key: Uint8Array }): Sealed {
  return ownMessage(context, {
    subject: broadcastSubject(context.agency, 'now', 'control'),
    lane: 'now',
    schema: ownSchemas.audienceKey,
    body: AudienceKeyBodySchema,
    chained: true,
    content: (sealInside: SealInside) => ({
      keyId: row.keyId,
      notBeforeMs: BigInt(row.notBeforeMs),
      notAfterMs: BigInt(row.notAfterMs),
      wraps: row.members.map((member) => {
        const pair = context.pairs.to(member, row.notBeforeMs);
        return { tag: wrapTag(pair.key, row.keyId), wrapped: wrapKey(pair.key, row.key) };
      }),
      members: sealInside({ id: row.keyId, key: row.key }, membersBytes(row.members)),
    }),
  });
}

function membersBytes(members: readonly AgencyId[]): Uint8Array {
  return toBinary(AudienceMembersSchema, create(AudienceMembersSchema, { agencies: [...members] }));
}
