/** Positions in the channels of others: what is free, what is taken, what hangs together (docs/wire.md, Chains). */
import { equalBytes } from '../bytes.ts';
import { limits } from '../limits.ts';
import type { AgencyId } from '../types.ts';
import type { GatewayContext } from './context.ts';
import { idOf, Judged, type Judgement, type Placed, signingKidOf } from './judgement.ts';
import type { Verifying } from './judging.ts';

/** A duplicate where the same message holds the position; a refusal where another does. */
export function checkFree(
  context: GatewayContext,
  { arrival, placed }: Verifying,
  sender: AgencyId,
): Judgement | undefined {
  const { header, digest } = placed;
  const { subject, epoch, sequence } = header;
  const { positions } = context.store;
  const taken = positions.at(subject, epoch, sequence);
  if (taken !== undefined && equalBytes(taken.digest, digest)) {
    // What waits for its key holds its position meanwhile, and is judged in it when the key comes.
    return arrival.retried && taken.verdict === 'AWAITING_KEY' ? undefined : { verdict: 'duplicate', sender };
  }
  if (taken !== undefined)
    throw new Judged({ verdict: 'refused', code: 'POSITION_TAKEN', sender, opened: placed, reasons: [] });
  if (sequence < 1)
    throw new Judged({ verdict: 'refused', code: 'HEADER_INVALID', sender, opened: placed, reasons: [] });
  return undefined;
}

/** Refuses what does not hang together with its neighbours; it fills its place all the same. */
export function checkChain(context: GatewayContext, { placed }: Verifying, sender: AgencyId): void {
  const { header, digest } = placed;
  const { subject, epoch, sequence } = header;
  const { positions } = context.store;
  const before = positions.before(subject, epoch, sequence);
  const after = positions.after(subject, epoch, sequence);
  const follows =
    sequence === 1
      ? isZero(header.previous)
      : before?.sequence !== sequence - 1 || equalBytes(before.digest, header.previous);
  const precedes = after?.sequence !== sequence + 1 || equalBytes(after.previous, digest);
  if (!follows || !precedes)
    throw new Judged({ verdict: 'refused', code: 'CHAIN_BROKEN', sender, placed, reasons: [] });
  const created = header.createdMs;
  if (created < (before?.createdMs ?? created) || created > (after?.createdMs ?? created)) {
    throw new Judged({ verdict: 'refused', code: 'CREATED_BACKWARDS', sender, placed, reasons: [] });
  }
  if (context.store.messages.idUsed(sender, idOf(placed))) {
    throw new Judged({ verdict: 'refused', code: 'MESSAGE_ID_REUSED', sender, placed, reasons: [] });
  }
}

/** Whether the signing key was no longer in force when the message came. */
export function isKeyEnded(
  context: GatewayContext,
  { arrival, placed }: Verifying,
  sender: AgencyId,
): boolean {
  const key = context.trust.signingKey(sender, signingKidOf(placed));
  return key !== undefined && arrival.arrivedMs >= key.notAfterMs + limits.clockSkewMsMax;
}

/**
 * Whether the message lies directly behind something that its sender signed and that counts here: the
 * next position of the channel, or an announced head. A stolen old key cannot back-date past it.
 */
export function isAnchored(context: GatewayContext, placed: Placed): boolean {
  const { subject, epoch, sequence } = placed.header;
  const { positions } = context.store;
  const next = positions.at(subject, epoch, sequence + 1);
  const counts = next !== undefined && next.verdict !== 'AGENCY_REVOKED';
  if (counts && equalBytes(next.previous, placed.digest)) return true;
  const announced = positions.channel(subject, epoch)?.announced;
  return announced?.sequence === sequence && equalBytes(announced.digest, placed.digest);
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
