/** A member that lies: its own credentials, and none of a gateway's manners. */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connectRaw, type RawClient, type RawMessage, type Submission } from '../src/index.ts';
import { type Family, families, spoilt } from './attack-list.ts';
import type { Checks } from './checks.ts';
import { type HubState, harmBetween, readHubState } from './hub-state.ts';
import { type Act, customs, example, liaison, police, type Stage } from './story.ts';
import { pause, seen } from './waiting.ts';

const answerMsMax = 5000;

export const attacks: Act = {
  name: 'attacks',
  summary: 'bare NATS clients with an agency’s own credentials achieve nothing',
  async play(stage, checks) {
    // Nobody else acts on the mailbox while it is attacked, so every change there is the attacker's.
    await stage.running.gateway(police).stop();
    const waiting = [await toPolice(stage)];
    await atHub(stage, waiting);
    for (const family of families) {
      const lair = await hideOut(stage);
      waiting.push(await attack(stage, checks, { family, lair, waiting }));
      await lair.client.close();
    }
    await stage.running.restartGateway(police);
    await arrivals(stage, checks, waiting);
  },
};

/** A message that waits in the mailbox meanwhile, and is to arrive in the end. */
async function toPolice(stage: Stage): Promise<Submission> {
  return await stage.desk(liaison).send({ ...example('red-flag'), lane: 'day', to: { agencies: [police] } });
}

async function atHub(stage: Stage, sent: readonly Submission[]): Promise<void> {
  const desk = stage.desk(liaison);
  await seen(
    () => Promise.all(sent.map(({ id }) => desk.receipts(id))),
    (views) => views.every(({ recipients }) => recipients.every(({ state }) => state === 'published')),
  );
}

type Lair = Readonly<{ client: RawClient; inbox: string; heard: RawMessage[]; answered(): Promise<boolean> }>;

/** A connection with the agency's own credentials, and what it hears. */
async function hideOut(stage: Stage): Promise<Lair> {
  const { places } = stage.running.federation.agency(customs);
  const natsSeed = readFileSync(places.natsSeedFile, 'utf8').trim();
  const client = await connectRaw({ servers: stage.hub.hub.servers, natsSeed, name: customs });
  const inbox = `_INBOX.gr_customs.${randomBytes(8).toString('hex')}`;
  const heard: RawMessage[] = [];
  client.subscribe(inbox, (message) => heard.push(message));
  const answered = async () => {
    const reply = `_INBOX.gr_customs.${randomBytes(8).toString('hex')}`;
    let answer = '';
    client.subscribe(reply, ({ data }) => {
      answer = Buffer.from(data).toString();
    });
    client.publish('JS.hub.CONSUMER.INFO.TO_gr_customs.gr_customs_day', '', { reply });
    await seen(
      async () => answer,
      (text) => text !== '',
      answerMsMax,
    );
    return answer.includes('"stream_name":"TO_gr_customs"');
  };
  return { client, inbox, heard, answered };
}

type Attack = Readonly<{ family: Family; lair: Lair; waiting: readonly Submission[] }>;

/** All tries of one aim between two looks at the hub; meanwhile the honest go on. Returns what they sent. */
async function attack(
  stage: Stage,
  { check }: Checks,
  { family, lair, waiting }: Attack,
): Promise<Submission> {
  const before = await readHubState(stage);
  const { client, inbox, heard } = lair;
  const attacker = { client, inbox, hear: (message: RawMessage) => heard.push(message) };
  const guessedIds = await guess(stage, waiting, before);
  for (const run of family.tries) run({ ...attacker, guessedIds });
  await client.flush();
  const sent = await toPolice(stage);
  await atHub(stage, [sent]);
  // Also the control: the hub answers it, so what was denied was not denied to a dead connection.
  const alive = await lair.answered();
  // Nothing tells when a thing does not happen: the latest answer asked for comes after 50 ms.
  await pause(250);
  const harm = [
    ...(alive ? [] : ['the attacker was cut off']),
    ...harmBetween(before, await readHubState(stage), {
      mayGrow: (subject) => isHonest(subject) || spoilt.includes(subject),
      stoodStill: (stream) => stream === 'TO_it_police',
    }),
    ...(await learnt(stage, heard, [...waiting, sent])),
  ];
  check(
    harm.length === 0,
    `${family.tries.length} tries to ${family.aim}: ${harm.length === 0 ? `denied or harmless (${heard.length} answers heard)` : harm.join('; ')}`,
  );
  return sent;
}

