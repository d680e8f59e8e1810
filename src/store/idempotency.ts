/** Answers to requests that carried an idempotency key; they name references, so they are sealed. */
import { base64, hex, utf8, utf8Text } from '../bytes.ts';
import type { Database } from './database.ts';
import type { Idempotency } from './port.ts';
import type { Vault } from './sealing.ts';

type Content = Readonly<{ requestDigest: string; response: string }>;

export function createIdempotency(database: Database, vault: Vault): Idempotency {
  const find = database.prepare('SELECT sealed FROM idempotency WHERE officer = ? AND key_token = ?');
  const put = database.prepare(
    `INSERT INTO idempotency (officer, key_token, at_ms, sealed) VALUES (?, ?, ?, ?)
     ON CONFLICT (officer, key_token) DO UPDATE SET at_ms = excluded.at_ms, sealed = excluded.sealed`,
  );
  const forget = database.prepare('DELETE FROM idempotency WHERE at_ms < ?');
  const nameOf = (officer: string, token: Uint8Array) => `idempotency ${officer} ${hex(token)}`;
  return {
    find(officer, key) {
      const token = vault.token('idempotency', key);
      const sealed = find.get<{ sealed: Uint8Array }>(officer, token)?.sealed;
      if (sealed === undefined) return undefined;
      const content = JSON.parse(utf8Text(vault.openRow(nameOf(officer, token), sealed))) as Content;
      return {
        requestDigest: new Uint8Array(Buffer.from(content.requestDigest, 'base64')),
        response: content.response,
      };
    },
    remember: (officer, key, { requestDigest, response, nowMs }) =>
      database.write(() => {
        const token = vault.token('idempotency', key);
        const content: Content = { requestDigest: base64(requestDigest), response };
        put.run(officer, token, nowMs, vault.sealRow(nameOf(officer, token), utf8(JSON.stringify(content))));
      }),
    forgetBefore: (timeMs) => {
      database.write(() => forget.run(timeMs));
    },
  };
}
