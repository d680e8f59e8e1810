/** Rules on what is written down beside the code: documents, decisions, dependencies, error codes. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { verbs } from '../../src/cli/index.ts';
import { errorTable } from '../../src/errors.ts';
import { arrows } from '../../src/gateway/index.ts';
import { at, dotted, type Node, sourcesIn, walk } from './source.ts';
import { type Rule, root, type Tree } from './tree.ts';

type Manifest = {
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};

function manifestOf(tree: Tree): Manifest {
  return JSON.parse(tree.text('package.json')) as Manifest;
}

function documents(tree: Tree): readonly string[] {
  return tree.paths.filter((path) => path.endsWith('.md'));
}

function isFolder(tree: Tree, path: string): boolean {
  const folder = `${path.replace(/\/$/, '')}/`;
  return tree.paths.some((one) => one.startsWith(folder));
}

export const decisions: Rule = {
  name: 'every decision is numbered once and listed in docs/adr/README.md',
  check: (tree) => {
    const files = tree.paths.filter((path) => /^docs\/adr\/(?!README)/.test(path));
    const numbers = files.map((path) => path.slice('docs/adr/'.length).slice(0, 4));
    const index = tree.text('docs/adr/README.md');
    return files.flatMap((path, position) => {
      const name = posix.basename(path);
      const problems = [];
      if (!/^[0-9]{4}-[a-z0-9-]+\.md$/.test(name)) problems.push(`${path} is not named NNNN-title.md`);
      if (numbers.indexOf(numbers[position] ?? '') !== position)
        problems.push(`${path} has a number that is taken`);
      if (!index.includes(`](${name})`)) problems.push(`${path} is not listed`);
      const title = tree.text(path).split('\n')[0] ?? '';
      if (!title.startsWith(`# ${numbers[position]} `))
        problems.push(`${path} does not begin with its number`);
      return problems;
    });
  },
  controls: [
    { 'docs/adr/9999-planted.md': '# 9999 Planted\n' },
    { 'docs/adr/planted.md': '# Planted\n' },
    { 'docs/adr/0001-z-planted.md': '# 0001 Planted\n' },
  ],
};

export const links: Rule = {
  name: 'links between documents lead somewhere',
  check: (tree) =>
    documents(tree).flatMap((path) =>
      [...prose(tree.text(path)).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) => {
        if (/^[a-z]+:/.test(target)) return [];
        const [file = '', anchor] = target.split('#');
        const resolved = file === '' ? path : posix.join(posix.dirname(path), file);
        if (!tree.has(resolved))
          return isFolder(tree, resolved) ? [] : [`${path} links to ${target}, which is not there`];
        if (anchor === undefined || anchorsOf(tree.text(resolved)).includes(anchor)) return [];
        return [`${path} links to ${target}, a heading that is not there`];
      }),
    ),
  controls: [
    { 'docs/planted.md': 'See [the wire](no-such-file.md).\n' },
    { 'docs/planted.md': 'See [the tour](../README.md#no-such-heading).\n' },
  ],
};

/** The text without code, which may hold brackets of its own. */
function prose(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```/gm, '').replaceAll(/`[^`\n]*`/g, '');
}

function anchorsOf(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} -]/gu, '')
      .replaceAll(' ', '-'),
  );
}

export const places: Rule = {
  name: 'paths in documents are paths of the tree',
  check: (tree) =>
    documents(tree).flatMap((path) =>
      [...tree.text(path).matchAll(/`((?:src|test|docs|config|scripts|proto|agents|demo|bench)\/[\w./-]+)`/g)]
        .map(([, named = '']) => named)
        .filter((named) => !tree.has(named) && !isFolder(tree, named))
        .map((named) => `${path} names ${named}, which is not there`),
    ),
  controls: [{ 'docs/planted.md': 'The limits are in `src/no-such-file.ts`.' }],
};

export const snippets: Rule = {
  name: 'commands in documents name scripts, verbs, options and files that exist',
  check: (tree) =>
    documents(tree).flatMap((path) =>
      shellLines(tree.text(path)).flatMap((line) =>
        wrongIn(tree, line).map((wrong) => `${path}: ${wrong}: ${line}`),
      ),
    ),
  controls: [
    { 'docs/planted.md': '```sh\nnpm run no-such-script\n```\n' },
    { 'docs/planted.md': '```sh\nnpm run -s comity -- no-such-verb\n```\n' },
    { 'docs/planted.md': '```sh\ncomity send config/examples/seizure.json --no-such-option\n```\n' },
    { 'docs/planted.md': '```sh\ncomity preview config/examples/no-such-draft.json\n```\n' },
    { 'docs/planted.md': '```sh\nscripts/no-such-script.sh\n```\n' },
  ],
};

/** Lines of shell blocks, continued lines joined, without comments and prompts. */
function shellLines(text: string): readonly string[] {
  return [...text.matchAll(/^```(?:sh|bash|shell)\n([\s\S]*?)^```/gm)].flatMap(([, block = '']) =>
    block
      .replaceAll(/\\\n\s*/g, ' ')
      .split('\n')
      .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
      .filter((line) => line !== ''),
  );
}

