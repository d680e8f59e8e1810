/** Our own last message on a subject, as the hub has it, held against what this store knows. */
import { equalBytes } from '../bytes.ts';
import { type Header, parseEnvelope } from '../envelope/index.ts';
import type { GatewayContext } from './context.ts';

export type OwnLast =
  | Readonly<{ state: 'none' }>
  | Readonly<{ state: 'known' | 'unknown'; header: Header; streamSequence: number }>;

/** Errors: HUB_UNREACHABLE, and those of reading an envelope. */
export async function ownLast(context: GatewayContext, stream: string, subject: string): Promise<OwnLast> {
  const last = await context.transport.lastOn(stream, subject);
  if (last === undefined) return { state: 'none' };
  const { header, digest } = parseEnvelope(last.data);
  const kept = context.store.channels.digestAt(subject, header.epoch, header.sequence);
  // A heartbeat is outside every chain: nothing is kept of it to compare with.
  const known = header.sequence === 0 || (kept !== undefined && equalBytes(kept, digest));
  return { state: known ? 'known' : 'unknown', header, streamSequence: last.sequence };
}

/** The first subject on which the hub has a message of ours that this store does not know. Errors as above. */
export async function behindOn(context: GatewayContext): Promise<string | undefined> {
  for (const { subject } of context.store.channels.heads()) {
    const { state } = await ownLast(context, context.layout().streamOf(subject), subject);
    if (state === 'unknown') return subject;
  }
  return undefined;
}
