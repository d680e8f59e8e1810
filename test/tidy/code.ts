/** Rules on the text of the code itself. */
import { at, dotted, isNode, type Node, type Source, sourcesIn, walk } from './source.ts';
import type { Rule, Tree } from './tree.ts';

/** Ambient sources of time, chance and surroundings, and the files that own them, with the reason. */
const ambient: readonly Readonly<{ name: RegExp; owners: readonly string[] }>[] = [
  // The system's clock and timers stand behind the Clock port.
  {
    name: /^(Date\.now|performance\.now|setTimeout|setInterval|AbortSignal\.timeout|Temporal\.Now\..*)$/,
    owners: ['src/clock.ts'],
  },
  { name: /^(Math\.random|crypto\..*|globalThis\..*)$/, owners: ['src/ids.ts'] },
  // Configuration is read once; the executable hands the environment in.
  { name: /^process\.env(\..*)?$/, owners: ['src/config/', 'src/comity.ts'] },
  // A half-written file is named by its process, so that two writers never share one.
  { name: /^process\.pid$/, owners: ['src/keys/private-file.ts', 'src/federation/'] },
  // What starts processes knows its own.
  { name: /^process\.(?!env|pid)[a-z]\w*/, owners: ['src/comity.ts', 'src/starters.ts', 'src/federation/'] },
];

export const surroundings: Rule = {
  name: 'time, chance and the environment come in through parameters',
  check: (tree) =>
    sourcesIn(tree, 'src').flatMap((source) => {
      const found: string[] = [];
      walk(source.program, (node, above) => {
        const name = ambientName(node, above.at(-1));
        if (name === undefined || !ambient.some((rule) => rule.name.test(name))) return;
        const owned = ambient.some(
          (rule) => rule.name.test(name) && rule.owners.some((owner) => owns(owner, source.path)),
        );
        if (!owned) found.push(at(source, node, `uses ${name}`));
      });
      const timers = source.imports.filter(({ specifier }) =>
        /^(node:)?(timers|process)(\/|$)/.test(specifier),
      );
      return [
        ...found,
        ...timers.map(({ specifier, line }) => `${source.path}:${line} imports ${specifier}`),
      ];
    }),
  controls: [
    { 'src/gateway/planted.ts': 'export const at = () => Date.now();' },
    { 'src/gateway/planted.ts': 'export const at = () => new Date();' },
    { 'src/gateway/planted.ts': 'export const at = () => Date();' },
    { 'src/gateway/planted.ts': 'export const later = (run: () => void) => setTimeout(run, 10);' },
    { 'src/gateway/planted.ts': "import { setTimeout as wait } from 'node:timers/promises';" },
    { 'src/store/planted.ts': 'export const id = () => Math.random();' },
    { 'src/store/planted.ts': "export const id = () => crypto['randomUUID']();" },
    { 'src/http/planted.ts': "export const url = process.env['COMITY_URL'];" },
    { 'src/http/planted.ts': 'const { env } = process; export { env };' },
    { 'src/cli/planted.ts': 'process.exit(1);' },
  ],
};

function owns(owner: string, path: string): boolean {
  return owner.endsWith('/') ? path.startsWith(owner) : path === owner;
}

/** The dotted name of a global that is used here, longest chain only. */
function ambientName(node: Node, parent: Node | undefined): string | undefined {
  if (node.type === 'NewExpression' || node.type === 'CallExpression') {
    const plain = dotted(node['callee']) === 'Date' && (node['arguments'] as unknown[]).length === 0;
    return plain || (node.type === 'CallExpression' && dotted(node['callee']) === 'Date')
      ? 'Date.now'
      : undefined;
  }
  if (node.type === 'VariableDeclarator' && ['process', 'crypto'].includes(dotted(node['init']) ?? '')) {
    return `${dotted(node['init'])}.env`;
  }
  if (node.type !== 'MemberExpression' && node.type !== 'Identifier') return undefined;
  if (parent?.type === 'MemberExpression' && parent['object'] === node) return undefined;
  const isName = parent?.type === 'MemberExpression' || parent?.type === 'Property';
  if (node.type === 'Identifier' && isName) return undefined;
  return dotted(node);
}

