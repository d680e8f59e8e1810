/** The rows of a message: sealing its parts into them and opening them again. Reads only; a reader thread uses it too. */
import { hex, utf8, utf8Text } from '../bytes.ts';
import { isUuidV7, uuidBytes, uuidText } from '../ids.ts';
import type { AgencyId } from '../types.ts';
import type { ChannelIds } from './channel-ids.ts';
import type { Database } from './database.ts';
import type { ListedMessage, MessageFacts, SectionRow } from './port.ts';
import type { Vault } from './sealing.ts';
import { hasContent, type Shapes } from './shapes.ts';

/** Places of a message's parts: sections from 0, the header last. */
export const placesPerMessage = 64;
export const headerPlace = placesPerMessage - 1;

export type MessageRow = Readonly<{
  cursor: number;
  id: Uint8Array;
  recipient: AgencyId | null;
  shape: number;
  channel: number;
  sequence: number;
  created_ms: number;
  deliver_by_ms: number;
  stored_ms: number;
  data_key: Uint8Array | null;
  sealed: Uint8Array | null;
  digest: Uint8Array;
}>;

/** Selects message rows; append a condition on `m` (messages) or `e` (envelopes). */
export const selectMessages = `SELECT m.cursor, m.id, m.recipient, m.shape, m.channel, m.sequence, m.created_ms,
  m.deliver_by_ms, m.stored_ms, m.sealed, e.digest, e.data_key
  FROM messages m JOIN envelopes e ON e.id = m.envelope`;

/** What the cover says of a message: sealed, unlike the rest of its facts. */
type CoverFacts = Readonly<{
  inForceUntilMs?: number;
  reference?: string;
  thread?: string;
  inReplyTo?: string;
  supersedes?: string;
  distribution?: string;
  flags?: readonly string[];
}>;

export type RowContext = Readonly<{ database: Database; vault: Vault; shapes: Shapes; channels: ChannelIds }>;

/** The bytes of a message's id; undefined for a text that is none. */
export function messageIdBytes(id: string): Uint8Array | undefined {
  const bytes = uuidBytes(id);
  return isUuidV7(bytes) && uuidText(bytes) === id ? bytes : undefined;
}

export function coverFacts(facts: MessageFacts): Uint8Array {
  const cover: CoverFacts = {
    ...(facts.inForceUntilMs === undefined ? {} : { inForceUntilMs: facts.inForceUntilMs }),
    ...(facts.reference === undefined ? {} : { reference: facts.reference }),
    ...(facts.thread === undefined ? {} : { thread: hex(facts.thread) }),
    ...(facts.inReplyTo === undefined ? {} : { inReplyTo: hex(facts.inReplyTo) }),
    ...(facts.supersedes === undefined ? {} : { supersedes: hex(facts.supersedes) }),
    ...(facts.distribution === undefined ? {} : { distribution: facts.distribution }),
    ...(facts.flags.length === 0 ? {} : { flags: facts.flags }),
  };
  return utf8(JSON.stringify(cover));
}

export function listedMessage(context: RowContext, row: MessageRow): ListedMessage {
  const shape = context.shapes.shape(row.shape);
  const { subject, epoch } = context.channels.name(row.channel);
  const facts: MessageFacts = {
    id: uuidText(row.id),
    direction: shape.direction,
    digest: row.digest,
    sender: shape.sender,
    ...(row.recipient === null ? {} : { to: row.recipient }),
    subject,
    epoch,
    sequence: row.sequence,
    kind: shape.kind,
    lane: shape.lane,
    schema: shape.schema,
    createdMs: row.created_ms,
    deliverByMs: row.deliver_by_ms,
    storedMs: row.stored_ms,
    ...openCover(context.vault, row),
  };
  return { cursor: row.cursor, facts };
}

