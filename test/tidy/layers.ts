/** Which part may import which (ARCHITECTURE.md, Direction of imports). */
import { type Source, sourcesIn } from './source.ts';
import type { Rule, Tree } from './tree.ts';

const leaves = ['errors', 'limits', 'types', 'subjects', 'clock', 'ids', 'bytes', 'csv', 'log', 'version'];

const first = ['keys', 'schema', 'policy', 'transport', 'store'];
const second = ['trust', 'envelope', 'audit', 'config'];
const third = ['gateway'];

/** Doors beside index.ts. They hold vocabulary only, and so import leaves only. */
const portDoors = ['store/port.ts', 'transport/port.ts', 'gateway/views.ts'];

/** For each module the modules whose doors it may use; everything may import leaves and src/gen. */
const lower: Readonly<Record<string, readonly string[]>> = {
  keys: [],
  schema: [],
  policy: [],
  transport: [],
  store: [],
  trust: ['keys', 'store/port.ts'],
  envelope: ['keys', 'schema'],
  audit: ['keys', 'store/port.ts'],
  config: ['keys', 'policy', 'gateway/views.ts'],
  gateway: [
    'keys',
    'schema',
    'policy',
    'transport',
    'transport/port.ts',
    'store/port.ts',
    'trust',
    'envelope',
    'audit',
  ],
  federation: [...first, ...second, ...third, ...portDoors],
  http: [...first, ...second, ...third, ...portDoors],
  cli: [...first, ...second, ...third, 'federation', ...portDoors],
};

/** What puts the parts together may import all of them. */
const composition = ['run.ts', 'agent.ts', 'import.ts', 'starters.ts', 'index.ts', 'comity.ts'];

export const directions: Rule = {
  name: 'imports point one way, and only through doors',
  check: (tree) => [
    ...sourcesIn(tree, 'src').flatMap(inProduct),
    ...sourcesIn(tree, 'agents', 'demo').flatMap(inAgents),
  ],
  controls: [
    { 'src/keys/planted.ts': "import { createLog } from '../store/index.ts';" },
    { 'src/policy/planted.ts': "import type { AgencyStatement } from '../keys/index.ts';" },
    { 'src/envelope/planted.ts': "import { sha256 } from '../keys/digest.ts';" },
    { 'src/gateway/planted.ts': "export { openStore } from '../store/index.ts';" },
    { 'src/http/planted.ts': "const cli = await import('../cli/index.ts');" },
    { 'src/cli/planted.ts': "type Server = import('../http/index.ts').Http;" },
    { 'src/store/port.ts': "import { openStore } from './open.ts';" },
    { 'src/audit/verify.ts': "import { createAuditLog } from './log.ts';" },
    { 'src/schema/planted.ts': "import { rfc3339 } from '../clock.ts';" },
    { 'src/types.ts': "import { sha256 } from './keys/index.ts';" },
    { 'src/novelty/planted.ts': 'export const here = true;' },
    { 'src/gateway/planted2.ts': "import { run } from '../../agents/police/main.ts';" },
    { 'agents/police/planted.ts': "import { mapRow } from '../heritage/mapping.ts';" },
    { 'demo/planted.ts': "import { createGateway } from '../src/gateway/index.ts';" },
    { 'src/run.ts': "import { helper } from '../test/support/nats.ts';" },
  ],
};

function inProduct(source: Source): readonly string[] {
  const from = placeOf(source.path);
  if (from === undefined) return [`${source.path} has no layer: say in test/tidy/layers.ts where it stands`];
  return source.imports.flatMap(({ target, line }) => {
    if (target === undefined || mayImport(source.path, from, target)) return [];
    return [`${source.path}:${line} may not import ${target}`];
  });
}

/** The module, `leaf` or `composition`. */
function placeOf(path: string): string | undefined {
  const inside = path.slice('src/'.length);
  const [module = '', ...rest] = inside.split('/');
  if (rest.length > 0) return module in lower ? module : undefined;
  if (composition.includes(inside)) return 'composition';
  return leaves.includes(inside.replace(/\.ts$/, '')) ? 'leaf' : undefined;
}

function mayImport(path: string, from: string, target: string): boolean {
  if (path === 'src/version.ts' && target === 'package.json') return true;
  if (!target.startsWith('src/')) return false;
  const inside = target.slice('src/'.length);
  if (inside.startsWith('gen/')) return from !== 'leaf';
  const to = placeOf(target);
  if (to === 'leaf') return !isTimeOfPure(from, inside);
  if (to === undefined || to === 'composition' || from === 'leaf') return from === 'composition';
  if (from === 'composition') return inside === `${to}/index.ts` || portDoors.includes(inside);
  if (portDoors.includes(path.slice('src/'.length))) return false;
  if (path === 'src/audit/verify.ts') return inside === 'keys/index.ts';
  if (to === from) return true;
  const allowed = lower[from] ?? [];
  return allowed.includes(inside) || (inside === `${to}/index.ts` && allowed.includes(to));
}

/** Facts and time are arguments there. */
function isTimeOfPure(from: string, leaf: string): boolean {
  return ['policy', 'schema'].includes(from) && ['clock.ts', 'log.ts'].includes(leaf);
}