export const agencyBlind: Rule = {
  name: 'the product names no agency',
  check: (tree) =>
    sourcesIn(tree, 'src').flatMap((source) => {
      const found: string[] = [];
      walk(source.program, (node, above) => {
        const text = literalText(node);
        if (text === undefined || isExample(above)) return;
        const [name] = text.replaceAll(/such as [a-z]{2}\.[a-z-]+/g, '').match(agencyPattern) ?? [];
        if (name !== undefined) found.push(at(source, node, `names ${name}`));
      });
      return found;
    }),
  controls: [
    { 'src/gateway/planted.ts': "export const favoured = 'gr.customs';" },
    { 'src/policy/planted.ts': 'export const isOurs = (id: string) => id === `it.police`;' },
    { 'src/cli/planted.ts': "export const text = 'expected an agency such as gr.customs, or de.liaison';" },
  ],
};

const agencyPattern = /\b[a-z]{2}\.(customs|police|heritage|liaison|former|prosecutor|oversight)\b/;

function literalText(node: Node): string | undefined {
  if (node.type === 'Literal' && typeof node['value'] === 'string') return node['value'];
  const value = node.type === 'TemplateElement' ? node['value'] : undefined;
  return typeof value === 'object' && value !== null && 'cooked' in value ? String(value.cooked) : undefined;
}

/** The `example` of a verb shows one. */
function isExample(above: readonly Node[]): boolean {
  const property = above.findLast(({ type }) => type === 'Property');
  const key = property?.['key'];
  return isNode(key) && key['name'] === 'example';
}

const forbiddenNodes: Readonly<Record<string, string>> = {
  TSAnyKeyword: 'any',
  TSNonNullExpression: 'a non-null assertion',
  TSEnumDeclaration: 'an enum',
  TSModuleDeclaration: 'a namespace',
  TSParameterProperty: 'a parameter property',
  ExportDefaultDeclaration: 'a default export',
};

export const constructs: Rule = {
  name: 'no construct that hides types, names or state',
  check: (tree) =>
    sourcesIn(tree, 'src', 'agents').flatMap((source) => {
      const found: string[] = [];
      walk(source.program, (node) => {
        const name = forbiddenNodes[node.type];
        if (name !== undefined) found.push(at(source, node, `has ${name}`));
        const whole = node.type === 'ExportAllDeclaration' && node['exportKind'] !== 'type';
        if (whole) found.push(at(source, node, 'exports everything of a file'));
      });
      return [...found, ...(memos.includes(source.path) ? [] : moduleState(source))];
    }),
  controls: [
    { 'src/gateway/planted.ts': 'export const open = (value: any) => value;' },
    { 'src/gateway/planted.ts': 'export const first = (list: string[]) => list[0]!;' },
    { 'src/gateway/planted.ts': 'export enum Lane { now }' },
    { 'src/gateway/planted.ts': 'export default 1;' },
    { 'src/gateway/planted.ts': "export * from './context.ts';" },
    { 'src/gateway/planted.ts': 'let count = 0; export const next = () => { count += 1; return count; };' },
    { 'src/gateway/planted.ts': 'export const cache = new Map<string, string>();' },
  ],
};

/** They remember what is derived from the release's own schemas, which never change in a process. */
const memos = ['src/schema/options.ts', 'src/schema/validators.ts', 'src/schema/wire-walk.ts'];

/** Nothing at the top of a module changes after it is loaded. */
function moduleState(source: Source): readonly string[] {
  const statements = (source.program['body'] as readonly Node[]).map((node) => node['declaration'] ?? node);
  return statements.filter(isNode).flatMap((node) => {
    if (node.type !== 'VariableDeclaration') return [];
    if (node['kind'] !== 'const') return [at(source, node, 'has module-level state')];
    return (node['declarations'] as readonly Node[])
      .filter(({ init }) => isNode(init) && isEmptyCollection(init))
      .map((declaration) => at(source, declaration, 'has module-level state'));
  });
}

function isEmptyCollection(init: Node): boolean {
  const isNew =
    init.type === 'NewExpression' &&
    ['Map', 'Set', 'WeakMap', 'WeakSet'].includes(dotted(init['callee']) ?? '');
  if (isNew) return (init['arguments'] as unknown[]).length === 0;
  return init.type === 'ArrayExpression' && (init['elements'] as unknown[]).length === 0;
}

const linesMax = 300;
/** A port says its duties in prose, beside each method. */
const longer: Readonly<Record<string, number>> = { 'src/store/port.ts': 450 };

export const fileLength: Rule = {
  name: `files have at most ${linesMax} lines`,
  check: (tree) =>
    sourcesIn(tree, 'src', 'agents', 'demo', 'scripts').flatMap(({ path, text }) => {
      const lines = text.trimEnd().split('\n').length;
      return lines > (longer[path] ?? linesMax) ? [`${path} has ${lines} lines`] : [];
    }),
  controls: [{ 'src/gateway/planted.ts': `${'// line\n'.repeat(linesMax)}export const last = true;\n` }],
};

