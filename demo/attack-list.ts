/** What an agency can try with valid credentials of its own and a bare NATS client. */
import type { RawClient, RawMessage } from '../src/index.ts';

/** The attacker is gr.customs, the mailbox that of it.police, and de.liaison the one that it plays. */
const mailbox = 'TO_it_police';
const durable = 'it_police_day';
const ownDirected = 'comity.gr.customs.to.it.police.now.note';
const foreign = 'comity.de.liaison.to.it.police.now.red-flag';
const secondNs = 1_000_000_000;

/** Subjects of gr.customs on which its own gateway says nothing: what an attack leaves there is nobody's. */
export const spoilt: readonly string[] = [ownDirected];

export type Attacker = Readonly<{
  client: RawClient;
  inbox: string;
  hear: (message: RawMessage) => void;
  /** Message ids that can be derived from what the attacker sees. */
  guessedIds: readonly string[];
}>;

type Fields = Readonly<Record<string, string>>;
type Sent = Readonly<{ body?: unknown; reply?: string; fields?: Fields }>;
export type Try = (attacker: Attacker) => void;
export type Family = Readonly<{ aim: string; tries: readonly Try[] }>;

const says =
  (subject: string, fields: Fields = {}): Try =>
  (attacker) =>
    send(attacker, subject, { body: 'forged', fields });

function send({ client, inbox }: Attacker, subject: string, o: Sent = {}): void {
  const { body = '', reply = inbox, fields = {} } = o;
  const data = typeof body === 'string' ? body : JSON.stringify(body);
  client.publish(subject, data, {
    reply,
    ...(Object.keys(fields).length === 0 ? {} : { headers: fields }),
  });
}

/** A call of JetStream's API, under each name that it could have in an account. */
const calls =
  (call: string, body: unknown = '', sent: Sent = {}): Try =>
  (attacker) => {
    for (const prefix of ['$JS.API', 'JS.hub', '$JS.hub.API'])
      send(attacker, `${prefix}.${call}`, { ...sent, body });
  };

const impersonation: readonly Try[] = [
  says('comity.de.liaison.all.now.red-flag'),
  says(foreign),
  says('comity.de.liaison.statement'),
  says('comity.de.liaison.beat.red-flag'),
  says('comity.trust'),
  says('comity.gr.customs.all.now.request'),
  says(foreign, { 'Nats-Request-Info': '{"acc":"HUB","user":"hub"}' }),
  says(ownDirected, {
    'Nats-Schedule': '@at 2020-01-01T00:00:00Z',
    'Nats-Schedule-Target': foreign,
  }),
  says(ownDirected, { 'Nats-Stream-Source': `${mailbox} 1 > > ${foreign}` }),
  says(ownDirected, { 'Nats-Trace-Dest': foreign }),
];

const listens =
  (subject: string, queue?: string): Try =>
  ({ client, hear }) =>
    client.subscribe(subject, hear, queue);

const stolen = { name: 'STOLEN', storage: 'memory', retention: 'limits', num_replicas: 1 };
const everything = { ack_policy: 'none', deliver_policy: 'all' };

const reading: readonly Try[] = [
  listens('>'),
  listens('comity.*.*.to.it.police.>'),
  listens('comity.>', 'thieves'),
  listens('_INBOX.>'),
  listens('_R_.>'),
  listens('$JS.>'),
  calls(`DIRECT.GET.${mailbox}`, { seq: 1 }),
  calls(`DIRECT.GET.${mailbox}.comity.de.liaison.to.it.police.day.red-flag`),
  calls(`DIRECT.GET.${mailbox}.${ownDirected}`, { multi_last: ['comity.>'], batch: 10 }),
  calls(`DIRECT.GET.${mailbox}.${ownDirected}`, { seq: 1 }),
  calls(`STREAM.MSG.GET.${mailbox}`, { seq: 1 }),
  calls(`STREAM.INFO.${mailbox}`, { subjects_filter: '>' }),
  calls(`STREAM.SNAPSHOT.${mailbox}`, { deliver_subject: 'comity.de.liaison.statement' }),
  calls('STREAM.NAMES'),
  calls('STREAM.CREATE.STOLEN', { ...stolen, mirror: { name: mailbox } }),
  calls('STREAM.CREATE.STOLEN', { ...stolen, sources: [{ name: mailbox }] }),
  calls(`CONSUMER.CREATE.${mailbox}.spy`, {
    stream_name: mailbox,
    config: { ...everything, name: 'spy' },
  }),
  calls(`CONSUMER.CREATE.${mailbox}.gr_customs_day`, {
    stream_name: mailbox,
    config: { ...everything, name: 'gr_customs_day', durable_name: 'gr_customs_day' },
  }),
  calls(`CONSUMER.INFO.${mailbox}.${durable}`),
  calls(`CONSUMER.MSG.NEXT.${mailbox}.${durable}`, { batch: 10, no_wait: true }),
  (attacker) => send(attacker, `$JS.ACK.${mailbox}.${durable}.1.1.1.1.0`, { body: '+NXT {"batch":10}' }),
  (attacker) =>
    send(attacker, `$JS.ACK.${mailbox}.${durable}.1.gr_customs_day.1.1.0`, { body: '+NXT {"batch":10}' }),
];

