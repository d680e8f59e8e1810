/** The environment variables that Comity reads: these, and no others. */
import { ComityError } from '../errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment of this process: the one place that reads it. */
export function processEnvironment(): Environment {
  return { ...process.env };
}

/** What the command line takes from the environment; each may be given as an option instead. */
export type ClientSettings = Readonly<{
  /** COMITY_URL: the gateway's API. */
  url?: string;
  /** COMITY_TOKEN_FILE: a file that holds the bearer token. */
  tokenFile?: string;
  /** NATS_SERVER: the nats-server to run; else it is searched for. */
  natsServer?: string;
  searchPath?: string;
  /** Whether the terminal may be coloured (NO_COLOR is not set). */
  colour: boolean;
}>;

export function readClientSettings(env: Environment): ClientSettings {
  return Object.freeze({
    ...member('url', env['COMITY_URL']),
    ...member('tokenFile', env['COMITY_TOKEN_FILE']),
    ...member('natsServer', env['NATS_SERVER']),
    ...member('searchPath', env['PATH']),
    colour: (env['NO_COLOR'] ?? '') === '',
  });
}

/** A variable that a configuration file names. CONFIG_INVALID where it is not set; its value is never shown. */
export function namedVariable(env: Environment, name: string): string {
  const value = env[name];
  if (value === undefined || value === '') {
    throw new ComityError('CONFIG_INVALID', `the environment variable \`${name}\` is not set`);
  }
  return value;
}

function member<K extends string>(name: K, value: string | undefined): { [P in K]?: string } {
  return (value === undefined || value === '' ? {} : { [name]: value }) as { [P in K]?: string };
}