function wrongIn(tree: Tree, line: string): readonly string[] {
  const { scripts } = manifestOf(tree);
  const ownScripts = new Set(['ci', 'install', 'start', 'test', ...Object.keys(scripts)]);
  const named = [...line.matchAll(/\bnpm (?:run )?(?:-s )?([a-z][a-z:-]*)/g)].map(([, name = '']) => name);
  const wrong = named
    .filter(
      (name) => !ownScripts.has(name) || (['start', 'test'].includes(name) && scripts[name] === undefined),
    )
    .map((name) => `there is no script ${name}`);
  const files = [
    ...line.matchAll(/(?:^|\s)((?:config|scripts|docs|src|proto|test|agents|demo|bench)\/[\w./-]+)/g),
  ]
    .map(([, file = '']) => file)
    .filter(
      (file) => !tree.has(file) && !tree.paths.some((path) => path.startsWith(`${file.replace(/\/$/, '')}/`)),
    );
  return [...wrong, ...files.map((file) => `there is no file ${file}`), ...wrongVerb(line)];
}

function wrongVerb(line: string): readonly string[] {
  const [, call] = /(?:npm run (?:-s )?comity --|(?:^|[|&;]\s*)comity) (.*)$/.exec(line) ?? [];
  if (call === undefined) return [];
  const [name = '', ...rest] = call.split(/\s+[|>&;].*$/)[0]?.split(/\s+/) ?? [];
  if (name === 'help') return [];
  const verb = verbs.find((one) => one.name === name);
  if (verb === undefined) return [`there is no verb ${name}`];
  const known = new Set(['json', 'help', ...Object.keys(verb.options ?? {})]);
  return rest
    .filter((word) => word.startsWith('--'))
    .map((word) => word.slice(2).split('=')[0] ?? '')
    .filter((option) => !known.has(option))
    .map((option) => `${name} has no option --${option}`);
}

/** Hosts that a checkout must not depend on: it uses the package sources that the machine is set up with. */
const hostPattern = new RegExp(
  [
    ['registry', '[a-z0-9-]+', '[a-z]{2,}'].join('\\.'),
    ['npmjs', '(?:org|com)'].join('\\.'),
    ['deb', 'debian', 'org'].join('\\.'),
    ['(?:archive|security|snapshot)', '(?:debian|ubuntu)', '(?:org|com)'].join('\\.'),
    ['proxy', 'golang', 'org'].join('\\.'),
    ['pypi', 'org'].join('\\.'),
    ['githubusercontent', 'com'].join('\\.'),
    'github\\.com/[^\\s/]+/[^\\s/]+/releases',
    '//[a-z0-9.-]*(?:artifactory|nexus|verdaccio|mirror)[a-z0-9.-]*[:/]',
  ].join('|'),
  'i',
);

export const hosts: Rule = {
  name: 'no package source is named',
  check: (tree) =>
    tree.paths
      .filter((path) => !path.startsWith('src/gen/') && !/\.(binpb|p12|csv)$/.test(path))
      .flatMap((path) =>
        tree
          .text(path)
          .split('\n')
          .flatMap((line, index) => {
            const found = hostPattern.exec(line)?.[0];
            return found === undefined || isOfficialArchive(path, found)
              ? []
              : [`${path}:${index + 1} names ${found}`];
          }),
      ),
  controls: [
    { 'docs/planted.md': `from https://${['registry', 'example', 'net'].join('.')}/comity` },
    { 'package-lock.json': `"resolved": "https://${['registry', 'npmjs', 'org'].join('.')}/zod"` },
    { 'scripts/planted.sh': `curl http://${['deb', 'debian', 'org'].join('.')}/debian` },
    { 'src/cli/planted.ts': `const from = 'https://${'github.com'}/nats-io/nats-server/releases/download';` },
  ],
};

/** The one exception: where a nats-server is looked for may name its makers' archive. */
function isOfficialArchive(path: string, found: string): boolean {
  return path === 'src/transport/find-server.ts' && found.toLowerCase().includes('nats-io/nats-server');
}

export const pinned: Rule = {
  name: 'dependencies are pinned exactly',
  check: (tree) => {
    const { dependencies, devDependencies } = manifestOf(tree);
    return Object.entries({ ...dependencies, ...devDependencies })
      .filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))
      .map(([name, version]) => `package.json pins ${name} to ${version}`);
  },
  controls: [
    { 'package.json': '{"dependencies":{"zod":"^4.0.0"},"devDependencies":{}}' },
    { 'package.json': '{"dependencies":{},"devDependencies":{"vitest":"latest"}}' },
  ],
};

const dependencyPage = 'docs/adr/0004-dependencies.md';

