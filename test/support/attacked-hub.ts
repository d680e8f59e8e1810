/** A hub with victims on it, whose state can be compared before and after an attack. */
import { createHash, randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { headers } from '@nats-io/transport-node';
import { systemClock } from '../../src/clock.ts';
import {
  connectHubTools,
  createNatsUserKey,
  type HubConnection,
  type HubPlan,
  hubConfig,
  hubLayout,
  provisionHub,
  runServer,
} from '../../src/transport/index.ts';
import type { Kind } from '../../src/types.ts';
import type { Attack, Attacker } from './attacks.ts';
import { agency, natsServerBinary, temporaryDirectory } from './nats.ts';

/** `isolated` is the design; the others put everyone into one account, with allow-lists. */
export type Arrangement = 'isolated' | 'customary' | 'tight' | 'wildcard-ack';
export type Verdict = Readonly<{ held: boolean; effect: string }>;

const secret = 'SECRET-of-it.police';
const names = ['gr.customs', 'it.heritage', 'it.police'] as const;
type Name = (typeof names)[number];
const kindsOf: Readonly<Record<Name, readonly Kind[]>> = {
  'gr.customs': ['seizure', 'red-flag'],
  'it.heritage': ['object'],
  'it.police': ['seizure', 'request'],
};

export async function startAttackedHub(arrangement: Arrangement): Promise<AttackedHub> {
  const directory = await temporaryDirectory();
  const keys = new Map([...names, 'hub', 'system'].map((name) => [name, createNatsUserKey()] as const));
  const key = (name: string) => keys.get(name)!;
  const plan: HubPlan = {
    agencies: names.map((name) => ({
      agency: agency(name),
      publishes: kindsOf[name],
      receives: ['seizure', 'object', 'request', 'red-flag'],
      natsUserKeys: [key(name).publicKey],
      status: 'active',
    })),
  };
  const isolated = hubConfig({
    layout: hubLayout(plan),
    storeDirectory: join(directory, 'jetstream'),
    hubUserKeys: [key('hub').publicKey],
    systemUserKeys: [key('system').publicKey],
    host: '127.0.0.1',
    port: -1,
    monitoringPort: -1,
    storeBytesMax: 2 ** 40,
  });
  const config = configOf(arrangement, isolated, (name) => key(name).publicKey);
  const server = await runServer({ binary: await natsServerBinary(), directory, config, clock: systemClock });
  const connect = async (name: string) =>
    await connectHubTools({ servers: server.servers, natsSeed: key(name).seed, name });
  const hub = new AttackedHub(arrangement, plan, {
    hub: await connect('hub'),
    attacker: () => connect('gr.customs'),
    heritage: await connect('it.heritage'),
    police: await connect('it.police'),
    async stop() {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  });
  await hub.reset();
  return hub;
}

function configOf(arrangement: Arrangement, isolated: string, publicKey: (name: string) => string): string {
  if (arrangement === 'isolated') return isolated;
  if (arrangement === 'wildcard-ack') return isolated.replaceAll('$JS.ACK._.', '$JS.ACK.*.');
  const head = isolated.slice(0, isolated.indexOf('accounts {'));
  const users = names.map((name) => {
    const { publish, subscribe } = grants(name, arrangement);
    const list = (subjects: readonly string[]) => `{ allow: [${subjects.map((s) => `"${s}"`).join(', ')}] }`;
    const permissions = `{ publish: ${list(publish)}, subscribe: ${list(subscribe)} }`;
    return `{ nkey: ${publicKey(name)}, permissions: ${permissions} }`;
  });
  return `${head}accounts {
  HUB { jetstream: enabled, users: [ { nkey: ${publicKey('hub')} }, ${users.join(', ')} ] }
  SYS { users: [ { nkey: ${publicKey('system')} } ] }
}
system_account: SYS
`;
}

/** What is usually granted to a JetStream client; and the least that a pull consumer and a publisher need. */
function grants(name: Name, arrangement: Arrangement): { publish: string[]; subscribe: string[] } {
  const durables = `${name.replace('.', '_')}_`;
  const lanes = ['now', 'day', 'bulk', 'blob', 'directory'].map((lane) => `${durables}${lane}`);
  if (arrangement === 'customary') {
    const calls = [
      'INFO',
      'STREAM.INFO.>',
      'CONSUMER.CREATE.>',
      'CONSUMER.INFO.>',
      'CONSUMER.MSG.NEXT.>',
      'DIRECT.GET.>',
    ];
    return {
      publish: [`comity.${name}.>`, ...calls.map((call) => `$JS.API.${call}`), '$JS.ACK.>'],
      subscribe: ['_INBOX.>'],
    };
  }
  return {
    publish: [
      `comity.${name}.>`,
      ...lanes.flatMap((lane) => [
        `$JS.API.CONSUMER.MSG.NEXT.*.${lane}`,
        `$JS.API.CONSUMER.INFO.*.${lane}`,
        `$JS.ACK.*.${lane}.>`,
      ]),
      `$JS.API.DIRECT.GET.*.comity.${name}.>`,
    ],
    subscribe: [`_INBOX.${name.replace('.', '_')}.>`],
  };
}

type Parts = Readonly<{
  hub: HubConnection;
  attacker: () => Promise<HubConnection>;
  heritage: HubConnection;
  police: HubConnection;
  stop: () => Promise<void>;
}>;

export class AttackedHub {
  readonly #arrangement: Arrangement;
  readonly #plan: HubPlan;
  readonly #parts: Parts;
  #ownAck = '';
  #published = 0;

  constructor(arrangement: Arrangement, plan: HubPlan, parts: Parts) {
    this.#arrangement = arrangement;
    this.#plan = plan;
    this.#parts = parts;
  }

  async stop(): Promise<void> {
    const { hub, heritage, police, stop } = this.#parts;
    await Promise.all([hub.close(), heritage.close(), police.close()]);
    await stop();
  }

  /** Streams and consumers as new, with messages of the victims and one that the police have in hand. */
  async reset(): Promise<void> {
    const { hub, police } = this.#parts;
    this.#published = 0;
    // An attacker's pull that still waits is answered when its consumer goes, and that answer may do harm too.
    for (let streams = await this.#streams(); streams.length > 0; streams = await this.#streams()) {
      for (const name of streams) await hub.manager.streams.delete(name).catch(() => {});
    }
    await provisionHub(hub, hubLayout(this.#plan));
    for (const lane of ['now', 'day']) {
      await this.#publish('heritage', `comity.it.heritage.to.it.police.${lane}.note`, secret);
      await this.#publish('heritage', `comity.it.heritage.to.it.police.${lane}.note`, secret);
      await this.#publish('heritage', `comity.it.heritage.to.gr.customs.${lane}.note`, `for customs ${lane}`);
    }
    await this.#publish('heritage', 'comity.it.heritage.statement', 'statement of it.heritage');
    await this.#publish('police', 'comity.it.police.all.now.seizure', 'broadcast of it.police');
    await this.#take(police, { inbox: 'it_police', address: 'TO_it_police.it_police_now' });
    const attacker = await this.#parts.attacker();
    await this.#publishAs(attacker, 'comity.gr.customs.to.it.police.now.note', 'of its own choice');
    this.#ownAck = await this.#take(attacker, {
      inbox: 'gr_customs',
      address: 'TO_gr_customs.gr_customs_now',
    });
    await attacker.close();
  }

  async #streams(): Promise<string[]> {
    const names: string[] = [];
    for await (const name of this.#parts.hub.manager.streams.names()) names.push(name);
    return names;
  }

  /** Runs one attack with a fresh connection and compares. What it changed is mended. */
  async suffer(attack: Attack): Promise<Verdict> {
    const before = await this.#snapshot();
    const { connection, close } = await this.#parts.attacker();
    const heard: string[] = [];
    const inbox = `_INBOX.gr_customs.${randomBytes(8).toString('hex')}`;
    const listen = {
      callback: (error: unknown, message: { string(): string }) => {
        if (error === null) heard.push(message.string());
      },
    };
    const subscribe = connection.subscribe.bind(connection);
    subscribe(inbox, listen);
    const eavesdropping = {
      ...connectionProxy(connection, (subject, options) => subscribe(subject, { ...options, ...listen })),
    };
    await attack.run(this.#attacker(eavesdropping as unknown as Attacker['connection'], connection, inbox));
    await connection.flush().catch(() => {});
    // A pull of its own that waits is answered by the next message to it.
    for (const lane of ['now', 'day', 'bulk']) {
      await this.#publish('heritage', `comity.it.heritage.to.gr.customs.${lane}.note`, 'for customs');
    }
    // Nothing tells when a thing does not happen: the longest answer asked for comes after a quarter second.
    await wait(300);
    const after = await this.#snapshot();
    const occupies = attack.name.includes('message id');
    const suppressed = occupies && (await this.#nextIsSuppressed());
    await close().catch(() => {});
    const effect = suppressed ? 'a message was suppressed' : effectOf(before, after, heard);
    if (effect !== '' || occupies) await this.reset();
    return { held: effect === '', effect };
  }

  #attacker(connection: Attacker['connection'], raw: Attacker['connection'], inbox: string): Attacker {
    return {
      connection,
      inbox,
      wait,
      serverId: raw.info?.server_id ?? '',
      ownAck: this.#ownAck,
      guessedIds: Array.from({ length: 400 }, (_, index) => `it.heritage-${index}`),
      victimsActs: async () => {
        const { heritage, police } = this.#parts;
        // A message that is stored already passes the server without changing anything.
        await this.#send(heritage, {
          subject: 'comity.it.heritage.to.it.police.now.note',
          text: secret,
          id: this.#id(1),
        });
        const call = this.#shared ? '$JS.API' : 'JS.hub';
        await police.connection
          .request(`${call}.DIRECT.GET.ALL_it.comity.it.police.all.now.seizure`, '', { timeout: 2000 })
          .catch(() => {});
      },
    };
  }

  get #shared(): boolean {
    return this.#arrangement === 'customary' || this.#arrangement === 'tight';
  }

  /** By an HMAC nobody foresees the id of a message; a count, as many use, anybody does. */
  #id(number: number): string {
    return this.#shared
      ? `it.heritage-${number}`
      : createHash('sha256').update(`unforeseen ${number}`).digest('hex');
  }

  async #nextIsSuppressed(): Promise<boolean> {
    const { heritage } = this.#parts;
    const number = ++this.#published;
    const subject = 'comity.it.heritage.to.it.police.now.note';
    return (await this.#send(heritage, { subject, text: secret, id: this.#id(number) })).duplicate === true;
  }

  async #publish(who: 'heritage' | 'police', subject: string, text: string): Promise<void> {
    const id = who === 'heritage' ? this.#id(++this.#published) : randomBytes(8).toString('hex');
    await this.#send(this.#parts[who], { subject, text, id });
  }

  async #publishAs(from: HubConnection, subject: string, text: string): Promise<void> {
    await this.#send(from, { subject, text, id: randomBytes(8).toString('hex') });
  }

  async #send(
    from: HubConnection,
    { subject, text, id }: { subject: string; text: string; id: string },
  ): Promise<{ duplicate?: boolean }> {
    const fields = headers();
    fields.set('Nats-Msg-Id', id);
    const reply = await from.connection.request(subject, text, { headers: fields, timeout: 5000 });
    return reply.json();
  }

  async #take(from: HubConnection, whose: { inbox: string; address: string }): Promise<string> {
    const inbox = `_INBOX.${whose.inbox}.${randomBytes(8).toString('hex')}`;
    const prefix = this.#shared ? '$JS.API' : 'JS.hub';
    const { promise, resolve } = Promise.withResolvers<string>();
    const taking = from.connection.subscribe(inbox, {
      callback: (_, message) => resolve(message.reply ?? ''),
    });
    from.connection.publish(`${prefix}.CONSUMER.MSG.NEXT.${whose.address}`, '1', { reply: inbox });
    const ack = await promise;
    taking.unsubscribe();
    if (!ack.startsWith('$JS.ACK.')) throw new Error(`nothing to take from ${whose.address}`);
    return ack;
  }

  /** All that is not the attacker's own: streams, their messages, consumers and how far they are. */
  async #snapshot(): Promise<string[]> {
    const { manager } = this.#parts.hub;
    const lines: string[] = [];
    for await (const { config, state } of manager.streams.list()) {
      lines.push(`stream ${config.name} ${JSON.stringify(config)}`);
      for (let seq = Math.max(1, state.first_seq); seq <= state.last_seq; seq++) {
        const message = await manager.streams.getMessage(config.name, { seq });
        if (message !== null && !attackersOwn(message.subject) && config.name !== 'TO_gr_customs') {
          lines.push(`message ${config.name} ${seq} ${message.subject} ${message.string()}`);
        }
      }
      for await (const info of manager.consumers.list(config.name)) {
        if (info.name.startsWith('gr_customs_') && config.name !== 'TO_it_police') continue;
        const { delivered, ack_floor: floor, num_ack_pending: pending, paused } = info;
        lines.push(
          `consumer ${config.name} ${info.name} ${JSON.stringify(info.config)} ${delivered.stream_seq} ` +
            `${floor.stream_seq} ${pending} ${paused ?? false}`,
        );
      }
    }
    return lines;
  }
}

