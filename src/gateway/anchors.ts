/**
 * Signed heads, and the chains of parked messages that hang on them: what an old key signed counts only
 * behind something newer (docs/wire.md, Chains).
 */
import { equalBytes, hex } from '../bytes.ts';
import { parseEnvelope } from '../envelope/index.ts';
import type { ParkedMessage } from '../store/port.ts';
import { parseSubject } from '../subjects.ts';
import type { AgencyId } from '../types.ts';
import type { GatewayContext } from './context.ts';
import type { ChannelPlace, Wake } from './judgement.ts';

export type AnnouncedHeads = Readonly<{ sender: AgencyId; heads: readonly ChannelPlace[]; nowMs: number }>;

/** Notes how far the sender's channels to us reach; a gap shows from then on. Runs in a transaction. */
export function applyHeads(
  context: GatewayContext,
  { sender, heads, nowMs }: AnnouncedHeads,
): readonly Wake[] {
  return heads.flatMap((head): readonly Wake[] => {
    if (!isChannelToUs(context, sender, head.subject)) return [];
    const { subject, epoch, sequence, digest } = head;
    const taken = context.store.positions.at(subject, epoch, sequence);
    if (taken !== undefined && !equalBytes(taken.digest, digest)) {
      context.audit.append({
        event: 'fork.recorded',
        sender,
        subject,
        sequence,
        digests: [hex(taken.digest), hex(digest)],
      });
      return [];
    }
    const known = context.store.positions.channel(subject, epoch)?.announced;
    if (known === undefined || sequence > known.sequence)
      context.store.positions.announce(subject, epoch, { sequence, digest }, nowMs);
    return [{ vouched: { subject, epoch, sequence, digest } }];
  });
}

function isChannelToUs(context: GatewayContext, sender: AgencyId, subject: string): boolean {
  const parsed = parseSubject(subject);
  if (parsed?.form !== 'message' || parsed.sender !== sender) return false;
  return parsed.to === undefined || parsed.to === context.agency;
}

/**
 * Parked messages from this place back along its channel, oldest first. Each must stand at its place: a
 * digest that another agency names, or another channel, vouches for nothing.
 */
export function parkedChain(context: GatewayContext, place: ChannelPlace): readonly ParkedMessage[] {
  const chain: ParkedMessage[] = [];
  for (let next = place; ; ) {
    const parked = context.store.parking.byDigest(hex(next.digest));
    if (parked?.reason !== 'AWAITING_HEAD') break;
    const { header } = parseEnvelope(parked.envelope);
    const stands = header.subject === next.subject && equalBytes(header.epoch, next.epoch);
    if (!stands || header.sequence !== next.sequence) break;
    chain.push(parked);
    next = { ...next, sequence: next.sequence - 1, digest: header.previous };
  }
  return chain.reverse();
}
