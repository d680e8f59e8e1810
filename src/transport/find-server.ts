/** Finds a nats-server that is new enough, or unpacks Debian's into a cache folder. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ComityError } from '../errors.ts';
import type { Log } from '../log.ts';

const run = promisify(execFile);

export type ServerBinary = Readonly<{ path: string; version: string }>;
export type FindServerOptions = Readonly<{
  /** A path that the operator names; nothing else is tried then. */
  given?: string | undefined;
  /** The search path, as in `PATH`. */
  searchPath?: string | undefined;
  /** Where a fetched server is kept: `.cache/nats` of the project. */
  cacheDirectory: string;
  /** Whether the server may be fetched from the package archive that this machine uses. */
  mayFetch: boolean;
  log: Log;
}>;

/** The oldest releases without a published flaw that matters here, one for each supported line. */
const floor = { current: [2, 14, 3], older: [2, 12, 12] } as const;
export const serverVersionFloor = '2.14.3 (2.12.12 on the 2.12 line)';

/** Whether a version such as `2.15.1` is at or above the floor. */
export function isServerVersionUsable(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map(Number);
  if (![major, minor, patch].every(Number.isInteger)) return false;
  const [, minorFloor, patchFloor] = floor.current;
  const [olderMajor, olderMinor, olderPatch] = floor.older;
  if (major !== olderMajor) return major > olderMajor;
  if (minor === olderMinor) return patch >= olderPatch;
  return minor > minorFloor || (minor === minorFloor && patch >= patchFloor);
}

/** Throws SERVER_MISSING, which says what was tried and what to install. */
export async function findServer(options: FindServerOptions): Promise<ServerBinary> {
  const tried: string[] = [];
  const cached = join(options.cacheDirectory, 'nats-server');
  for (const path of options.given === undefined
    ? [...onPath(options.searchPath), cached]
    : [options.given]) {
    const found = await inspect(resolve(path), tried);
    if (found !== undefined) return found;
  }
  if (options.given === undefined && options.mayFetch) {
    try {
      await fetchFromDebian(cached, options);
      const found = await inspect(cached, tried);
      if (found !== undefined) return found;
    } catch (error) {
      tried.push(`the package archive: ${error instanceof Error ? error.message.trim() : String(error)}`);
    }
  }
  throw missing(tried);
}

function onPath(searchPath = ''): string[] {
  return searchPath
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, 'nats-server'));
}

async function inspect(path: string, tried: string[]): Promise<ServerBinary | undefined> {
  if (!existsSync(path)) return undefined;
  try {
    const { stdout } = await run(path, ['--version'], { timeout: 10_000 });
    const version = /v(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1];
    if (version !== undefined && isServerVersionUsable(version)) return { path, version };
    tried.push(`\`${path}\` is ${version ?? 'of an unknown version'}`);
  } catch {
    tried.push(`\`${path}\` does not run`);
  }
  return undefined;
}

function missing(tried: readonly string[]): ComityError {
  return new ComityError(
    'SERVER_MISSING',
    `no usable nats-server was found: install nats-server ${serverVersionFloor} or newer, for example Debian's package ` +
      `nats-server 2.15.1-1 (amd64, SHA-256 ${debianDigest}) or the release archive of the same version, checked ` +
      `against its published checksum, and put it on the path or name it in NATS_SERVER`,
    { problems: tried.map((message) => ({ path: 'nats-server', message })) },
  );
}

const debianDigest = '31ef4ceaa84e8248d449e508472e3770c17c3695cb5cb0ee96e03912724ea884';
const debianKeyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
const debianSuite = 'forky';

/**
 * Unpacks, and does not install, the server of Debian testing. The archive is the one that the
 * machine itself is set up with, and Debian's own keyring verifies it. Each caller works in a folder
 * of its own and renames the result into place, so that callers at the same time do no harm.
 */
async function fetchFromDebian(target: string, { cacheDirectory, log }: FindServerOptions): Promise<void> {
  await mkdir(cacheDirectory, { recursive: true });
  const folder = await mkdtemp(join(resolve(cacheDirectory), 'fetch-'));
  try {
    await mkdir(join(folder, 'lists', 'partial'), { recursive: true });
    await mkdir(join(folder, 'cache', 'archives', 'partial'), { recursive: true });
    const archive = await debianArchive(folder);
    log.info('nats-server.fetching', { suite: debianSuite });
    const list = join(folder, 'testing.list');
    await writeFile(list, `deb [signed-by=${debianKeyring}] ${archive} ${debianSuite} main\n`);
    const source = ['-o', `Dir::Etc::sourcelist=${list}`, '-o', 'Dir::Etc::sourceparts=/dev/null'];
    await apt(folder, [...source, 'update']);
    await apt(folder, [...source, 'download', 'nats-server']);
    const deb = (await readdir(folder)).find((name) => name.endsWith('.deb'));
    if (deb === undefined) throw new Error('apt-get downloaded nothing');
    await run('dpkg', ['-x', join(folder, deb), join(folder, 'root')]);
    const binary = join(folder, 'root', 'usr', 'sbin', 'nats-server');
    await chmod(binary, 0o755);
    await rename(binary, target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The address of the Debian archive in the machine's own configuration. */
async function debianArchive(folder: string): Promise<string> {
  const known = await indexTargets([]);
  if (known !== undefined) return known;
  await apt(folder, ['update']);
  const fresh = await indexTargets(privateState(folder));
  if (fresh !== undefined) return fresh;
  throw new Error('this machine is not set up with a Debian archive');
}

async function indexTargets(options: readonly string[]): Promise<string | undefined> {
  const { stdout } = await run('apt-get', [...options, 'indextargets', '--format', '$(REPO_URI)']);
  return stdout
    .split('\n')
    .find((line) => /\/debian\/?$/.test(line.trim()))
    ?.trim();
}

function privateState(folder: string): string[] {
  return [
    ...['-o', `Dir::State::lists=${join(folder, 'lists')}`],
    ...['-o', `Dir::Cache=${join(folder, 'cache')}`],
    ...['-o', 'APT::Sandbox::User=root'],
  ];
}

async function apt(folder: string, command: readonly string[]): Promise<void> {
  await run('apt-get', ['-qq', ...privateState(folder), ...command], { cwd: folder, timeout: 300_000 });
}
