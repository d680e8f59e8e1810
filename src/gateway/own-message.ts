/** The gateways' own messages: no cover, one open section (field 2), what is private in it sealed inside. */
import { create, type DescMessage, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { openInner, sealInner, sealSections } from '../envelope/index.ts';
import { type SealedPart, SealedPartSchema } from '../gen/comity/envelope/v1/envelope_pb.js';
import { uuidV7 } from '../ids.ts';
import type { SealKey } from '../keys/index.ts';
import { limits } from '../limits.ts';
import { encodeSectionField, schemaNamed } from '../schema/index.ts';
import type { Lane } from '../types.ts';
import type { GatewayContext } from './context.ts';
import type { Sealed } from './emit.ts';

const bodyField = 2;

export const ownSchemas = {
  audienceKey: 'comity.control.v1.AudienceKey',
  heads: 'comity.control.v1.Heads',
  receipt: 'comity.receipt.v1.Receipt',
  beat: 'comity.beat.v1.Heartbeat',
} as const;

export type OwnMessage<Body extends DescMessage> = Readonly<{
  subject: string;
  lane: Lane;
  schema: (typeof ownSchemas)[keyof typeof ownSchemas];
  body: Body;
  chained: boolean;
  /** Makes the body; private content is sealed with `sealInside`, bound to this very message. */
  content: (sealInside: SealInside) => MessageInitShape<Body>;
}>;

/** Seals bytes to the holders of a key, as a part inside the section. */
export type SealInside = (key: SealKey, plaintext: Uint8Array) => SealedPart;

/** Builds one of the gateway's own messages; `emit` gives it its place. */
export function ownMessage<Body extends DescMessage>(
  context: GatewayContext,
  message: OwnMessage<Body>,
): Sealed {
  const schema = schemaNamed(message.schema, 1);
  if (schema === undefined) throw new TypeError(`no schema ${message.schema}`);
  const nowMs = context.clock.nowMs();
  const messageId = uuidV7(nowMs, context.random);
  const binding = { federationId: context.trust.federationId, subject: message.subject, messageId };
  const body = message.content((key, plaintext) =>
    create(SealedPartSchema, sealInner({ ...binding, key, plaintext }, context.random)),
  );
  const bytes = encodeSectionField(bodyField, toBinary(message.body, create(message.body, body)));
  const section = { field: bodyField, salt: context.random.bytes(limits.saltBytes), bytes };
  const content = sealSections(
    { ...binding, sections: [section], groups: [], open: [bodyField] },
    context.random,
  );
  const { subject, lane, chained } = message;
  return { subject, lane, schema, messageId, deliverByMs: nowMs + limits.deliverByMsMax, content, chained };
}

/** Opens a part inside a gateway's own section. Errors: PART_UNREADABLE. */
export function openInside(part: SealedPart, key: Uint8Array, binding: Binding): Uint8Array {
  return openInner({ ...binding, part, key });
}

type Binding = Readonly<{ federationId: Uint8Array; subject: string; messageId: Uint8Array }>;
