/** Messages: written once, read by id, digest, thread and page; erased by destroying their keys. */
import type { KeyObject } from 'node:crypto';
import { hex } from '../bytes.ts';
import type { Envelopes } from './envelopes.ts';
import { type Listing, pageOf } from './listing.ts';
import {
  coverFacts,
  headerPlace,
  listedMessage,
  type MessageRow,
  messageIdBytes,
  openSections,
  packSection,
  placesPerMessage,
  type RowContext,
  sectionHasRow,
  selectMessages,
} from './message-rows.ts';
import type { ListedMessage, MessageFacts, Messages, NewMessage, SectionRow } from './port.ts';
import { createReferenceNumbers } from './reference-numbers.ts';

/** What became of an erasure; `unsent`: the message still has to leave, and nothing was erased. */
export type Erasure = 'erased' | 'unknown' | 'unsent';

export interface MessageStore extends Messages {
  /** The exact header; undefined where the message is unknown or erased. */
  header(id: string): Uint8Array | undefined;
}

export type MessagesContext = RowContext & Readonly<{ envelopes: Envelopes; listing: Listing }>;

type KeyedRow = MessageRow & Readonly<{ envelope: number }>;

export function createMessages(context: MessagesContext): MessageStore {
  const { database, vault, shapes, envelopes } = context;
  const byId = database.prepare(`${selectMessages} WHERE m.id = ? ORDER BY m.cursor LIMIT 1`);
  const byDigest = database.prepare(`${selectMessages} WHERE e.digest = ?`);
  const byReply = database.prepare(`${selectMessages} WHERE m.reply_token = ? ORDER BY m.cursor`);
  const byDistribution = database.prepare(
    `${selectMessages} WHERE m.distribution_token = ? ORDER BY m.cursor`,
  );
  const used = database.prepare('SELECT 1 FROM messages WHERE id = ? AND sender = ?');
  const envelopeOf = database.prepare('SELECT envelope FROM messages WHERE cursor = ?');
  const part = database.prepare('SELECT sealed FROM parts WHERE id = ?');
  const references = createReferenceNumbers(database);

  const find = (id: string): MessageRow | undefined => {
    const bytes = messageIdBytes(id);
    return bytes === undefined ? undefined : byId.get<MessageRow>(bytes);
  };
  const listed = (row: MessageRow | undefined): ListedMessage | undefined =>
    row === undefined ? undefined : listedMessage(context, row);
  return {
    insert: createInsert(context),
    byId: (id) => listed(find(id)),
    byDigest: (digest) => listed(byDigest.get<MessageRow>(digest)),
    idUsed(sender, id) {
      const bytes = messageIdBytes(id);
      return bytes !== undefined && used.get(bytes, sender) !== undefined;
    },
    sections(id) {
      const row = find(id);
      return row === undefined ? [] : openSections(context, row, shapes.classFacts);
    },
    sectionClasses(id) {
      const row = find(id);
      if (row === undefined) return [];
      return shapes.shape(row.shape).sections.map(([field, , state, readClass]) => ({
        field,
        state,
        readClass: shapes.classFacts(readClass),
      }));
    },
    envelope(id) {
      const row = find(id);
      const envelope = row && envelopeOf.get<KeyedRow>(row.cursor)?.envelope;
      return envelope === undefined ? undefined : envelopes.read(envelope);
    },
    header(id) {
      const row = find(id);
      if (row === undefined || row.data_key === null) return undefined;
      const sealed = part.get<{ sealed: Uint8Array }>(row.cursor * placesPerMessage + headerPlace)?.sealed;
      return sealed && vault.open(vault.unwrap(row.data_key), `header ${hex(row.digest)}`, sealed);
    },
    page: (filter, limit) => pageOf(context, filter, limit),
    readClasses: () => shapes.readClasses(),
    answersTo: (digest) =>
      byReply.all<MessageRow>(vault.token('reply', digest)).map((row) => listedMessage(context, row)),
    copies: (distribution) =>
      byDistribution
        .all<MessageRow>(vault.token('distribution', distribution))
        .map((row) => listedMessage(context, row))
        .filter(({ facts }) => facts.direction === 'out'),
    // Rows are never deleted, so the last cursor is the number of messages.
    count: () =>
      database.prepare('SELECT max(cursor) AS last FROM messages').get<{ last: number }>()?.last ?? 0,
    nextReference: references.next,
  };
}

function createInsert(context: MessagesContext): Messages['insert'] {
  const { database, vault, shapes, channels, envelopes } = context;
  const insert = database.prepare(
    `INSERT INTO messages (id, sender, recipient, shape, listed, envelope, channel, sequence, created_ms,
       deliver_by_ms, stored_ms, reference_token, thread_token, reply_token, distribution_token, sealed)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const part = database.prepare('INSERT INTO parts (id, sealed) VALUES (?, ?)');
  const copy = database.prepare('SELECT 1 FROM messages WHERE distribution_token = ? AND sender = ? LIMIT 1');
  const token = (purpose: string, value: string | Uint8Array | undefined) =>
    value === undefined ? null : vault.token(purpose, value);

  const insertParts = (cursor: number, key: KeyObject, message: NewMessage): void => {
    const digest = hex(message.facts.digest);
    const start = cursor * placesPerMessage;
    for (const [place, section] of message.sections.entries()) {
      if (!sectionHasRow(section)) continue;
      const name = `section ${section.field} ${digest}`;
      part.run(start + place, vault.seal(key, name, packSection(section)));
    }
    part.run(start + headerPlace, vault.seal(key, `header ${digest}`, message.header));
  };

  const insertRow = (message: NewMessage): number => {
    const { facts } = message;
    const { id: envelope, key } = envelopes.keep(facts.digest, message.envelope);
    const distribution = token('distribution', facts.distribution);
    // Only copies of our own are one message to the reader: a sender cannot hide one message behind another.
    const first =
      distribution === null || facts.direction === 'in' || copy.get(distribution, facts.sender) === undefined;
    const cursor = insert.insert(
      requireId(facts),
      facts.sender,
      facts.to ?? null,
      shapes.of(facts, message.sections),
      first ? 1 : 0,
      envelope,
      channels.of(facts.subject, facts.epoch),
      facts.sequence,
      facts.createdMs,
      facts.deliverByMs,
      facts.storedMs,
      token('reference', facts.reference),
      token('thread', facts.thread),
      token('reply', facts.inReplyTo),
      distribution,
      vault.seal(key, `facts ${hex(facts.digest)}`, coverFacts(facts)),
    );
    insertParts(cursor, key, message);
    return cursor;
  };
  return (message) => {
    requireSections(message.sections);
    return database.write(() => insertRow(message));
  };
}

function requireId(facts: MessageFacts): Uint8Array {
  const id = messageIdBytes(facts.id);
  if (id === undefined) throw new TypeError(`\`${facts.id}\` is not the id of a message: expected a UUIDv7`);
  return id;
}

function requireSections(sections: readonly SectionRow[]): void {
  if (sections.length >= headerPlace)
    throw new TypeError(`a message has at most ${headerPlace - 1} sections`);
}
