/** The files that a rule looks at: those of the checkout, with others laid over them by a control. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Tree {
  /** Paths from the root with forward slashes, sorted. */
  readonly paths: readonly string[];
  has(path: string): boolean;
  text(path: string): string;
}

/** A rule returns one line for each violation, which starts with the path. */
export type Rule = Readonly<{
  name: string;
  check: (tree: Tree) => readonly string[];
  /** Each lays files over the tree; the rule must then complain of the first of them. */
  controls: readonly Readonly<Record<string, string>>[];
}>;

const foreign = new Set(['node_modules', '.git', '.cache', '.comity', 'dist']);

export function checkout(): Tree {
  return treeOf(new Map(filesUnder('').map((path) => [path, undefined])));
}

/** The tree with these files in place of, or beside, its own; of the code nothing but these, for speed. */
export function withFiles(tree: Tree, files: Readonly<Record<string, string>>): Tree {
  const kept = tree.paths.filter((path) => !/^(src|test|agents|demo|bench)\/.*\.ts$/.test(path));
  const own = new Map<string, string | undefined>(kept.map((path) => [path, undefined]));
  for (const [path, text] of Object.entries(files)) own.set(path, text);
  return treeOf(own, tree);
}

function treeOf(files: ReadonlyMap<string, string | undefined>, below?: Tree): Tree {
  const read = new Map<string, string>();
  return {
    paths: [...files.keys()].sort(),
    has: (path) => files.has(path),
    text(path) {
      const given = files.get(path) ?? read.get(path);
      if (given !== undefined) return given;
      if (!files.has(path)) throw new TypeError(`the tree has no ${path}`);
      const text = below?.text(path) ?? readFileSync(join(root, path), 'utf8');
      read.set(path, text);
      return text;
    },
  };
}

function filesUnder(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (foreign.has(entry.name)) return [];
    return entry.isDirectory() ? filesUnder(path) : [path];
  });
}
