/**
 * What an agency with valid credentials of its own, `gr.customs`, tries against the hub with a raw
 * NATS connection. Each attack only acts; whether it did anything is judged by the hub's state.
 */
import { headers, type NatsConnection } from '@nats-io/transport-node';

export type Attacker = Readonly<{
  connection: NatsConnection;
  serverId: string;
  /** A reply subject that the attacker may listen to. */
  inbox: string;
  /** One of its own messages that it has taken and not acknowledged: its reply subject. */
  ownAck: string;
  /** Lets those whom the attacker spies on do something harmless of theirs. */
  victimsActs: () => Promise<void>;
  /** Message ids that can be derived from what the attacker sees. */
  guessedIds: readonly string[];
  wait: (delayMs: number) => Promise<void>;
}>;

export type Attack = Readonly<{ name: string; run: (attacker: Attacker) => Promise<void> | void }>;

const mailbox = 'TO_it_police';
const durable = 'it_police_now';
const own = 'comity.gr.customs.all.now.seizure';
const ownDirected = 'comity.gr.customs.to.it.police.now.note';
const foreign = 'comity.it.heritage.to.it.police.now.note';

type Sent = Readonly<{ reply?: string; fields?: Readonly<Record<string, string>> }>;

function send(
  attacker: Attacker,
  subject: string,
  body: unknown = '',
  { reply, fields = {} }: Sent = {},
): void {
  const carried = headers();
  for (const [name, value] of Object.entries(fields)) carried.set(name, value);
  const data = typeof body === 'string' ? body : JSON.stringify(body);
  attacker.connection.publish(subject, data, {
    reply: reply ?? attacker.inbox,
    ...(Object.keys(fields).length === 0 ? {} : { headers: carried }),
  });
}

/** An API call, under the name that it has in each layout. */
function api(attacker: Attacker, call: string, body: unknown = '', sent: Sent = {}): void {
  for (const prefix of ['$JS.API', 'JS.hub', '$JS.hub.API']) send(attacker, `${prefix}.${call}`, body, sent);
}

const named = (name: string, run: Attack['run']): Attack => ({ name, run });
const calls = (name: string, call: string, body: unknown = ''): Attack =>
  named(name, (attacker) => api(attacker, call, body));
const says = (name: string, subject: string, fields: Readonly<Record<string, string>> = {}): Attack =>
  named(name, (attacker) => send(attacker, subject, 'forged', { fields }));

const spy = (name: string, subject: string, queue?: string): Attack =>
  named(name, async (attacker) => {
    attacker.connection.subscribe(subject, queue === undefined ? {} : { queue });
    await attacker.connection.flush();
    await attacker.victimsActs();
  });

const stolen = {
  name: 'STOLEN',
  subjects: ['stolen.>'],
  storage: 'memory',
  retention: 'limits',
  num_replicas: 1,
};
const durationNs = 1_000_000_000;

