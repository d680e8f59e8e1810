/** What a peer's cumulative receipt says of our channels. */
import { equalBytes, hex } from '../bytes.ts';
import { parseSubject } from '../subjects.ts';
import type { AgencyId } from '../types.ts';
import type { GatewayContext } from './context.ts';
import type { ChannelPlace, Wake } from './judgement.ts';
import type { ReceiptedException } from './own-bodies.ts';

export type PeerReceipt = Readonly<{
  peer: AgencyId;
  heads: readonly ChannelPlace[];
  exceptions: readonly ReceiptedException[];
  /** Told when the peer claims to have what this store does not know. */
  onSuspect: (subject: string) => void;
}>;

/** Runs in the transaction that takes the receipt's position. */
export function applyReceipt(context: GatewayContext, receipt: PeerReceipt): readonly Wake[] {
  const byChannel = Map.groupBy(receipt.exceptions, ({ channel }) => channel);
  receipt.heads.forEach((head, index) => {
    if (!isOurs(context, head.subject)) return;
    const exceptions = byChannel.get(index) ?? [];
    if (head.epoch.length === 0) reportUnreadable(context, receipt.peer, exceptions);
    else applyChannel(context, receipt, { head, exceptions });
  });
  return [];
}

function isOurs(context: GatewayContext, subject: string): boolean {
  const parsed = parseSubject(subject);
  return parsed?.form === 'message' && parsed.sender === context.agency;
}

type Channel = Readonly<{ head: ChannelPlace; exceptions: readonly ReceiptedException[] }>;

function applyChannel(
  context: GatewayContext,
  { peer, onSuspect }: PeerReceipt,
  { head, exceptions }: Channel,
): void {
  const { subject, epoch, sequence, digest } = head;
  const nowMs = context.clock.nowMs();
  const ours = context.store.channels.digestAt(subject, epoch, sequence);
  if (ours === undefined) {
    // A peer's word is no proof; our own signed message at the hub is.
    if (sequence > 0 && equalBytes(epoch, context.store.epoch)) onSuspect(subject);
    return;
  }
  if (!equalBytes(ours, digest)) {
    context.audit.append({
      event: 'fork.recorded',
      sender: context.agency,
      subject,
      sequence,
      digests: [hex(ours), hex(digest)],
      recipient: peer,
    });
    return;
  }
  const rows = exceptions.map(({ sequence: at, code }) => ({ subject, epoch, sequence: at, code }));
  for (const message of context.store.receipts.apply(peer, { subject, epoch, upTo: sequence }, rows, nowMs)) {
    context.store.events.append({ type: 'receipt.changed', message, facts: { agency: peer }, atMs: nowMs });
  }
}

/** Something came on our subject that the peer could not even read: a fault at the hub, or of ours. */
function reportUnreadable(
  context: GatewayContext,
  peer: AgencyId,
  exceptions: readonly ReceiptedException[],
): void {
  for (const { code } of exceptions) {
    context.log.warn('receipt.unreadable-at-peer', { peer, code });
    context.store.events.append({
      type: 'receipt.unreadable',
      facts: { agency: peer, code },
      atMs: context.clock.nowMs(),
    });
  }
}