/** What gateways send of themselves at any time, and the one message that this act sends. */
function isHonest(subject: string): boolean {
  const own = `comity.${liaison}.to.${police}.day.red-flag`;
  // The liaison broadcasts no red flags, so a beat about them would be the attacker's.
  const forged = `comity.${liaison}.beat.red-flag`;
  return (/\.(receipt|control)$|\.beat\./.test(subject) && subject !== forged) || subject === own;
}

/** What the attacker heard of messages that were not for it, or of another's mailbox. */
async function learnt(
  stage: Stage,
  heard: readonly RawMessage[],
  secret: readonly Submission[],
): Promise<string[]> {
  const envelopes = await Promise.all(secret.map(({ id }) => stage.desk(liaison).envelope(id)));
  const middles = envelopes.map((bytes) => Buffer.from(bytes).subarray(30, 120));
  const found = heard.flatMap(({ data }) => {
    const text = Buffer.from(data);
    const read = middles.some(
      (middle) => text.includes(middle) || text.includes(middle.toString('base64').slice(0, 100)),
    );
    if (read) return ['a message of another was read'];
    return told.test(String(text)) ? [`of another’s mailbox it was told ${String(text).slice(0, 200)}`] : [];
  });
  return [...new Set(found)];
}

/** An answer of JetStream that is no refusal and speaks of the victim; an account hears of its own refusals. */
const told = /^(?!.*error\\*":)(?=.*"type":"io\.nats).*(TO_it_police|it_police_day)/s;

/** Ids that use nothing secret: digests and ids of what was seen, and counts. */
async function guess(stage: Stage, waiting: readonly Submission[], { streams }: HubState): Promise<string[]> {
  const desk = stage.desk(liaison);
  const envelopes = await Promise.all(waiting.map(({ id }) => desk.envelope(id)));
  const digests = envelopes.map((bytes) => createHash('sha256').update(bytes).digest('hex'));
  const counts = Array.from({ length: 40 }, (_, index) => [`${index}`, `${liaison}-${index}`]).flat();
  return [
    ...digests,
    ...waiting.flatMap(({ id, copies }) => [id, copies[0]?.digest ?? id]),
    ...counts,
    ...streams.keys(),
  ];
}

async function arrivals(stage: Stage, { check }: Checks, waiting: readonly Submission[]): Promise<void> {
  const desk = stage.desk(police);
  const wanted = waiting.map(({ id }) => id);
  const found = await seen(
    async () => (await desk.messages({ sender: liaison, kind: 'red-flag' })).map(({ id }) => id),
    (ids) => wanted.every((id) => ids.includes(id)),
  );
  const once = wanted.every((id) => found.filter((other) => other === id).length === 1);
  check(
    once && new Set(found).size === found.length,
    `${police} is back: ${wanted.filter((id) => found.includes(id)).length} of ${wanted.length} messages that waited meanwhile arrive, once each`,
  );
  const junk = await seen(
    async () => (await desk.quarantine()).filter(({ sender }) => sender === customs),
    (rows) => rows.length > 0,
  );
  const codes = [...new Set(junk.map(({ code }) => code))];
  check(
    junk.length > 0 && junk.every(({ subject }) => spoilt.includes(subject)),
    `what the attacker wrote under its own name is quarantined: ${junk.length} of ${codes.join(', ')}`,
  );
}
