/** The hub, and then gateways, are killed in the middle of a burst of drafts. */
import type { AgencyId, Submission } from '../src/index.ts';
import type { Checks } from './checks.ts';
import { type Act, customs, example, heritage, liaison, police, type Stage } from './story.ts';
import { pause, seen } from './waiting.ts';

const drafts = 300;
const atOnce = 16;
/** So many accepted drafts are behind us when the kill comes. */
const killAfter = 100;
const receivers = [police, liaison, heritage];

export const crash: Act = {
  name: 'crash',
  summary: 'kill -9 of gateways and of the hub during bursts: every accepted message arrives once',
  async play(stage, { check }) {
    const { hub, running } = stage;
    // What a killed receiver had in hand comes back 15 s later; the other burst fills the time.
    const gateways = await burst(stage, check, {
      name: 'gateways',
      async kill() {
        const killed = [running.gateway(customs), running.gateway(police)];
        await Promise.all(killed.map((gateway) => gateway.kill9()));
        const back = await Promise.all(killed.map(({ agency }) => running.restartGateway(agency)));
        const pids = back.map(({ agency, pid }, index) => `${agency} (${killed[index]?.pid} → ${pid})`);
        return `sender and a receiver are killed and restarted, ${pids.join(', ')},`;
      },
    });
    const hubs = await burst(stage, check, {
      name: 'hub',
      async kill() {
        const { pid } = hub.hub.server;
        await hub.crashAndRestart();
        return `the hub is killed and restarted (${pid} → ${hub.hub.server.pid})`;
      },
    });
    await arrivals(stage, check, hubs);
    await arrivals(stage, check, gateways);
  },
};

type Burst = Readonly<{
  name: string;
  /** Kills and restarts; resolves with what it did, in words. */
  kill: () => Promise<string>;
}>;

/** So many drafts, with a kill in their midst. */
async function burst(stage: Stage, check: Checks['check'], { name, kill }: Burst): Promise<Accepted> {
  const before = new Map<AgencyId, number>();
  for (const agency of receivers) before.set(agency, await stage.desk(agency).newest());
  const { accepted, repeated, done } = await sendAll(stage, name, kill);
  check(
    accepted.size === drafts,
    `${done} after ${killAfter} of ${drafts} drafts: ${accepted.size} accepted, ${repeated} after a repetition`,
  );
  return { name, accepted, before };
}

type Accepted = Readonly<{
  name: string;
  /** Id to place in the channel. */
  accepted: ReadonlyMap<string, number>;
  /** The newest message of each receiver before the burst. */
  before: ReadonlyMap<AgencyId, number>;
}>;

async function arrivals(
  stage: Stage,
  check: Checks['check'],
  { name, accepted, before }: Accepted,
): Promise<void> {
  for (const agency of receivers) {
    const held = await seen(
      async () => {
        const found = await stage
          .desk(agency)
          .messages({ sender: customs, kind: 'seizure' }, before.get(agency));
        return found.filter(({ id }) => accepted.has(id));
      },
      (messages) => messages.length >= accepted.size,
    );
    const places = held.map(({ id }) => accepted.get(id) ?? 0).sort((a, b) => a - b);
    const [first = 0] = places;
    const whole = places.every((place, index) => place === first + index);
    check(
      held.length === accepted.size && whole,
      `${agency} holds ${held.length} of ${accepted.size} (${name}), places ${first} to ${places.at(-1)} of the channel, ${whole ? 'each once' : 'with gaps or twice'}`,
    );
  }
}

type Sent = Readonly<{
  /** Id to place in the channel. */
  accepted: ReadonlyMap<string, number>;
  repeated: number;
  done: string;
}>;

/** As a case system does it: what got no answer is sent again under its key. */
async function sendAll(stage: Stage, name: string, kill: () => Promise<string>): Promise<Sent> {
  const accepted = new Map<string, number>();
  let next = 0;
  let repeated = 0;
  let killing: Promise<string> | undefined;
  const worker = async () => {
    while (next < drafts) {
      const number = next++;
      const { submission, tries } = await insist(stage, { draft: drill(number), key: `${name}-${number}` });
      if (tries > 1) repeated += 1;
      accepted.set(submission.id, submission.copies[0]?.sequence ?? 0);
      if (accepted.size >= killAfter) killing ??= kill();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return { accepted, repeated, done: (await killing) ?? 'nothing was killed' };
}

function drill(number: number) {
  const draft = example('seizure-minimal');
  const { situation } = draft.payload as { situation: object };
  return {
    ...draft,
    payload: { ...draft.payload, situation: { ...situation, operation: `DRILL ${number}` } },
  };
}

type Insisting = Readonly<{ draft: unknown; key: string }>;
const triesMax = 200;

async function insist(
  stage: Stage,
  { draft, key }: Insisting,
): Promise<Readonly<{ submission: Submission; tries: number }>> {
  for (let tries = 1; ; tries += 1) {
    try {
      return { submission: await stage.desk(customs).send(draft, key), tries };
    } catch (error) {
      if (tries >= triesMax) throw error;
      await pause(100);
    }
  }
}
