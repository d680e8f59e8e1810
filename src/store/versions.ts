/** Highest versions seen of root, list and statements; they never go back. */
import type { Database } from './database.ts';
import type { Versions } from './port.ts';

export function createVersions(database: Database): Versions {
  const select = database.prepare('SELECT version, bytes FROM versions WHERE name = ?');
  const save = database.prepare(
    `INSERT INTO versions (name, version, bytes) VALUES (?, ?, ?)
     ON CONFLICT (name) DO UPDATE SET version = excluded.version, bytes = excluded.bytes
     WHERE excluded.version >= version`,
  );
  const names = database.prepare('SELECT name FROM versions ORDER BY name');
  return {
    load: (name) => select.get(name),
    save: (name, version, bytes) =>
      database.write(() => {
        if (save.run(name, version, bytes) === 0) throw new TypeError(`the version of \`${name}\` goes back`);
      }),
    names: () => names.all<{ name: string }>().map(({ name }) => name),
  };
}