const parametersMax = 3;
/** By path or folder: four arguments whose order is the thing's own. */
const more: readonly string[] = [
  // The columns of the error table.
  'src/errors.ts',
  // The tokens of a subject.
  'src/subjects.ts',
  // A position: subject, epoch, sequence, and what is said of it.
  'src/store/',
];

export const parameters: Rule = {
  name: `functions take at most ${parametersMax} positional parameters`,
  check: (tree) =>
    sourcesIn(tree, 'src', 'agents', 'demo').flatMap((source) => {
      const found: string[] = [];
      walk(source.program, (node) => {
        const params = node['params'];
        if (!Array.isArray(params) || node.type === 'TSTypeParameterInstantiation') return;
        const allowed = more.some((owner) => owns(owner, source.path)) ? parametersMax + 1 : parametersMax;
        if (/^TSTypeParameter/.test(node.type) || params.length <= allowed) return;
        found.push(at(source, node, `takes ${params.length} parameters: use an options object`));
      });
      return found;
    }),
  controls: [
    { 'src/gateway/planted.ts': 'export function send(a: 1, b: 2, c: 3, d: 4) { return [a, b, c, d]; }' },
    { 'src/gateway/planted.ts': 'export const send = (a: 1, b: 2, c: 3, d: 4) => [a, b, c, d];' },
    {
      'src/gateway/planted.ts':
        'export class Sender { send(a: 1, b: 2, c: 3, d = 4) { return [a, b, c, d]; } }',
    },
    { 'src/gateway/planted.ts': 'export interface Port { send(a: 1, b: 2, c: 3, d: 4): void }' },
  ],
};

export const names: Rule = {
  name: 'paths are in kebab-case, and no file is named for being a helper',
  check: (tree) =>
    tree.paths
      .filter((path) => /^(src|agents|demo|bench|scripts|test)\//.test(path) && path.endsWith('.ts'))
      .filter((path) => !path.startsWith('src/gen/'))
      .filter((path) => {
        const steps = path.split('/');
        const kebab = steps.every((step) => /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|d))?(\.ts)?$/.test(step));
        return !kebab || steps.some((step) => /^(utils?|helpers?|misc|common)(\.ts)?$/.test(step));
      })
      .map((path) => `${path} is not named for its idea`),
  controls: [
    { 'src/gateway/outBound.ts': '' },
    { 'src/utils/strings.ts': '' },
    { 'src/keys/helpers.ts': '' },
  ],
};

export const unfinished: Rule = {
  name: 'nothing is left for later in a comment',
  check: (tree) =>
    proseAndCode(tree).flatMap((path) =>
      tree
        .text(path)
        .split('\n')
        .flatMap((line, index) => (later.test(line) ? [`${path}:${index + 1} ${line.trim()}`] : [])),
    ),
  controls: [
    { 'src/gateway/planted.ts': `// ${['TO', 'DO'].join('')}: mend this` },
    { 'docs/planted.md': `${['FIX', 'ME'].join('')} before the release` },
    { 'scripts/planted.sh': `# ${['X', 'XX'].join('')}` },
  ],
};

// Written so that this file does not match itself.
const later = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X'.repeat(3), 'HA' + 'CK'].join('|')})\\b`);

function proseAndCode(tree: Tree): readonly string[] {
  return tree.paths.filter(
    (path) => /\.(ts|js|sh|md|proto|cedar|ya?ml|py)$/.test(path) && !path.startsWith('src/gen/'),
  );
}

export const errorWords: Rule = {
  name: 'errors are worded alike: lower-case, without a full stop',
  check: (tree) =>
    sourcesIn(tree, 'src', 'agents').flatMap((source) => {
      const found: string[] = [];
      walk(source.program, (node) => {
        if (node.type !== 'NewExpression' || dotted(node['callee']) !== 'ComityError') return;
        const words = (node['arguments'] as readonly Node[])[1];
        const text = words?.type === 'TemplateLiteral' ? templateText(words) : words && literalText(words);
        if (text === undefined || text === '') return;
        if (/^[A-Z][a-z]/.test(text) || /[^.]\.$/.test(text)) found.push(at(source, node, `says: ${text}`));
      });
      return found;
    }),
  controls: [
    { 'src/gateway/planted.ts': "throw new ComityError('INTERNAL', 'Something failed');" },
    { 'src/gateway/planted.ts': "throw new ComityError('INTERNAL', `it failed.`);" },
  ],
};

function templateText(template: Node): string {
  return (template['quasis'] as readonly Node[]).map((part) => literalText(part) ?? '').join('…');
}
