/**
 * The last part of the outbound pipeline, common to officers' messages and the gateway's own:
 * channel position, header, batch signature, outbox row. Runs inside the caller's transaction.
 */
import { base64url } from '../bytes.ts';
import { assembleEnvelope, encodeHeader, type SealedContent, signBatch } from '../envelope/index.ts';
import { ComityError } from '../errors.ts';
import { hmacSha256, leafDigest } from '../keys/index.ts';
import { limits } from '../limits.ts';
import { type Schema, schemaDigest } from '../schema/index.ts';
import type { Head } from '../store/port.ts';
import type { Lane } from '../types.ts';
import type { GatewayContext } from './context.ts';

export const wireVersion = 1;
export const suite = 1;
const noPrevious = new Uint8Array(32);

/** A sealed message that has no place in its channel yet. */
export type Sealed = Readonly<{
  subject: string;
  lane: Lane;
  schema: Schema;
  messageId: Uint8Array;
  deliverByMs: number;
  content: SealedContent;
  /** Heartbeats are outside every chain: sequence 0. */
  chained: boolean;
}>;

/** A message with its place, signed, and waiting in the outbox. */
export type Emitted = Readonly<{
  sealed: Sealed;
  header: Uint8Array;
  digest: Uint8Array;
  envelope: Uint8Array;
  epoch: Uint8Array;
  sequence: number;
  createdMs: number;
}>;

/** Gives positions in the order given, signs, and puts the envelopes into the outbox. */
export function emit(context: GatewayContext, messages: readonly Sealed[]): readonly Emitted[] {
  const emitted: Emitted[] = [];
  for (let from = 0; from < messages.length; from += limits.batchHeadersMax) {
    emitted.push(...emitBatch(context, messages.slice(from, from + limits.batchHeadersMax)));
  }
  return emitted;
}

function emitBatch(context: GatewayContext, messages: readonly Sealed[]): readonly Emitted[] {
  const createdMs = creationTime(context, messages);
  const signer = context.keys.signingKeyAt(createdMs);
  if (signer === undefined) throw new ComityError('SIGNING_KEY_ENDED');
  const placed = messages.map((sealed) => place(context, sealed, createdMs));
  const { streamOf } = context.layout();
  const signed = signBatch({
    agency: context.agency,
    kid: signer.kid,
    key: signer.privateKey,
    headers: placed.map(({ header }) => header),
  });
  return placed.map((message, index) => {
    const proof = signed[index];
    if (proof === undefined) throw new TypeError('the batch lacks a proof');
    const envelope = assembleEnvelope({
      header: message.header,
      signed: proof,
      content: message.sealed.content,
    });
    if (envelope.length > limits.envelopeBytesMax) throw new ComityError('DRAFT_TOO_LARGE');
    enqueue(context, message, { envelope, stream: streamOf(message.sealed.subject) });
    return { ...message, envelope };
  });
}

/** `created` never goes back along a channel, whatever the clock does. */
function creationTime(context: GatewayContext, messages: readonly Sealed[]): number {
  const subjects = new Set(messages.map(({ subject }) => subject));
  const heads = [...subjects].map((subject) => context.store.channels.head(subject)?.createdMs ?? 0);
  return heads.reduce((latest, at) => Math.max(latest, at), context.clock.nowMs());
}

function place(context: GatewayContext, sealed: Sealed, createdMs: number): Omit<Emitted, 'envelope'> {
  const { store, trust } = context;
  const last = sealed.chained ? store.channels.head(sealed.subject) : undefined;
  const sequence = sealed.chained ? (last?.sequence ?? 0) + 1 : 0;
  const header = encodeHeader({
    federationId: trust.federationId,
    environment: trust.environment,
    subject: sealed.subject,
    messageId: sealed.messageId,
    epoch: store.epoch,
    sequence,
    previous: last?.digest ?? noPrevious,
    createdMs,
    deliverByMs: Math.max(sealed.deliverByMs, createdMs),
    schema: sealed.schema.name,
    schemaVersion: sealed.schema.version,
    schemaDigest,
    trustVersion: trust.list().version,
    suite,
    content: sealed.content,
  });
  const digest = leafDigest(header);
  const head: Head = { sequence, digest, createdMs };
  if (sealed.chained) store.channels.advance(sealed.subject, head);
  return { sealed, header, digest, epoch: store.epoch, sequence, createdMs };
}

function enqueue(
  context: GatewayContext,
  message: Omit<Emitted, 'envelope'>,
  { envelope, stream }: Readonly<{ envelope: Uint8Array; stream: string }>,
): void {
  const { store } = context;
  store.outbox.append({
    stream,
    lane: message.sealed.lane,
    subject: message.sealed.subject,
    epoch: message.epoch,
    sequence: message.sequence,
    digest: message.digest,
    messageIdHeader: messageIdHeader(store.messageIdKey, message.digest),
    deliverByMs: message.sealed.deliverByMs,
    envelope,
  });
}

/** A peer that could foresee it could suppress the message or its re-send (docs/wire.md, The hub). */
function messageIdHeader(key: Uint8Array, digest: Uint8Array): string {
  return base64url(hmacSha256(key, digest));
}
