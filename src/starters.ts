/** What the command line starts: handed to it, since it stands below. */
import { spawn } from 'node:child_process';
import { extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Io, Starters, UpOptions } from './cli/index.ts';
import { systemClock } from './clock.ts';
import { readClientSettings, readFederationPlan } from './config/index.ts';
import { ComityError } from './errors.ts';
import { createLocalFederation, type RunningFederation, startFederation } from './federation/index.ts';
import { systemRandom } from './ids.ts';
import { createLog } from './log.ts';
import { runGateway } from './run.ts';
import { kinds, kindsOfGateways } from './types.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Of a gateway whose agency has no program of its own: all that the trust list grants. */
const anyKind = kinds.filter((kind) => !kindsOfGateways.includes(kind));

export function createStarters(o: Pick<Io, 'env' | 'signal' | 'stdout'>): Starters {
  return {
    up,
    demo: (acts) => demo(acts, o),
    gateway: (configFile) =>
      runGateway(
        { title: 'gateway', sends: anyKind, takes: anyKind },
        {
          configFile,
          env: o.env,
          signal: o.signal,
          say: (line) => void o.stdout.write(`${line}\n`),
        },
      ),
  };
}

async function up(o: UpOptions): Promise<void> {
  const plan = readFederationPlan(o.planFile ?? join(root, 'config', 'local-federation.yaml'));
  const unknown = Object.keys(o.ports).find((id) => !plan.agencies.some(({ agency }) => agency === id));
  if (unknown !== undefined) throw new ComityError('USAGE', `\`${unknown}\` is not in the plan`);
  const clock = systemClock;
  o.say('making ready…');
  const federation = await createLocalFederation({
    directory: o.directory,
    plan,
    clock,
    random: systemRandom,
  });
  const { natsServer, searchPath } = readClientSettings(o.env);
  const running = await startFederation({
    federation,
    clock,
    env: o.env,
    log: createLog('warn', 'hub'),
    hubPort: o.hubPort ?? plan.hubPort,
    ports: Object.fromEntries(plan.agencies.map(({ agency, port }) => [agency, o.ports[agency] ?? port])),
    natsServer,
    searchPath,
    cacheDirectory: join(root, '.cache', 'nats'),
  });
  greet(running, o);
  try {
    await untilStopped(running, o.signal);
  } finally {
    o.say('stopping…');
    await running.stop();
  }
}

function greet({ federation, gateways, hub }: RunningFederation, o: UpOptions): void {
  o.say(`${federation.name} (${federation.environment}), hub on ${hub.server}`);
  for (const { planned, places } of federation.agencies) {
    const url = gateways.get(planned.agency)?.url;
    o.say(`  ${planned.agency.padEnd(14)} ${url}  token in ${relative('', places.tokenFile)}`);
  }
  const [first] = federation.agencies;
  const directory = o.directory === '.comity' ? '' : ` --directory ${o.directory}`;
  o.say(
    `try: npm run -s comity -- preview config/examples/seizure.json --as ${first?.planned.agency}${directory}`,
  );
  o.say('Ctrl-C stops it');
}

/** A gateway that ends by itself ends the federation, and says where to look. */
async function untilStopped(running: RunningFederation, signal: AbortSignal): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const ended = [...running.gateways.values()].map(async ({ agency, exited }) => {
    const exit = await exited;
    if (signal.aborted) return;
    const { logFile } = running.federation.agency(agency).places;
    throw new ComityError('INTERNAL', `the gateway of ${agency} ended with ${exit}: see \`${logFile}\``);
  });
  await Promise.race([stopped, ...ended]);
}

/** The demonstration stands above this and is a program of its own. */
async function demo(acts: readonly string[], o: Pick<Io, 'env' | 'signal'>): Promise<number> {
  const child = spawn(process.execPath, [join(root, 'demo', `main${extname(import.meta.url)}`), ...acts], {
    stdio: 'inherit',
    env: { ...o.env },
  });
  const stop = () => child.kill('SIGTERM');
  o.signal.addEventListener('abort', stop, { once: true });
  return await new Promise<number>((resolve) => {
    child.once('error', () => resolve(1));
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
