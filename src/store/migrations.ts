/**
 * The tables, by version (`user_version`). A migration, once released, never changes.
 *
 * Sealed columns are named `sealed`; `token` columns hold HMACs. What stands in clear is what the hub
 * can see (header fields, digests, times) and the shape of a message: which sections it has, in which
 * category and state.
 */

import { ComityError } from '../errors.ts';
import type { Database } from './database.ts';

const first = `
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE channels (
  id INTEGER PRIMARY KEY,
  subject TEXT NOT NULL,
  epoch BLOB NOT NULL,
  UNIQUE (subject, epoch)
) STRICT;
CREATE TABLE envelopes (
  id INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,
  data_key BLOB,
  sealed BLOB
) STRICT;

CREATE TABLE read_classes (
  id INTEGER PRIMARY KEY,
  token BLOB NOT NULL UNIQUE,
  sealed BLOB NOT NULL
) STRICT;
CREATE TABLE shapes (id INTEGER PRIMARY KEY, shape TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE messages (
  cursor INTEGER PRIMARY KEY,
  id BLOB NOT NULL,
  sender TEXT NOT NULL,
  recipient TEXT,
  shape INTEGER NOT NULL REFERENCES shapes,
  listed INTEGER NOT NULL,
  envelope INTEGER NOT NULL REFERENCES envelopes,
  channel INTEGER NOT NULL REFERENCES channels,
  sequence INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  deliver_by_ms INTEGER NOT NULL,
  stored_ms INTEGER NOT NULL,
  reference_token BLOB,
  thread_token BLOB,
  reply_token BLOB,
  distribution_token BLOB,
  sealed BLOB
) STRICT;
CREATE UNIQUE INDEX messages_id ON messages (id, sender);
CREATE UNIQUE INDEX messages_envelope ON messages (envelope);
CREATE INDEX messages_shape ON messages (shape, cursor) WHERE listed = 1;
CREATE INDEX messages_reference ON messages (reference_token) WHERE reference_token IS NOT NULL;
CREATE INDEX messages_thread ON messages (thread_token) WHERE thread_token IS NOT NULL;
CREATE INDEX messages_reply ON messages (reply_token) WHERE reply_token IS NOT NULL;
CREATE INDEX messages_distribution ON messages (distribution_token) WHERE distribution_token IS NOT NULL;
-- One row a section with content, and one for the header; the id is cursor * 64 + place.
CREATE TABLE parts (id INTEGER PRIMARY KEY, sealed BLOB NOT NULL) STRICT;
CREATE TABLE reference_numbers (year INTEGER PRIMARY KEY, last INTEGER NOT NULL) STRICT;

CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  stream TEXT NOT NULL,
  lane TEXT NOT NULL,
  channel INTEGER NOT NULL REFERENCES channels,
  sequence INTEGER NOT NULL,
  envelope INTEGER NOT NULL REFERENCES envelopes,
  message_id_header TEXT NOT NULL,
  deliver_by_ms INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  sent INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_unsent ON outbox (stream, lane, id) WHERE sent = 0;
CREATE INDEX outbox_channel ON outbox (channel, sequence);
CREATE INDEX outbox_envelope ON outbox (envelope);
CREATE INDEX outbox_deliver_by ON outbox (deliver_by_ms);
CREATE TABLE fences (subject TEXT PRIMARY KEY, stream_sequence INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE own_heads (
  channel INTEGER PRIMARY KEY REFERENCES channels,
  sequence INTEGER NOT NULL,
  digest BLOB NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE own_positions (
  channel INTEGER NOT NULL REFERENCES channels,
  sequence INTEGER NOT NULL,
  digest BLOB NOT NULL,
  PRIMARY KEY (channel, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE peer_channels (
  channel INTEGER PRIMARY KEY REFERENCES channels,
  sender TEXT NOT NULL,
  first INTEGER NOT NULL,
  highest INTEGER NOT NULL,
  highest_digest BLOB NOT NULL,
  taken INTEGER NOT NULL,
  announced INTEGER,
  announced_digest BLOB
) STRICT;
CREATE INDEX peer_channels_sender ON peer_channels (sender);
CREATE TABLE positions (
  channel INTEGER NOT NULL REFERENCES channels,
  sequence INTEGER NOT NULL,
  digest BLOB NOT NULL,
  previous BLOB NOT NULL,
  created_ms INTEGER NOT NULL,
  verdict TEXT,
  PRIMARY KEY (channel, sequence)
) STRICT, WITHOUT ROWID;
-- Free positions from the first taken to the highest known, as ranges.
CREATE TABLE gaps (
  channel INTEGER NOT NULL REFERENCES channels,
  low INTEGER NOT NULL,
  high INTEGER NOT NULL,
  since_ms INTEGER NOT NULL,
  PRIMARY KEY (channel, low)
) STRICT, WITHOUT ROWID;
CREATE TABLE forks (
  channel INTEGER NOT NULL REFERENCES channels,
  sequence INTEGER NOT NULL,
  first BLOB NOT NULL,
  second BLOB NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (channel, sequence, second)
) STRICT, WITHOUT ROWID;

-- Who awaits the message at a position of ours; sets repeat, so that a broadcast to many is one row.
CREATE TABLE recipient_sets (id INTEGER PRIMARY KEY, members TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE tracked (id INTEGER PRIMARY KEY, message BLOB NOT NULL UNIQUE) STRICT;
CREATE TABLE expected (
  channel INTEGER NOT NULL REFERENCES channels,
  sequence INTEGER NOT NULL,
  message INTEGER NOT NULL REFERENCES tracked,
  recipients INTEGER NOT NULL REFERENCES recipient_sets,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (channel, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX expected_message ON expected (message);
CREATE TABLE expected_peers (
  channel INTEGER NOT NULL REFERENCES channels,
  peer TEXT NOT NULL,
  PRIMARY KEY (channel, peer)
) STRICT, WITHOUT ROWID;
-- How far a party has come on a channel of ours, and when: the hub (empty name) by storing, a peer by receipt.
CREATE TABLE reached (
  channel INTEGER NOT NULL REFERENCES channels,
  party TEXT NOT NULL,
  up_to INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (channel, party, up_to)
) STRICT, WITHOUT ROWID;
CREATE TABLE exceptions (
  channel INTEGER NOT NULL REFERENCES channels,
  sequence INTEGER NOT NULL,
  peer TEXT NOT NULL,
  code TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (channel, sequence, peer)
) STRICT, WITHOUT ROWID;
CREATE TABLE due_channels (
  peer TEXT NOT NULL,
  channel INTEGER NOT NULL REFERENCES channels,
  PRIMARY KEY (peer, channel)
) STRICT, WITHOUT ROWID;
CREATE TABLE due_exceptions (
  peer TEXT NOT NULL,
  channel INTEGER NOT NULL REFERENCES channels,
  sequence INTEGER NOT NULL,
  code TEXT NOT NULL,
  PRIMARY KEY (peer, channel, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE parked (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  digest BLOB NOT NULL UNIQUE,
  sender TEXT NOT NULL,
  subject TEXT NOT NULL,
  reason TEXT NOT NULL,
  awaits TEXT NOT NULL,
  deliver_by_ms INTEGER NOT NULL,
  parked_ms INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  data_key BLOB NOT NULL,
  sealed BLOB NOT NULL
) STRICT;
CREATE INDEX parked_awaits ON parked (reason, awaits);
CREATE INDEX parked_sender ON parked (sender, reason, bytes);
CREATE INDEX parked_deliver_by ON parked (deliver_by_ms);
CREATE TABLE parked_totals (
  sender TEXT PRIMARY KEY,
  messages INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE quarantine (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  fingerprint BLOB NOT NULL UNIQUE,
  at_ms INTEGER NOT NULL,
  code TEXT NOT NULL,
  subject TEXT NOT NULL,
  sender TEXT,
  digest TEXT,
  bytes INTEGER NOT NULL,
  reasons TEXT NOT NULL,
  data_key BLOB NOT NULL,
  sealed BLOB NOT NULL
) STRICT;

CREATE TABLE audience_keys (
  id INTEGER PRIMARY KEY,
  sender TEXT NOT NULL,
  key_id BLOB NOT NULL,
  members_token BLOB NOT NULL,
  not_before_ms INTEGER NOT NULL,
  not_after_ms INTEGER NOT NULL,
  has_key INTEGER NOT NULL,
  sealed BLOB NOT NULL,
  UNIQUE (sender, key_id)
) STRICT;
CREATE INDEX audience_keys_members ON audience_keys (sender, members_token, not_before_ms);
CREATE TABLE versions (name TEXT PRIMARY KEY, version INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
CREATE TABLE audit_rows (id INTEGER PRIMARY KEY, record BLOB NOT NULL, chain BLOB NOT NULL) STRICT;
CREATE TRIGGER audit_rows_stay BEFORE DELETE ON audit_rows
  BEGIN SELECT RAISE(ABORT, 'an audit record is never deleted'); END;
CREATE TRIGGER audit_rows_hold BEFORE UPDATE ON audit_rows
  BEGIN SELECT RAISE(ABORT, 'an audit record is never changed'); END;
CREATE TABLE audit_secrets (
  record INTEGER NOT NULL,
  name TEXT NOT NULL,
  sealed BLOB NOT NULL,
  PRIMARY KEY (record, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE idempotency (
  officer TEXT NOT NULL,
  key_token BLOB NOT NULL,
  at_ms INTEGER NOT NULL,
  sealed BLOB NOT NULL,
  PRIMARY KEY (officer, key_token)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_at ON idempotency (at_ms);
CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  type TEXT NOT NULL,
  message TEXT,
  kind TEXT,
  lane TEXT,
  facts TEXT NOT NULL,
  at_ms INTEGER NOT NULL
) STRICT;
`;

const migrations: readonly string[] = [first];

/**
 * Brings the database to the newest version; `initialise` fills a new one in the same transaction.
 * Throws STORE_VERSION for a database from a newer release.
 */
export function migrate(database: Database, initialise: () => void): void {
  const version = versionOf(database);
  if (version > migrations.length) {
    throw new ComityError(
      'STORE_VERSION',
      `the store is of version ${version}; this release knows up to ${migrations.length}`,
    );
  }
  for (const [index, sql] of migrations.entries()) {
    if (index < version) continue;
    database.transaction(() => {
      database.exec(`${sql}; PRAGMA user_version = ${index + 1}`);
      if (index === 0) initialise();
    });
  }
}

/** 0 where nothing was created yet. */
export function versionOf(database: Database): number {
  return database.prepare('PRAGMA user_version').get<{ user_version: number }>()?.user_version ?? 0;
}