/** Of an erased message nothing of the cover is left; the flag says so. */
function openCover(vault: Vault, row: MessageRow) {
  if (row.data_key === null || row.sealed === null) return { flags: ['ERASED'] };
  const name = `facts ${hex(row.digest)}`;
  const { thread, inReplyTo, supersedes, ...rest } = JSON.parse(
    utf8Text(vault.open(vault.unwrap(row.data_key), name, row.sealed)),
  ) as CoverFacts;
  return {
    ...rest,
    ...(thread === undefined ? {} : { thread: bytesOf(thread) }),
    ...(inReplyTo === undefined ? {} : { inReplyTo: bytesOf(inReplyTo) }),
    ...(supersedes === undefined ? {} : { supersedes: bytesOf(supersedes) }),
    flags: rest.flags ?? [],
  };
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'));
}

// ---- sections -------------------------------------------------------------------------------

type SectionContent = Pick<SectionRow, 'bytes' | 'salt' | 'text'>;

/** uint32 length of the text + 1 (0: none) ‖ uint8 length of the salt + 1 ‖ text ‖ salt ‖ bytes. */
export function packSection(section: SectionContent): Uint8Array {
  const text = section.text === undefined ? undefined : utf8(section.text);
  const salt = section.salt;
  const bytes = section.bytes ?? new Uint8Array(0);
  const packed = new Uint8Array(6 + (text?.length ?? 0) + (salt?.length ?? 0) + bytes.length);
  const view = new DataView(packed.buffer);
  view.setUint32(0, text === undefined ? 0 : text.length + 1);
  view.setUint8(4, salt === undefined ? 0 : salt.length + 1);
  view.setUint8(5, section.bytes === undefined ? 0 : 1);
  let offset = 6;
  for (const piece of [text, salt, bytes]) {
    if (piece === undefined) continue;
    packed.set(piece, offset);
    offset += piece.length;
  }
  return packed;
}

function unpackSection(packed: Uint8Array): SectionContent {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const textEnd = 6 + Math.max(0, view.getUint32(0) - 1);
  const saltEnd = textEnd + Math.max(0, view.getUint8(4) - 1);
  return {
    ...(view.getUint32(0) === 0 ? {} : { text: utf8Text(packed.subarray(6, textEnd)) }),
    ...(view.getUint8(4) === 0 ? {} : { salt: packed.slice(textEnd, saltEnd) }),
    ...(view.getUint8(5) === 0 ? {} : { bytes: packed.slice(saltEnd) }),
  };
}

export function sectionHasRow(section: SectionRow): boolean {
  return section.bytes !== undefined || section.salt !== undefined || section.text !== undefined;
}

const selectParts = 'SELECT id, sealed FROM parts WHERE id BETWEEN ? AND ? ORDER BY id';
type PartRow = Readonly<{ id: number; sealed: Uint8Array }>;

/** The sections of a message with what is kept of them; none of an erased one. */
export function openSections(
  context: RowContext,
  row: Pick<MessageRow, 'cursor' | 'shape' | 'data_key' | 'digest'>,
  classFacts: (id: number) => string,
): readonly SectionRow[] {
  if (row.data_key === null) return [];
  const key = context.vault.unwrap(row.data_key);
  const start = row.cursor * placesPerMessage;
  const parts = context.database.prepare(selectParts).all<PartRow>(start, start + headerPlace - 1);
  const contents = new Map(parts.map((part) => [part.id - start, part.sealed]));
  const digest = hex(row.digest);
  return context.shapes.shape(row.shape).sections.map(([field, category, state, readClass], place) => {
    const sealed = contents.get(place);
    const content =
      sealed === undefined
        ? {}
        : unpackSection(context.vault.open(key, `section ${field} ${digest}`, sealed));
    return { field, category, state, readClass: classFacts(readClass), ...content };
  });
}

export type IndexedSection = Readonly<{ place: number; readClass: number; text: string }>;

/** The words of a message's sections, for the search index. */
export function sectionTexts(
  context: RowContext,
  row: Pick<MessageRow, 'cursor' | 'shape' | 'data_key' | 'digest'>,
): readonly IndexedSection[] {
  const { sections } = context.shapes.shape(row.shape);
  return openSections(context, row, () => '').flatMap((section, place) => {
    const readClass = sections[place]?.[3];
    if (readClass === undefined || section.text === undefined || !hasContent(section.state)) return [];
    return [{ place, readClass, text: section.text }];
  });
}