const destruction: readonly Try[] = [
  calls(`STREAM.PURGE.${mailbox}`),
  calls(`STREAM.PURGE.${mailbox}`, { filter: 'comity.>' }),
  calls(`STREAM.DELETE.${mailbox}`),
  calls('STREAM.DELETE.ALL_it'),
  calls('STREAM.DELETE.DIRECTORY'),
  calls(`STREAM.MSG.DELETE.${mailbox}`, { seq: 1 }),
  calls(`STREAM.UPDATE.${mailbox}`, {
    name: mailbox,
    subjects: ['comity.*.*.to.it.police.*.note'],
    max_age: secondNs / 10,
  }),
  calls(`STREAM.RESTORE.${mailbox}`, { config: { name: mailbox } }),
  says(ownDirected, { 'Nats-Rollup': 'all' }),
  calls(`CONSUMER.DELETE.${mailbox}.${durable}`),
  calls(`CONSUMER.PAUSE.${mailbox}.${durable}`, { pause_until: '2099-01-01T00:00:00Z' }),
  calls(`CONSUMER.RESET.${mailbox}.${durable}`, { seq: 1 }),
  calls(`CONSUMER.CREATE.${mailbox}.${durable}`, {
    stream_name: mailbox,
    action: 'update',
    config: { durable_name: durable, name: durable, ack_policy: 'explicit', filter_subject: ownDirected },
  }),
  (attacker) => send(attacker, `$JS.ACK.${mailbox}.${durable}.1.1.1.1.0`, { body: '+TERM' }),
  (attacker) => send(attacker, '$JS.API.ACCOUNT.PURGE.HUB'),
  (attacker) => send(attacker, `$SYS.REQ.SERVER.${attacker.client.serverId}.RELOAD`),
  (attacker) => send(attacker, `$SYS.REQ.SERVER.${attacker.client.serverId}.KICK`, { body: { cid: 1 } }),
];

const squatting: readonly Try[] = [
  (attacker) => {
    for (const id of attacker.guessedIds)
      send(attacker, ownDirected, { body: 'squat', fields: { 'Nats-Msg-Id': id } });
  },
  (attacker) => {
    for (let index = 0; index < 60; index += 1) {
      const fields = { 'Nats-Batch-Id': `open-${index}`, 'Nats-Batch-Sequence': '1' };
      send(attacker, ownDirected, { body: 'open', fields });
    }
  },
];

/** Where the answer to an innocent request would do harm. */
const harmful: readonly string[] = [
  `$JS.API.STREAM.DELETE.${mailbox}`,
  `$JS.API.STREAM.PURGE.${mailbox}`,
  `$JS.API.CONSUMER.DELETE.${mailbox}.${durable}`,
  `$JS.API.DIRECT.GET.${mailbox}.comity.de.liaison.to.it.police.day.red-flag`,
  `$JS.ACK.${mailbox}.${durable}.1.1.1.1.0`,
  'comity.de.liaison.all.now.red-flag',
  'comity.de.liaison.statement',
  'comity.trust',
  foreign,
];

const next = 'CONSUMER.MSG.NEXT.TO_gr_customs.gr_customs_bulk';

/** What an agency may ask for, with a reply subject of its choice. */
const innocent: readonly ((attacker: Attacker, reply: string) => void)[] = [
  (a, reply) => calls(next, { batch: 1, no_wait: true }, { reply })(a),
  (a, reply) => calls(next, { batch: 1, expires: secondNs / 20 }, { reply })(a),
  (a, reply) => calls(next, '{"batch":"x"', { reply })(a),
  (a, reply) => calls('CONSUMER.INFO.TO_gr_customs.gr_customs_day', '', { reply })(a),
  (a, reply) => calls(`DIRECT.GET.${mailbox}.${ownDirected}`, '', { reply })(a),
  (a, reply) => calls('DIRECT.GET.ALL_gr.comity.gr.customs.all.bulk.note', '', { reply })(a),
  (a, reply) => send(a, ownDirected, { body: 'mine', reply }),
  (a, reply) =>
    send(a, ownDirected, {
      body: 'mine',
      reply,
      fields: { 'Nats-Expected-Last-Subject-Sequence': '999999' },
    }),
  (a, reply) => {
    const fields = { 'Nats-Batch-Id': `c-${reply}`.slice(0, 60), 'Nats-Batch-Commit': '1' };
    send(a, ownDirected, { body: 'mine', reply, fields: { ...fields, 'Nats-Batch-Sequence': '7' } });
  },
];

const byReply = harmful.flatMap((reply) =>
  innocent.map(
    (ask): Try =>
      (attacker) =>
        ask(attacker, reply),
  ),
);

export const families: readonly Family[] = [
  { aim: 'publish as another agency', tries: impersonation },
  { aim: 'read another’s mailbox', tries: reading },
  { aim: 'purge, delete or change streams and consumers', tries: destruction },
  { aim: 'occupy message ids and batches of others', tries: squatting },
  { aim: 'do so through the reply subject of an innocent request', tries: byReply },
];
