/** The demonstration: `comity demo [ACT]… [--json]`. Exit code 1 where a check fails, 2 for an act that is none. */
import { parseArgs } from 'node:util';
import { systemClock } from '../src/index.ts';
import { attacks } from './attacks.ts';
import { badInput } from './bad-input.ts';
import { canaries } from './canaries.ts';
import { Tally } from './checks.ts';
import { crash } from './crash.ts';
import { importObjects } from './import-objects.ts';
import { receipts } from './receipts.ts';
import { refusal } from './refusal.ts';
import { sealing } from './sealing.ts';
import { type Act, openStage, type Stage } from './story.ts';

const story: readonly Act[] = [importObjects, sealing, refusal, attacks, badInput, crash, receipts, canaries];

const print = (line: string) => void process.stdout.write(`${line}\n`);

async function main(argv: readonly string[]): Promise<number> {
  const asked = readArguments(argv);
  if (asked === undefined) return 2;
  const { acts, json } = asked;
  const stop = stopSignal();
  const say = json ? () => {} : print;
  const tally = new Tally(say);
  await playAll(acts, { tally, stop, say });
  const { findings, passed, failed, seconds } = tally;
  if (json) print(JSON.stringify({ findings, passed, failed, seconds }, undefined, 2));
  else print(`demo: ${passed} passed, ${failed} failed`);
  if (stop.aborted) return 130;
  return failed === 0 ? 0 : 1;
}

function readArguments(argv: readonly string[]): { acts: readonly Act[]; json: boolean } | undefined {
  const options = { json: { type: 'boolean' } } as const;
  const { values, positionals } = parseArgs({
    args: [...argv],
    options,
    allowPositionals: true,
    strict: false,
  });
  const unknown = [
    ...Object.keys(values).filter((name) => name !== 'json'),
    ...positionals.filter((name) => !story.some((act) => act.name === name)),
  ];
  if (unknown.length > 0) {
    process.stderr.write(`comity: USAGE: \`${unknown[0]}\` is no act; there are\n`);
    for (const { name, summary } of story) process.stderr.write(`  ${name.padEnd(15)} ${summary}\n`);
    return undefined;
  }
  const acts = positionals.length === 0 ? story : story.filter(({ name }) => positionals.includes(name));
  return { acts, json: values['json'] === true };
}

/** Ctrl-C and SIGTERM end the story; what it started is ended all the same. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => controller.abort());
  return controller.signal;
}

type Playing = Readonly<{ tally: Tally; stop: AbortSignal; say: (line: string) => void }>;

async function playAll(acts: readonly Act[], { tally, stop, say }: Playing): Promise<void> {
  say('a federation of five agencies is made, in a folder of its own and on free ports…');
  let stage: Stage;
  try {
    stage = await openStage();
  } catch (error) {
    tally.of('start').check(false, wordsOf(error));
    return;
  }
  try {
    for (const act of acts) {
      if (!stop.aborted) await bounded(act.play(stage, tally.of(act.name)), { act, tally, stop });
    }
  } finally {
    await stage.close();
  }
}

const actMsMax = 90_000;

/** Ends with the act, its time or the story; an act that breaks off is a check that failed. */
async function bounded(
  played: Promise<void>,
  { act, tally, stop }: Readonly<{ act: Act; tally: Tally; stop: AbortSignal }>,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const cancel = systemClock.after(actMsMax, () => reject(new Error(`not done in ${actMsMax / 1000} s`)));
  stop.addEventListener('abort', () => resolve(), { once: true });
  played.then(resolve, reject);
  try {
    await promise;
  } catch (error) {
    tally.of(act.name).check(false, `broke off: ${wordsOf(error)}`);
  } finally {
    cancel();
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

// What a broken-off act left open keeps nothing alive.
process.exit(await main(process.argv.slice(2)));