const granted = new Set([
  'seizure',
  'red-flag',
  'receipt',
  'control',
  'response',
  'note',
  'blob',
  'statement',
]);

function attackersOwn(subject: string): boolean {
  return subject.startsWith('comity.gr.customs.') && granted.has(subject.split('.').at(-1) ?? '');
}

function effectOf(before: readonly string[], after: readonly string[], heard: readonly string[]): string {
  const word = (line: string) => line.split(' {')[0]?.slice(0, 60);
  const gone = before.find((line) => !after.includes(line));
  if (gone !== undefined) return `changed or gone: ${word(gone)}`;
  const come = after.find((line) => !before.includes(line));
  if (come !== undefined) return `came: ${word(come)}`;
  const read = heard.find((text) => text.includes(secret) || text.includes('broadcast of it.police'));
  if (read !== undefined) return 'read what is another’s';
  // An acknowledgement of its own publish names the stream too, and has no type.
  const learnt = heard.find((text) => /"type":"io\.nats|"server_id"/.test(text) && told.test(text));
  return learnt === undefined ? '' : 'learnt of another’s mailbox';
}

/** What an answer that is no refusal may not hold: another's stream, durable or connection. */
const told = /^(?!.*"error":).*(TO_it_police|it_police_now|"it\.police")/s;

/** The attacker hears through whatever it subscribes to. */
function connectionProxy(
  connection: Attacker['connection'],
  subscribe: (subject: string, options?: object) => unknown,
): object {
  return {
    publish: connection.publish.bind(connection),
    flush: connection.flush.bind(connection),
    subscribe,
  };
}

function wait(delayMs: number): Promise<void> {
  return new Promise((done) => setTimeout(done, delayMs));
}
