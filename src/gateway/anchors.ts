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
import type { SignedHead } from './judge-own.ts';
import type { Wake } from './judgement.ts';

export type AnnouncedHeads = Readonly<{ sender: AgencyId; heads: readonly SignedHead[]; nowMs: number }>;

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
    return [{ code: 'AWAITING_HEAD', awaits: hex(digest) }];
  });
}

function isChannelToUs(context: GatewayContext, sender: AgencyId, subject: string): boolean {
  const parsed = parseSubject(subject);
  if (parsed?.form !== 'message' || parsed.sender !== sender) return false;
  return parsed.to === undefined || parsed.to === context.agency;
}

/** Parked messages from the one of this digest back along its chain, oldest first. */
export function parkedChain(context: GatewayContext, digest: string): readonly ParkedMessage[] {
  const chain: ParkedMessage[] = [];
  let next: string | undefined = digest;
  while (next !== undefined) {
    const parked: ParkedMessage | undefined = context.store.parking.byDigest(next);
    if (parked?.reason !== 'AWAITING_HEAD') break;
    chain.push(parked);
    next = hex(parseEnvelope(parked.envelope).header.previous);
  }
  return chain.reverse();
}
