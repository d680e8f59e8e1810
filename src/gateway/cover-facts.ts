/** What the cover says that the store keeps as columns: to list, to follow a thread, to find by reference. */
import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { Cover } from '../gen/comity/cover/v1/cover_pb.js';
import type { MessageFacts } from '../store/port.ts';

type FromCover = Partial<
  Pick<MessageFacts, 'inForceUntilMs' | 'reference' | 'thread' | 'inReplyTo' | 'supersedes'>
>;

export function coverStoredFacts(cover: Cover): FromCover {
  const { reference, inForceUntil } = cover;
  const thread = digestOf(cover.thread);
  const inReplyTo = digestOf(cover.inReplyTo);
  const supersedes = digestOf(cover.supersedes);
  return {
    ...(reference === '' ? {} : { reference }),
    ...(inForceUntil === undefined ? {} : { inForceUntilMs: timestampMs(inForceUntil) }),
    ...(thread === undefined ? {} : { thread }),
    ...(inReplyTo === undefined ? {} : { inReplyTo }),
    ...(supersedes === undefined ? {} : { supersedes }),
  };
}

function digestOf(reference: { digest: Uint8Array } | undefined): Uint8Array | undefined {
  return reference !== undefined && reference.digest.length === 32 ? reference.digest : undefined;
}