function inAgents(source: Source): readonly string[] {
  const [top = '', folder = ''] = source.path.split('/');
  const own = top === 'demo' ? 'demo/' : `agents/${folder}/`;
  return source.imports.flatMap(({ target, line }) => {
    if (target === undefined || target === 'src/index.ts' || target.startsWith(own)) return [];
    return [`${source.path}:${line} may not import ${target}`];
  });
}

const builtinsOfAll = ['node:util', 'node:path', 'node:url', 'node:events', 'node:buffer', 'node:readline'];

/** Packages and builtins that touch the world, and the parts that may. A part is a module or a file. */
const confined: Readonly<Record<string, readonly string[]>> = {
  'node:sqlite': ['store'],
  '@nats-io': ['transport'],
  'node-forge': ['keys/development-pki.ts'],
  '@cedar-policy': ['policy'],
  fastify: ['http'],
  pino: ['log.ts'],
  yaml: ['config', 'cli', 'federation'],
  'node:crypto': [
    'keys',
    'ids.ts',
    'http/bearer.ts',
    'policy/cedar.ts',
    'store/quarantine.ts',
    'store/sealing.ts',
    'trust/authority-key.ts',
  ],
  'node:fs': [
    'cli',
    'config',
    'federation',
    'keys',
    'run.ts',
    'import.ts',
    'store',
    'transport',
    'trust/file-versions.ts',
  ],
  // openssl checks a chain when an authority admits an agency.
  'node:child_process': ['transport', 'federation', 'starters.ts', 'cli/trust-changes.ts'],
  'node:net': ['transport', 'federation'],
  'node:tls': ['transport'],
  'node:http': ['http'],
  'node:worker_threads': ['store'],
};

export const packages: Rule = {
  name: 'what touches the world is imported where it belongs',
  check: (tree) => sourcesIn(tree, 'src').flatMap((source) => outOfPlace(tree, source)),
  controls: [
    { 'src/gateway/planted.ts': "import { DatabaseSync } from 'node:sqlite';" },
    { 'src/gateway/planted.ts': "import { connect } from '@nats-io/transport-node';" },
    { 'src/keys/planted.ts': "import forge from 'node-forge';" },
    { 'src/envelope/planted.ts': "import { sign } from 'node:crypto';" },
    { 'src/schema/planted.ts': "import { readFileSync } from 'node:fs/promises';" },
    { 'src/policy/planted.ts': "import { request } from 'node:https';" },
    { 'src/cli/planted.ts': "const tool = await import('left-pad');" },
  ],
};

function outOfPlace(tree: Tree, source: Source): readonly string[] {
  const inside = source.path.slice('src/'.length);
  const declared = declaredPackages(tree);
  return source.imports.flatMap(({ specifier, target, typeOnly, line }) => {
    if (target !== undefined || builtinsOfAll.includes(specifier)) return [];
    const where = `${source.path}:${line}`;
    const name = Object.keys(confined).find((one) => specifier === one || specifier.startsWith(`${one}/`));
    const parts = confined[name ?? ''];
    if (parts?.some((part) => inside === part || inside.startsWith(`${part}/`))) return [];
    // The type of a key may stand anywhere: it is the operations on it that are confined.
    if (specifier === 'node:crypto' && typeOnly) return [];
    if (name !== undefined) return [`${where} may not import ${specifier}`];
    if (declared.some((one) => specifier === one || specifier.startsWith(`${one}/`))) return [];
    return [`${where} imports ${specifier}, which has no place and is no declared dependency`];
  });
}

function declaredPackages(tree: Tree): readonly string[] {
  const { dependencies } = JSON.parse(tree.text('package.json')) as { dependencies: Record<string, string> };
  return Object.keys(dependencies);
}

/** Operations of node:crypto outside keys/, each with the reason why it stands there. */
const cryptoElsewhere: Readonly<Record<string, readonly string[]>> = {
  'ids.ts': ['randomFillSync'],
  // Tokens are compared by digest, in constant time.
  'http/bearer.ts': ['timingSafeEqual'],
  // A digest names a set of policies and a quarantined message; both modules stand beside keys/.
  'policy/cedar.ts': ['createHash'],
  'store/quarantine.ts': ['createHash'],
  // Content at rest is sealed where it is written.
  'store/sealing.ts': ['createCipheriv', 'createDecipheriv', 'createHmac', 'createSecretKey', 'hkdfSync'],
  // Keys of federation authorities are read by ceremonies only.
  'trust/authority-key.ts': ['createPrivateKey', 'createPublicKey'],
};

export const signing: Rule = {
  name: 'cryptography stands in keys/, but for what is listed',
  check: (tree) =>
    sourcesIn(tree, 'src')
      .filter(({ path }) => !path.startsWith('src/keys/'))
      .flatMap(({ path, imports }) =>
        imports
          .filter(({ specifier, typeOnly }) => specifier === 'node:crypto' && !typeOnly)
          .flatMap(({ names, line }) =>
            names
              .filter((name) => !(cryptoElsewhere[path.slice('src/'.length)] ?? []).includes(name))
              .map((name) => `${path}:${line} may not import ${name} of node:crypto`),
          ),
      ),
  controls: [
    { 'src/http/bearer.ts': "import { sign, timingSafeEqual } from 'node:crypto';" },
    { 'src/store/sealing.ts': "import * as crypto from 'node:crypto';" },
    { 'src/trust/authority-key.ts': "import crypto from 'node:crypto';" },
  ],
};
