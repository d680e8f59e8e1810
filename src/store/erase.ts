/** Erasing a message is destroying its keys: the words first, then the keys, then what the log still holds. */
import type { Envelopes } from './envelopes.ts';
import type { Indexing } from './indexing.ts';
import {
  type MessageRow,
  messageIdBytes,
  placesPerMessage,
  type RowContext,
  selectMessages,
} from './message-rows.ts';
import type { Erasure } from './messages.ts';

type Context = RowContext & Readonly<{ envelopes: Envelopes; indexing: Indexing }>;

export function createErase(context: Context): (id: string) => Erasure {
  const { database, envelopes, indexing } = context;
  const find = database.prepare(`${selectMessages} WHERE m.id = ? ORDER BY m.cursor LIMIT 1`);
  const envelopeOf = database.prepare('SELECT envelope FROM messages WHERE cursor = ?');
  const unsent = database.prepare('SELECT 1 FROM outbox WHERE envelope = ? AND sent = 0');
  const leave = database.prepare('DELETE FROM outbox WHERE envelope = ?');
  const clear = database.prepare(
    `UPDATE messages SET sealed = NULL, listed = 0, reference_token = NULL, thread_token = NULL,
       reply_token = NULL, distribution_token = NULL WHERE cursor = ?`,
  );
  const parts = database.prepare('DELETE FROM parts WHERE id BETWEEN ? AND ?');
  return (id) => {
    if (database.inTransaction) throw new TypeError('a message is erased outside a transaction');
    const bytes = messageIdBytes(id);
    const row = bytes === undefined ? undefined : find.get<MessageRow>(bytes);
    const envelope = row && envelopeOf.get<{ envelope: number }>(row.cursor)?.envelope;
    if (row === undefined || envelope === undefined) return 'unknown';
    if (unsent.get(envelope) !== undefined) return 'unsent';
    if (row.data_key !== null) {
      // The index is complete before it forgets: a reader thread that writes it cannot add the words again.
      indexing.catchUpNow();
      indexing.forget(row);
      // Dying here leaves a message that is not found by words; erasing again completes it.
      database.transaction(() => {
        leave.run(envelope);
        clear.run(row.cursor);
        parts.run(row.cursor * placesPerMessage, row.cursor * placesPerMessage + placesPerMessage - 1);
        envelopes.erase(envelope);
      });
    }
    // Dying here leaves the wrapped key in the log; erasing again, or closing the store, empties it.
    database.checkpoint();
    return 'erased';
  };
}
