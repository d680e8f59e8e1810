#!/usr/bin/env node
/** The executable: `comity <verb>`. */
import { stopSignal } from './agent.ts';
import { main } from './cli/index.ts';
import { systemClock } from './clock.ts';
import { processEnvironment } from './config/index.ts';
import { systemRandom } from './ids.ts';
import { createLog } from './log.ts';
import { createStarters } from './starters.ts';

const env = processEnvironment();
const { stdout, stderr } = process;
// A reader such as `head` that has seen enough is no failure.
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});
const signal = stopSignal(process, false);
process.exitCode = await main(process.argv.slice(2), {
  stdout,
  stderr,
  env,
  signal,
  clock: systemClock,
  random: systemRandom,
  log: createLog('warn', 'comity'),
  starters: createStarters({ env, signal, stdout }),
});