export const justified: Rule = {
  name: 'every runtime dependency is used, and justified by a line',
  check: (tree) => {
    const { dependencies } = manifestOf(tree);
    const rows = tree
      .text(dependencyPage)
      .split('\n')
      .filter((line) => line.startsWith('|'));
    const listed = rows.flatMap((row) =>
      [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
    );
    const used = new Set(
      sourcesIn(tree, 'src', 'agents', 'demo').flatMap(({ imports }) =>
        imports.map(({ specifier }) => packageOf(specifier)),
      ),
    );
    const names = Object.keys(dependencies);
    return [
      ...names
        .filter((name) => !listed.includes(name))
        .map((name) => `package.json has ${name}, unlisted in ${dependencyPage}`),
      ...names
        .filter((name) => !used.has(name))
        .map((name) => `package.json has ${name}, which nothing uses at run time`),
      ...listed
        .filter((name) => !names.includes(name))
        .map((name) => `${dependencyPage} lists ${name}, which is no dependency`),
    ];
  },
  controls: [
    { 'package.json': '{"dependencies":{"left-pad":"1.0.0"},"devDependencies":{}}' },
    { [dependencyPage]: '| package | why |\n| `left-pad` | it is small |\n' },
  ],
};

function packageOf(specifier: string): string {
  const [first = '', second = ''] = specifier.split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}

type Lock = { packages: Record<string, { dev?: boolean; hasInstallScript?: boolean }> };

export const installScripts: Rule = {
  name: 'no runtime dependency runs an install script',
  check: (tree) => {
    const { packages } = JSON.parse(tree.text('package-lock.json')) as Lock;
    return Object.entries(packages)
      .filter(([path, { dev }]) => path !== '' && dev !== true)
      .filter(([path, { hasInstallScript }]) => hasInstallScript === true || runsScript(path))
      .map(([path]) => `package-lock.json has ${path}, which runs a script when it is installed`);
  },
  controls: [{ 'package-lock.json': '{"packages":{"node_modules/planted":{"hasInstallScript":true}}}' }],
};

/** As the installed package says itself; native code without a script is built by one all the same. */
function runsScript(path: string): boolean {
  const folder = join(root, path);
  const file = join(folder, 'package.json');
  if (!existsSync(file)) return false;
  const { scripts = {} } = JSON.parse(readFileSync(file, 'utf8')) as { scripts?: Record<string, string> };
  const named = ['preinstall', 'install', 'postinstall'].some((name) => scripts[name] !== undefined);
  return named || readdirSync(folder).includes('binding.gyp');
}

export const errorCodes: Rule = {
  name: 'error codes are in the table, and every code of the table is used',
  check: (tree) => {
    const used = new Set<string>();
    const unknown = sourcesIn(tree, 'src', 'agents', 'demo').flatMap((source) => {
      if (source.path === 'src/errors.ts') return [];
      const found: string[] = [];
      walk(source.program, (node) => {
        if (node.type === 'Literal' && typeof node['value'] === 'string') used.add(node['value']);
        const code = codeOfError(node);
        if (code !== undefined && !Object.hasOwn(errorTable, code))
          found.push(at(source, node, `throws ${code}`));
      });
      return found;
    });
    const table = tree.has('src/errors.ts') ? tree.text('src/errors.ts') : '';
    const idle = codesIn(table).filter((code) => !used.has(code));
    return [...unknown, ...idle.map((code) => `src/errors.ts has ${code}, which nothing uses`)];
  },
  controls: [
    { 'src/gateway/planted.ts': "throw new ComityError('NO_SUCH_CODE');" },
    { 'src/errors.ts': "export const errorTable = {\n  NEVER_USED: row(400, 4, 'nothing', 'planted'),\n};" },
  ],
};

function codeOfError(node: Node): string | undefined {
  if (node.type !== 'NewExpression' || dotted(node['callee']) !== 'ComityError') return undefined;
  const [code] = node['arguments'] as readonly Node[];
  return code?.type === 'Literal' ? String(code['value']) : undefined;
}

function codesIn(text: string): readonly string[] {
  return [...text.matchAll(/^ {2}([A-Z][A-Z0-9_]+): row\(/gm)].map(([, code = '']) => code);
}

export const crashPoints: Rule = {
  name: 'ARCHITECTURE.md says what happens at every arrow, and where every folder stands',
  check: (tree) => {
    const text = tree.text('ARCHITECTURE.md');
    const rows = text.split('\n').filter((line) => line.startsWith('|'));
    const folders = new Set(
      tree.paths.filter((path) => /^src\/[^/]+\//.test(path)).map((path) => `${path.split('/')[1]}/`),
    );
    return [
      ...arrows
        .filter((arrow) => !rows.some((row) => row.includes(`\`${arrow}\``)))
        .map((arrow) => `ARCHITECTURE.md: ${arrow}`),
      ...[...folders]
        .filter((folder) => !text.includes(folder))
        .map((folder) => `ARCHITECTURE.md: src/${folder}`),
    ];
  },
  controls: [{ 'ARCHITECTURE.md': '# Architecture\n' }],
};
