/** Audience keys, ours and announced ones; key and members are sealed. */
import { base64, hex, utf8, utf8Text } from '../bytes.ts';
import type { AgencyId } from '../types.ts';
import type { Database } from './database.ts';
import type { AudienceKeyRow, AudienceKeys } from './port.ts';
import type { Vault } from './sealing.ts';

type Row = Readonly<{
  sender: AgencyId;
  key_id: Uint8Array;
  not_before_ms: number;
  not_after_ms: number;
  sealed: Uint8Array;
}>;
type Content = Readonly<{ key?: string; members: readonly AgencyId[] }>;

/** Keys that are kept opened: every message needs one, and a sender has few at a time. */
const openedMax = 1_000;
const columns = 'sender, key_id, not_before_ms, not_after_ms, sealed';

export function createAudienceKeys(database: Database, vault: Vault): AudienceKeys {
  // A key once known stays known: an announcement that we cannot open does not take it away.
  const put = database.prepare(
    `INSERT INTO audience_keys (${columns}, members_token, has_key) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (sender, key_id) DO UPDATE SET not_before_ms = excluded.not_before_ms,
       not_after_ms = excluded.not_after_ms, sealed = excluded.sealed, members_token = excluded.members_token,
       has_key = excluded.has_key
     WHERE excluded.has_key >= has_key`,
  );
  const byId = database.prepare(`SELECT ${columns} FROM audience_keys WHERE sender = ? AND key_id = ?`);
  const own = database.prepare(
    `SELECT ${columns} FROM audience_keys WHERE sender = ? AND members_token = ? AND has_key = 1
       AND not_before_ms <= ? AND not_after_ms > ? ORDER BY not_before_ms DESC, id DESC LIMIT 1`,
  );
  const nameOf = (sender: AgencyId, keyId: Uint8Array) => `audience-key ${sender} ${hex(keyId)}`;
  const membersToken = (members: readonly AgencyId[]) =>
    vault.token('members', members.toSorted().join('\n'));
  const opened = (row: Row | undefined): AudienceKeyRow | undefined => {
    if (row === undefined) return undefined;
    const content = JSON.parse(
      utf8Text(vault.openRow(nameOf(row.sender, row.key_id), row.sealed)),
    ) as Content;
    return {
      sender: row.sender,
      keyId: row.key_id,
      ...(content.key === undefined ? {} : { key: new Uint8Array(Buffer.from(content.key, 'base64')) }),
      members: content.members,
      notBeforeMs: row.not_before_ms,
      notAfterMs: row.not_after_ms,
    };
  };
  const openedById = new Map<string, AudienceKeyRow>();
  database.onRollback(() => openedById.clear());
  return {
    put: (row) =>
      database.write(() => {
        openedById.delete(nameOf(row.sender, row.keyId));
        const content: Content = {
          ...(row.key === undefined ? {} : { key: base64(row.key) }),
          members: row.members.toSorted(),
        };
        const sealed = vault.sealRow(nameOf(row.sender, row.keyId), utf8(JSON.stringify(content)));
        put.run(
          row.sender,
          row.keyId,
          row.notBeforeMs,
          row.notAfterMs,
          sealed,
          membersToken(row.members),
          row.key === undefined ? 0 : 1,
        );
      }),
    byId(sender, keyId) {
      const name = nameOf(sender, keyId);
      const known = openedById.get(name);
      if (known !== undefined) return known;
      const row = opened(byId.get<Row>(sender, keyId));
      if (openedById.size >= openedMax) openedById.clear();
      if (row !== undefined) openedById.set(name, row);
      return row;
    },
    own: (sender, members, atMs) => opened(own.get<Row>(sender, membersToken(members), atMs, atMs)),
  };
}
