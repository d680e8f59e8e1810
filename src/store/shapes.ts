/**
 * The shape of a message: direction, sender, kind, lane, schema, and for each section its category,
 * state and read class. Few shapes serve many messages, so a message names one, and whether an officer
 * may see it is decided once a shape.
 */
import { utf8, utf8Text } from '../bytes.ts';
import type { AgencyId, Category, Kind, Lane } from '../types.ts';
import type { Database } from './database.ts';
import type { MessageFacts, MessageFilter, ReadClass, SectionRow, SectionState } from './port.ts';
import type { Vault } from './sealing.ts';

export type ShapeSection = readonly [
  field: number,
  category: Category,
  state: SectionState,
  readClass: number,
];

export type Shape = Readonly<{
  direction: 'in' | 'out';
  sender: AgencyId;
  kind: Kind;
  lane: Lane;
  schema: string;
  sections: readonly ShapeSection[];
}>;

export interface Shapes {
  /** The number of a message's shape; drawn where it is new. */
  of(facts: MessageFacts, sections: readonly SectionRow[]): number;
  shape(id: number): Shape;
  /** Every shape's number. */
  ids(): readonly number[];
  readClasses(): readonly ReadClass[];
  /** The facts of one class. */
  classFacts(id: number): string;
}

const coverField = 1;

/** Whether the reader may see that messages of this shape exist, and whether the filter wants them. */
export function shapeMatches(shape: Shape, filter: MessageFilter, allowed: ReadonlySet<number>): boolean {
  if (filter.direction !== undefined && shape.direction !== filter.direction) return false;
  if (filter.sender !== undefined && shape.sender !== filter.sender) return false;
  if (filter.kind !== undefined && shape.kind !== filter.kind) return false;
  if (filter.lane !== undefined && shape.lane !== filter.lane) return false;
  return shape.sections.some(
    ([field, , state, readClass]) => (field === coverField || hasContent(state)) && allowed.has(readClass),
  );
}

export function hasContent(state: SectionState): boolean {
  return state === 'read' || state === 'open';
}

type ClassRow = Readonly<{ id: number; sealed: Uint8Array }>;
type ShapeRow = Readonly<{ id: number; shape: string }>;

export function createShapes(database: Database, vault: Vault): Shapes {
  const classes = createReadClasses(database, vault);
  const byText = new Map<string, number>();
  const byId = new Map<number, Shape>();
  let loadedUpTo = 0;
  database.onRollback(() => {
    byText.clear();
    byId.clear();
    loadedUpTo = 0;
  });
  const newer = database.prepare('SELECT id, shape FROM shapes WHERE id > ? ORDER BY id');
  const insert = database.prepare('INSERT INTO shapes (shape) VALUES (?)');

  const load = (): void => {
    for (const row of newer.all<ShapeRow>(loadedUpTo)) {
      byText.set(row.shape, row.id);
      byId.set(row.id, JSON.parse(row.shape) as Shape);
      loadedUpTo = row.id;
    }
  };
  return {
    of(facts, sections) {
      const shape: Shape = {
        direction: facts.direction,
        sender: facts.sender,
        kind: facts.kind,
        lane: facts.lane,
        schema: facts.schema,
        sections: sections.map((row) => [row.field, row.category, row.state, classes.of(row.readClass)]),
      };
      const text = JSON.stringify(shape);
      if (!byText.has(text)) load();
      const known = byText.get(text);
      if (known !== undefined) return known;
      const id = insert.insert(text);
      load();
      return id;
    },
    shape(id) {
      if (!byId.has(id)) load();
      const shape = byId.get(id);
      if (shape === undefined) throw new TypeError(`no shape has the number ${id}`);
      return shape;
    },
    ids() {
      load();
      return [...byId.keys()];
    },
    readClasses: classes.all,
    classFacts: classes.facts,
  };
}

function createReadClasses(database: Database, vault: Vault) {
  const known = new Map<string, number>();
  const listed = new Map<number, ReadClass>();
  let listedUpTo = 0;
  database.onRollback(() => {
    known.clear();
    listed.clear();
    listedUpTo = 0;
  });
  const find = database.prepare('SELECT id FROM read_classes WHERE token = ?');
  const insert = database.prepare('INSERT INTO read_classes (token, sealed) VALUES (?, ?)');
  const newer = database.prepare('SELECT id, sealed FROM read_classes WHERE id > ? ORDER BY id');
  // Senders choose the facts, so there may be very many.
  const load = (): void => {
    for (const row of newer.all<ClassRow>(listedUpTo)) {
      listed.set(row.id, { id: row.id, facts: utf8Text(vault.openRow('read-class', row.sealed)) });
      listedUpTo = row.id;
    }
  };
  return {
    of(facts: string): number {
      const remembered = known.get(facts);
      if (remembered !== undefined) return remembered;
      const token = vault.token('read-class', facts);
      const id =
        find.get<ClassRow>(token)?.id ?? insert.insert(token, vault.sealRow('read-class', utf8(facts)));
      known.set(facts, id);
      return id;
    },
    all(): readonly ReadClass[] {
      load();
      return [...listed.values()];
    },
    facts(id: number): string {
      if (!listed.has(id)) load();
      return listed.get(id)?.facts ?? '';
    },
  };
}