const straight: readonly Attack[] = [
  says('publish as another agency', 'comity.it.heritage.all.now.note'),
  says('publish into a mailbox as another agency', foreign),
  says('publish a kind that is not granted', 'comity.gr.customs.all.now.request'),
  says('publish a directed kind that is not granted', 'comity.gr.customs.to.it.police.now.request'),
  says('publish another agency’s statement', 'comity.it.heritage.statement'),
  says('publish another agency’s heartbeat', 'comity.it.heritage.beat.note'),
  says('publish a trust list', 'comity.trust'),
  calls('direct get by subject from another mailbox', `DIRECT.GET.${mailbox}.${foreign}`),
  calls('direct get by sequence from another mailbox', `DIRECT.GET.${mailbox}`, { seq: 1 }),
  named('direct get of its own subject, with a body that asks for another', (attacker) => {
    const call = `DIRECT.GET.${mailbox}.${ownDirected}`;
    for (const body of [
      { seq: 1 },
      { last_by_subj: foreign },
      { seq: 1, batch: 10 },
      { multi_last: ['comity.>'], batch: 10 },
      { next_by_subj: 'comity.>' },
    ]) {
      api(attacker, call, body);
    }
  }),
  calls('stream message get', `STREAM.MSG.GET.${mailbox}`, { seq: 1 }),
  calls('stream message delete', `STREAM.MSG.DELETE.${mailbox}`, { seq: 1 }),
  calls('purge a stream', `STREAM.PURGE.${mailbox}`),
  calls('delete a stream', `STREAM.DELETE.${mailbox}`),
  calls('update a stream so that its messages age out', `STREAM.UPDATE.${mailbox}`, {
    name: mailbox,
    subjects: ['comity.*.*.to.it.police.*.note'],
    max_age: durationNs / 10,
    max_bytes: 1000,
  }),
  calls('create a mirror of another mailbox', 'STREAM.CREATE.STOLEN', {
    ...stolen,
    subjects: [],
    mirror: { name: mailbox },
  }),
  calls('create a stream that sources another mailbox', 'STREAM.CREATE.STOLEN', {
    ...stolen,
    sources: [{ name: mailbox }],
  }),
  calls('create a stream that republishes', 'STREAM.CREATE.STOLEN', {
    ...stolen,
    republish: { src: '>', dest: 'comity.it.heritage.all.now.note' },
  }),
  calls('list streams', 'STREAM.LIST'),
  calls('list stream names', 'STREAM.NAMES'),
  calls('stream info with every subject', `STREAM.INFO.${mailbox}`, { subjects_filter: '>' }),
  named('snapshot another mailbox', (attacker) =>
    api(attacker, `STREAM.SNAPSHOT.${mailbox}`, { deliver_subject: attacker.inbox, chunk_size: 65536 }),
  ),
  calls('restore over another mailbox', `STREAM.RESTORE.${mailbox}`, { config: { name: mailbox } }),
  named('create a consumer on another mailbox and read it', async (attacker) => {
    const config = { ack_policy: 'none', deliver_policy: 'all' };
    api(attacker, `CONSUMER.CREATE.${mailbox}.spy`, {
      stream_name: mailbox,
      config: { ...config, name: 'spy' },
    });
    api(attacker, `CONSUMER.DURABLE.CREATE.${mailbox}.spy`, {
      stream_name: mailbox,
      config: { ...config, durable_name: 'spy' },
    });
    await attacker.wait(50);
    api(attacker, `CONSUMER.MSG.NEXT.${mailbox}.spy`, { batch: 10, no_wait: true });
  }),
  named('create a consumer of its own name on another mailbox', async (attacker) => {
    const config = { ack_policy: 'none', deliver_policy: 'all', durable_name: 'gr_customs_now' };
    const body = { stream_name: mailbox, config: { ...config, name: 'gr_customs_now' } };
    api(attacker, `CONSUMER.CREATE.${mailbox}.gr_customs_now`, body);
    api(attacker, `CONSUMER.DURABLE.CREATE.${mailbox}.gr_customs_now`, body);
    await attacker.wait(50);
    api(attacker, `CONSUMER.MSG.NEXT.${mailbox}.gr_customs_now`, { batch: 10, no_wait: true });
  }),
  named('narrow another agency’s durable to nothing', (attacker) => {
    const config = { durable_name: durable, name: durable, ack_policy: 'explicit', deliver_policy: 'all' };
    const body = {
      stream_name: mailbox,
      action: 'update',
      config: { ...config, filter_subject: ownDirected },
    };
    api(attacker, `CONSUMER.CREATE.${mailbox}.${durable}`, body);
    api(attacker, `CONSUMER.DURABLE.CREATE.${mailbox}.${durable}`, body);
    api(attacker, `CONSUMER.CREATE.${mailbox}.${durable}.${ownDirected}`, body);
  }),
  calls('delete another agency’s durable', `CONSUMER.DELETE.${mailbox}.${durable}`),
  calls('pause another agency’s durable', `CONSUMER.PAUSE.${mailbox}.${durable}`, {
    pause_until: '2099-01-01T00:00:00Z',
  }),
  calls('reset another agency’s durable', `CONSUMER.RESET.${mailbox}.${durable}`, { seq: 1 }),
  calls('info of another agency’s durable', `CONSUMER.INFO.${mailbox}.${durable}`),
  calls('names of another mailbox’s consumers', `CONSUMER.NAMES.${mailbox}`),
  calls('take from another agency’s durable', `CONSUMER.MSG.NEXT.${mailbox}.${durable}`, {
    batch: 10,
    no_wait: true,
  }),
  named('acknowledge for another agency', (attacker) =>
    send(attacker, `$JS.ACK.${mailbox}.${durable}.1.1.1.1.0`, '+ACK'),
  ),
  named('terminate for another agency', (attacker) =>
    send(attacker, `$JS.ACK.${mailbox}.${durable}.1.1.1.1.0`, '+TERM'),
  ),
  named('take from another agency’s durable by acknowledgement', (attacker) =>
    send(attacker, `$JS.ACK.${mailbox}.${durable}.1.1.1.1.0`, '+NXT {"batch":10}'),
  ),
  named('take from another agency’s durable by an acknowledgement that names both', (attacker) => {
    for (const lane of ['now', 'day', 'bulk', 'blob', 'directory']) {
      for (const rest of ['1.1.0', '1.1.1.1.0', '1']) {
        send(attacker, `$JS.ACK.${mailbox}.${durable}.1.gr_customs_${lane}.${rest}`, '+NXT {"batch":10}');
      }
      send(attacker, `$JS.ACK.${mailbox}.gr_customs_${lane}.${durable}.1.1.1.0`, '+NXT {"batch":10}');
    }
  }),
  says('rollup of the whole stream', ownDirected, { 'Nats-Rollup': 'all' }),
  says('rollup of its own subject', ownDirected, { 'Nats-Rollup': 'sub' }),
  named('occupy the message id of another agency’s next message', async (attacker) => {
    for (const id of attacker.guessedIds)
      send(attacker, ownDirected, 'squat', { fields: { 'Nats-Msg-Id': id } });
    await attacker.connection.flush();
    await attacker.wait(50);
  }),
  says('a lifetime for what is stored', ownDirected, { 'Nats-TTL': '1s' }),
  says('a scheduled message to another’s subject', ownDirected, {
    'Nats-Schedule': '@at 2020-01-01T00:00:00Z',
    'Nats-Schedule-Target': foreign,
  }),
  says('a counter', ownDirected, { 'Nats-Incr': '1' }),
  says('a forged source', ownDirected, { 'Nats-Stream-Source': `${mailbox} 1 > > ${foreign}` }),
  says('a forged identity', own, { 'Nats-Request-Info': '{"acc":"HUB","user":"hub"}' }),
  named('join a batch that is not its own', (attacker) => {
    for (const id of ['batch', '1', 'it.heritage']) {
      const fields = { 'Nats-Batch-Id': id, 'Nats-Batch-Sequence': '2', 'Nats-Batch-Commit': '1' };
      send(attacker, ownDirected, 'joined', { fields });
    }
  }),
  named('occupy all open batches of a mailbox', async (attacker) => {
    for (let index = 0; index < 60; index++) {
      const fields = { 'Nats-Batch-Id': `open-${index}`, 'Nats-Batch-Sequence': '1' };
      send(attacker, ownDirected, 'open', { fields });
    }
    await attacker.connection.flush();
    await attacker.victimsActs();
  }),
  spy('subscribe to everything', '>'),
  spy('subscribe to another mailbox', 'comity.*.*.to.it.police.>'),
  spy('subscribe in a queue', 'comity.>', 'thieves'),
  spy('listen to everyone’s inboxes', '_INBOX.>'),
  spy('listen to the hub’s own replies', '_R_.>'),
  spy('listen to JetStream’s events and acknowledgements', '$JS.>'),
  says('trace to another’s subject', own, { 'Nats-Trace-Dest': foreign }),
  says('trace only, to the stream’s deletion', own, {
    'Nats-Trace-Dest': `$JS.API.STREAM.DELETE.${mailbox}`,
    'Nats-Trace-Only': 'true',
  }),
  named('ask the system account', (attacker) => {
    const id = attacker.serverId;
    for (const call of ['PING', 'PING.CONNZ', 'PING.SUBSZ', 'PING.JSZ', `${id}.CONNZ`, `${id}.JSZ`]) {
      send(attacker, `$SYS.REQ.SERVER.${call}`, { subscriptions: true, auth: true, accounts: true });
    }
    for (const call of ['HUB.INFO', 'HUB.JSZ', 'HUB.CONNZ', 'HUB.SUBSZ', 'A_it_police.CONNZ', 'PING.CONNZ']) {
      send(attacker, `$SYS.REQ.ACCOUNT.${call}`, { subscriptions: true, acc: 'A_it_police' });
    }
  }),
  named('reload, kick and stop through the system account', (attacker) => {
    const id = attacker.serverId;
    for (const call of ['RELOAD', 'KICK', 'LDM']) send(attacker, `$SYS.REQ.SERVER.${id}.${call}`, { cid: 1 });
    send(attacker, '$SYS.REQ.CLAIMS.DELETE', '');
    send(attacker, `$JS.API.SERVER.REMOVE`, { peer: id });
    send(attacker, `$JS.API.ACCOUNT.PURGE.HUB`, '');
    send(attacker, `$JS.API.META.LEADER.STEPDOWN`, '');
  }),
];

