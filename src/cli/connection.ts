/** Which gateway a client verb speaks to, and as whom. */
import { readFileSync } from 'node:fs';
import { type Environment, readClientSettings, readLocalGateways } from '../config/index.ts';
import { ComityError } from '../errors.ts';
import { type Client, createClient } from './client.ts';
import { type Call, type OptionHelp, text, usageError, type Values } from './verb.ts';

export const connectionOptions = {
  url: { type: 'string' },
  'token-file': { type: 'string' },
  as: { type: 'string' },
  directory: { type: 'string' },
} as const;

export const connectionHelp: readonly OptionHelp[] = [
  { name: '--as AGENCY', meaning: 'the gateway of this agency in the local federation (default: its first)' },
  { name: '--url URL', meaning: 'the API of a gateway (COMITY_URL)' },
  { name: '--token-file FILE', meaning: 'holds the bearer token (COMITY_TOKEN_FILE)' },
  { name: '--directory DIR', meaning: 'the local federation (default: .comity)' },
];

export function clientOf({ values, io }: Call): Client {
  return clientFrom(values, io.env, io.signal);
}

/** The client that the connection options name. USAGE where they name none. */
export function clientFrom(
  values: Values,
  env: Environment,
  signal: AbortSignal = new AbortController().signal,
): Client {
  const { url, tokenFile } = addressOf(values, env);
  return createClient({ url: checkedUrl(url), token: readToken(tokenFile), signal });
}

function addressOf(values: Values, env: Environment): { url: string; tokenFile: string } {
  const settings = readClientSettings(env);
  const url = text(values, 'url') ?? (values['as'] === undefined ? settings.url : undefined);
  const tokenFile = text(values, 'token-file') ?? settings.tokenFile;
  if (url !== undefined) {
    if (values['as'] !== undefined) throw usageError('`--as` and `--url` exclude each other');
    if (tokenFile !== undefined) return { url, tokenFile };
    throw usageError('a gateway by its URL needs `--token-file` (or COMITY_TOKEN_FILE)');
  }
  return {
    ...localAddress(values),
    ...(values['token-file'] === undefined ? {} : { tokenFile: String(tokenFile) }),
  };
}

function localAddress(values: Values): { url: string; tokenFile: string } {
  const directory = text(values, 'directory') ?? '.comity';
  const gateways = readLocalGateways(directory);
  const wanted = text(values, 'as');
  if (gateways === undefined) {
    throw usageError(
      `no gateway is named, and \`${directory}\` holds no local federation: give --url, or run \`comity up\``,
    );
  }
  const found = wanted === undefined ? gateways[0] : gateways.find(({ agency }) => agency === wanted);
  if (found !== undefined) return found;
  throw usageError(
    `\`${wanted}\` is not in the local federation: ${gateways.map(({ agency }) => agency).join(', ')}`,
  );
}

/** A token goes out in clear text to this machine only. */
function checkedUrl(given: string): URL {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw usageError(`\`${given}\` is not the URL of an API`);
  }
  const local = /^(localhost|\[::1\]|127(\.[0-9]{1,3}){3})$/.test(url.hostname);
  if (url.protocol === 'http:' && !local) {
    throw usageError(`\`${given}\` would send the token in clear text: expected https`);
  }
  return url;
}

function readToken(path: string): string {
  try {
    const token = readFileSync(path, 'utf8').trim();
    if (/^[\x21-\x7e]+$/.test(token)) return token;
  } catch (error) {
    throw new ComityError('USAGE', `cannot read the token file \`${path}\``, { cause: error });
  }
  throw usageError(`\`${path}\` holds no token`);
}
