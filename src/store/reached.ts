/** How far the hub and each recipient have come on our channels, and when: by what was stored and by cumulative receipts. */
import type { AgencyId } from '../types.ts';
import type { Database } from './database.ts';

/** The hub's name among the parties; no agency has it. */
export const hubParty = '';

export type Member = Readonly<{ agency: AgencyId; fields: readonly number[]; state: 'sent' | 'no-keys' }>;

export interface Reached {
  upTo(channel: number, party: string): number;
  /** When the party came to the sequence; undefined before. */
  since(channel: number, party: string, sequence: number): number | undefined;
  /** Notes progress; a step back is none. Returns the former position. */
  advance(channel: number, party: string, o: Readonly<{ upTo: number; nowMs: number }>): number;
  /** For each set of recipients on the channel, how far all of them have come. */
  floors(channel: number): readonly Readonly<{ recipients: number; upTo: number }>[];
  members(recipients: number): readonly Member[];
  /** The number of a set of recipients. */
  setOf(members: readonly Member[]): number;
}

export function createReached(database: Database): Reached {
  const sets = createRecipientSets(database);
  const highest = database.prepare('SELECT max(up_to) AS up_to FROM reached WHERE channel = ? AND party = ?');
  const since = database.prepare(
    'SELECT at_ms FROM reached WHERE channel = ? AND party = ? AND up_to >= ? ORDER BY up_to LIMIT 1',
  );
  const insert = database.prepare('INSERT INTO reached (channel, party, up_to, at_ms) VALUES (?, ?, ?, ?)');
  const setsOf = database.prepare(
    `SELECT DISTINCT x.recipients FROM outbox o JOIN expected x ON x.channel = o.channel AND x.sequence = o.sequence
     WHERE o.channel = ?`,
  );
  const upTo = (channel: number, party: string): number =>
    highest.get<{ up_to: number | null }>(channel, party)?.up_to ?? 0;
  return {
    upTo,
    since: (channel, party, sequence) => since.get<{ at_ms: number }>(channel, party, sequence)?.at_ms,
    advance(channel, party, o) {
      const former = upTo(channel, party);
      if (o.upTo > former) insert.run(channel, party, o.upTo, o.nowMs);
      return former;
    },
    floors: (channel) =>
      setsOf.all<{ recipients: number }>(channel).map(({ recipients }) => {
        const awaited = sets.members(recipients).filter(({ state }) => state === 'sent');
        return {
          recipients,
          upTo: awaited.reduce(
            (least, { agency }) => Math.min(least, upTo(channel, agency)),
            Number.MAX_SAFE_INTEGER,
          ),
        };
      }),
    members: sets.members,
    setOf: sets.of,
  };
}

function createRecipientSets(database: Database) {
  const byText = new Map<string, number>();
  const byId = new Map<number, readonly Member[]>();
  database.onRollback(() => {
    byText.clear();
    byId.clear();
  });
  const find = database.prepare('SELECT id FROM recipient_sets WHERE members = ?');
  const insert = database.prepare('INSERT INTO recipient_sets (members) VALUES (?)');
  const select = database.prepare('SELECT members FROM recipient_sets WHERE id = ?');
  return {
    of(members: readonly Member[]): number {
      const ordered = members.toSorted((a, b) => (a.agency < b.agency ? -1 : 1));
      const text = JSON.stringify(ordered.map(({ agency, fields, state }) => [agency, state, fields]));
      const known = byText.get(text) ?? find.get<{ id: number }>(text)?.id ?? insert.insert(text);
      byText.set(text, known);
      return known;
    },
    members(id: number): readonly Member[] {
      const known = byId.get(id);
      if (known !== undefined) return known;
      const text = select.get<{ members: string }>(id)?.members ?? '[]';
      const members = (JSON.parse(text) as [AgencyId, Member['state'], number[]][]).map(
        ([agency, state, fields]) => ({
          agency,
          fields,
          state,
        }),
      );
      byId.set(id, members);
      return members;
    },
  };
}