/** Where the answer to an innocent request would do harm. */
const harmful: readonly string[] = [
  `$JS.API.STREAM.DELETE.${mailbox}`,
  `$JS.API.STREAM.PURGE.${mailbox}`,
  `$JS.API.CONSUMER.DELETE.${mailbox}.${durable}`,
  `$JS.ACK.${mailbox}.${durable}.1.1.1.1.0`,
  'comity.it.heritage.all.now.note',
  'comity.it.heritage.statement',
  'comity.trust',
  foreign,
];

const through = (name: string, run: (attacker: Attacker, reply: string) => void): Attack =>
  named(`reply subject of ${name}`, (attacker) => {
    for (const reply of harmful) run(attacker, reply);
  });

const next = 'CONSUMER.MSG.NEXT.TO_gr_customs.gr_customs_bulk';

const byReply: readonly Attack[] = [
  through('a pull that finds nothing (404)', (a, reply) =>
    api(a, next, { batch: 1, no_wait: true }, { reply }),
  ),
  through('a pull that expires (408)', (a, reply) =>
    api(a, next, { batch: 1, expires: durationNs / 20 }, { reply }),
  ),
  through('a pull that does not parse (400)', (a, reply) => api(a, next, '{"batch":"x"', { reply })),
  through('a pull whose bound is too small (409)', (a, reply) =>
    api(
      a,
      'CONSUMER.MSG.NEXT.TO_gr_customs.gr_customs_day',
      { batch: 1, max_bytes: 1, no_wait: true },
      { reply },
    ),
  ),
  through('a pull’s idle heartbeat (100)', (a, reply) =>
    api(a, next, { batch: 1, expires: durationNs / 4, idle_heartbeat: durationNs / 10 }, { reply }),
  ),
  through('a pull that is answered with a message of its choice', (a, reply) =>
    api(a, 'CONSUMER.MSG.NEXT.TO_gr_customs.gr_customs_day', { batch: 1, no_wait: true }, { reply }),
  ),
  through('an acknowledgement that asks for one', (a, reply) => send(a, a.ownAck, '', { reply })),
  through('an acknowledgement that asks for the next', (a, reply) => send(a, a.ownAck, '+NXT 1', { reply })),
  through('its own durable’s info', (a, reply) =>
    api(a, 'CONSUMER.INFO.TO_gr_customs.gr_customs_now', '', { reply }),
  ),
  through('a direct get of a message of its choice', (a, reply) =>
    api(a, `DIRECT.GET.TO_it_police.${ownDirected}`, '', { reply }),
  ),
  through('a direct get that finds nothing', (a, reply) =>
    api(a, 'DIRECT.GET.ALL_gr.comity.gr.customs.all.bulk.seizure', '', { reply }),
  ),
  through('a publish', (a, reply) => send(a, own, 'mine', { reply })),
  through('a publish that is fenced', (a, reply) =>
    send(a, own, 'mine', { reply, fields: { 'Nats-Expected-Last-Subject-Sequence': '999999' } }),
  ),
  through('a batch’s start', (a, reply) =>
    send(a, own, 'mine', {
      reply,
      fields: { 'Nats-Batch-Id': reply.slice(0, 60), 'Nats-Batch-Sequence': '1' },
    }),
  ),
  through('a batch’s commit', (a, reply) => {
    const id = `c-${reply}`.slice(0, 60);
    send(a, own, 'mine', { fields: { 'Nats-Batch-Id': id, 'Nats-Batch-Sequence': '1' } });
    const fields = { 'Nats-Batch-Id': id, 'Nats-Batch-Sequence': '2', 'Nats-Batch-Commit': '1' };
    send(a, own, 'mine', { reply, fields });
  }),
  through('a batch that is refused', (a, reply) =>
    send(a, own, 'mine', {
      reply,
      fields: {
        'Nats-Batch-Id': `r-${reply}`.slice(0, 60),
        'Nats-Batch-Sequence': '7',
        'Nats-Batch-Commit': '1',
      },
    }),
  ),
];

export const attacks: readonly Attack[] = [...straight, ...byReply];
