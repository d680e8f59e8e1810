/** A TypeScript file as a syntax tree, and the questions that the rules ask of it. */
import { posix } from 'node:path';
import { parseAst } from 'vitest/node';
import type { Tree } from './tree.ts';

export type Node = Readonly<{ type: string; start: number; end: number } & Record<string, unknown>>;

export type Import = Readonly<{
  /** As written: a package, a builtin or a relative path. */
  specifier: string;
  /** A relative path resolved to one from the root. */
  target: string | undefined;
  typeOnly: boolean;
  /** What is imported by name as a value; `*` for all of it. */
  names: readonly string[];
  line: number;
}>;

export type Source = Readonly<{ path: string; text: string; program: Node; imports: readonly Import[] }>;

const parsed = new Map<string, Source>();

/** Hand-written TypeScript under the folders. */
export function sourcesIn(tree: Tree, ...folders: string[]): readonly Source[] {
  return tree.paths
    .filter((path) => path.endsWith('.ts') && !path.startsWith('src/gen/'))
    .filter((path) => folders.some((folder) => path.startsWith(`${folder}/`)))
    .map((path) => sourceOf(path, tree.text(path)));
}

export function sourceOf(path: string, text: string): Source {
  const known = parsed.get(path);
  if (known?.text === text) return known;
  const program = parseAst(text, { lang: 'ts' }) as unknown as Node;
  const source = { path, text, program, imports: importsOf(path, text, program) };
  parsed.set(path, source);
  return source;
}

export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

/** The violation as a line that an editor can jump to. */
export function at({ path, text }: Source, node: Node, words: string): string {
  return `${path}:${lineAt(text, node.start)} ${words}`;
}

/** Visits every node below and including `node`, with its ancestors, the nearest last. */
export function walk(node: Node, visit: (node: Node, above: readonly Node[]) => void): void {
  const above: Node[] = [];
  const enter = (one: Node): void => {
    visit(one, above);
    above.push(one);
    for (const member of Object.values(one)) {
      for (const child of Array.isArray(member) ? member : [member]) if (isNode(child)) enter(child);
    }
    above.pop();
  };
  enter(node);
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

/** `a.b.c` for a chain of plain names; undefined for anything else. */
export function dotted(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === 'Identifier') return String(node['name']);
  if (node.type !== 'MemberExpression') return undefined;
  const object = dotted(node['object']);
  const property = node['property'];
  if (object === undefined || !isNode(property)) return undefined;
  if (node['computed'] !== true) return `${object}.${String(property['name'])}`;
  return property.type === 'Literal' ? `${object}.${String(property['value'])}` : undefined;
}

function importsOf(path: string, text: string, program: Node): readonly Import[] {
  const found: Import[] = [];
  walk(program, (node) => {
    const source = node['source'] ?? (node.type === 'TSImportType' ? node['argument'] : undefined);
    const isImport = /^(Import|Export(Named|All)|TSImport)/.test(node.type) && isNode(source);
    if (!isImport) return;
    const literal = source.type === 'TSLiteralType' ? source['literal'] : source;
    const specifier = isNode(literal) ? String(literal['value']) : '';
    found.push({
      specifier,
      target: specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : undefined,
      typeOnly: isTypeOnly(node),
      names: namesOf(node),
      line: lineAt(text, node.start),
    });
  });
  return found;
}

function specifiersOf(node: Node): readonly Node[] {
  return Array.isArray(node['specifiers']) ? node['specifiers'].filter(isNode) : [];
}

function isTypeOnly(node: Node): boolean {
  if (node.type === 'TSImportType' || node['importKind'] === 'type' || node['exportKind'] === 'type')
    return true;
  const specifiers = specifiersOf(node);
  return specifiers.length > 0 && specifiers.every(isTypeSpecifier);
}

function isTypeSpecifier(specifier: Node): boolean {
  return specifier['importKind'] === 'type' || specifier['exportKind'] === 'type';
}

function namesOf(node: Node): readonly string[] {
  if (isTypeOnly(node)) return [];
  if (!node.type.startsWith('ImportDeclaration') && !node.type.startsWith('ExportNamed')) return ['*'];
  return specifiersOf(node)
    .filter((specifier) => !isTypeSpecifier(specifier))
    .map((specifier) => {
      const name = specifier['imported'] ?? specifier['local'];
      const whole = specifier.type !== 'ImportSpecifier' && specifier.type !== 'ExportSpecifier';
      return whole || !isNode(name) ? '*' : String(name['name'] ?? name['value']);
    });
}
