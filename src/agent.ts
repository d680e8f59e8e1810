/** The entry of an agency's own program: its profile, and the process around a gateway. */
import { parseArgs } from 'node:util';
import { processEnvironment } from './config/index.ts';
import { ComityError, errorTable } from './errors.ts';
import type { Profile } from './gateway/index.ts';
import { runGateway } from './run.ts';
import { isKind, type Kind, kindsOfGateways } from './types.ts';

/** The process as far as a gateway needs it. */
export type ProcessPort = Readonly<{
  stdout: Readonly<{ write(text: string): unknown }>;
  stdin: Readonly<{ once(event: 'close', run: () => void): unknown; resume(): unknown; unref?(): unknown }>;
  once(event: NodeJS.Signals, run: () => void): unknown;
}>;

/**
 * Freezes a profile. It narrows what the trust list grants: a kind that it leaves out is neither sent
 * nor taken. TypeError for an unknown kind, and for those that gateways send of themselves.
 */
export function defineProfile(
  o: Readonly<{ title: string; sends: readonly Kind[]; takes: readonly Kind[] }>,
): Profile {
  for (const kind of [...o.sends, ...o.takes]) {
    if (!isKind(kind)) throw new TypeError(`\`${kind}\` is not a kind`);
    if (kindsOfGateways.includes(kind)) throw new TypeError(`\`${kind}\` is the gateways' own`);
  }
  return Object.freeze({ title: o.title, sends: [...o.sends], takes: [...o.takes] });
}

/** Runs an agency's gateway by its arguments, `--config FILE`; resolves with the exit code. */
export async function runAgent(
  profile: Profile,
  argv: readonly string[],
  port: ProcessPort,
): Promise<number> {
  const say = (line: string) => void port.stdout.write(`${line}\n`);
  const { config: configFile, 'stop-with-stdin': stopWithStdin = false } = optionsOf(argv);
  if (configFile === undefined) {
    say(`comity: USAGE: ${profile.title}: expected --config FILE`);
    return errorTable.USAGE.exit;
  }
  const signal = stopSignal(port, stopWithStdin);
  return await runGateway(profile, { configFile, env: processEnvironment(), signal, say });
}

function optionsOf(argv: readonly string[]): { config?: string; 'stop-with-stdin'?: boolean } {
  try {
    return parseArgs({
      args: [...argv],
      options: { config: { type: 'string' }, 'stop-with-stdin': { type: 'boolean' } },
    }).values;
  } catch {
    return {};
  }
}

/**
 * Aborted by Ctrl-C and by SIGTERM; with `stopWithStdin` also when standard input ends, which is when
 * the process that holds it is gone. A service has none, so it never asks for that.
 */
export function stopSignal(port: ProcessPort, stopWithStdin: boolean): AbortSignal {
  const stop = new AbortController();
  const abort = () => stop.abort(new ComityError('GATEWAY_STOPPING'));
  port.once('SIGINT', abort);
  port.once('SIGTERM', abort);
  if (stopWithStdin) {
    port.stdin.once('close', abort);
    port.stdin.resume();
    // It is listened to, and does not keep a gateway alive that has stopped.
    port.stdin.unref?.();
  }
  return stop.signal;
}
