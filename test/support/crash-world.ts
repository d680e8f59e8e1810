/** A gateway that dies, between two that live: callers on all sides, and the history that they all see. */

import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { hubViewOf } from '../../src/gateway/index.ts';
import { limits } from '../../src/limits.ts';
import { agencyId } from '../../src/types.ts';
import { type CrashChild, crashPlan, Died, startCrashChild } from './crash-child.ts';
import type { Arming } from './crash-gateway.ts';
import { faultsOf, type History, type Submitted } from './crash-history.ts';
import { observe } from './crash-observe.ts';
import type { Sabotage } from './crash-sabotage.ts';
import { type Network, officer, shiftingClock, startNetwork } from './network.ts';

const victim = 'gr.customs';
const peers = ['it.police', 'fr.heritage'];
/** The hub's own is 15 s; a process that died is waited for no longer here. */
const ackWaitNanoseconds = 1_000_000_000;
/** For how long an armed gateway may go on once everything was asked of it. */
const deathMsMax = 10_000;

type Draft = Submitted & { readonly draft: unknown; answers: string[] };

export interface CrashWorld {
  readonly network: Network;
  readonly messages: number;
  /**
   * Drives both roles until the gateway has died at the arrow, starts it again on its store, has its callers
   * try again, and returns what is wrong then that was not wrong before. Throws where the arrow is not reached.
   */
  crashAt(arming: Arming): Promise<readonly string[]>;
  /** Starts the gateway so that it dies while it recovers, then as above. */
  crashWhileStarting(arming: Arming): Promise<readonly string[]>;
  /** One round of messages, without a crash. */
  wave(): Promise<void>;
  startChild(armed?: Arming): Promise<CrashChild>;
  child(): CrashChild;
  stop(): Promise<void>;
}

export type CrashWorldOptions = Readonly<{ sabotage?: Sabotage; settleMsMax?: number }>;

export async function startCrashWorld(o: CrashWorldOptions = {}): Promise<CrashWorld> {
  const clock = shiftingClock();
  const network = await startNetwork({ agencies: [victim, ...peers], down: [victim], clock });
  const folder = await mkdtemp(join(tmpdir(), 'comity-crash-'));
  const world = new World(network, clock, { folder, ...o });
  await world.startChild();
  await world.shortenAckWait();
  await world.statementsSeen();
  return world;
}

class World implements CrashWorld {
  readonly network: Network;
  readonly #clock: ReturnType<typeof shiftingClock>;
  readonly #o: CrashWorldOptions & { folder: string };
  readonly #drafts: Draft[] = [];
  #child: CrashChild | undefined;
  #shiftMs = 0;
  #known: ReadonlySet<string> = new Set();

  constructor(
    network: Network,
    clock: ReturnType<typeof shiftingClock>,
    o: CrashWorldOptions & { folder: string },
  ) {
    this.network = network;
    this.#clock = clock;
    this.#o = o;
  }

  get messages(): number {
    return this.#drafts.length;
  }

  child(): CrashChild {
    if (this.#child === undefined) throw new TypeError('the gateway was not started');
    return this.#child;
  }

  async startChild(armed?: Arming): Promise<CrashChild> {
    const { folder, sabotage } = this.#o;
    const directory = join(folder, victim);
    await mkdir(directory, { recursive: true });
    const plan = crashPlan(this.network.federation, victim, {
      servers: this.network.hub.servers,
      directory,
      shiftMs: this.#shiftMs,
      ...(sabotage === undefined ? {} : { sabotage }),
      ...(armed === undefined ? {} : { armed }),
    });
    this.#child = await startCrashChild(plan, folder);
    return this.#child;
  }

  async crashAt(arming: Arming): Promise<readonly string[]> {
    const child = this.child();
    await child.arm(arming);
    for (let round = 0; round < 12 && (await isAlive(child)); round += 1)
      await this.wave().catch(ignoreDeath);
    await this.#died(child, arming);
    return this.#recover();
  }

  async crashWhileStarting(arming: Arming): Promise<readonly string[]> {
    const child = this.child();
    await child.arm({ arrow: 'outbound.committed', nth: 1 });
    await this.wave().catch(ignoreDeath);
    await child.ended;
    // What comes meanwhile waits at the hub, so that the next start has work both ways.
    await Promise.all(this.#peerDrafts().map((draft) => this.#submitAtPeer(draft)));
    const next = await this.startChild(arming).catch(ignoreDeath);
    if (next !== undefined) await this.#died(next, arming);
    return this.#recover();
  }

  async wave(): Promise<void> {
    const child = this.child();
    const drafts = this.#victimDrafts();
    await Promise.all([
      ...drafts.map((draft) => this.#submitAtVictim(draft)),
      ...this.#peerDrafts().map((draft) => this.#submitAtPeer(draft)),
    ]);
    await child.untilStored(this.#drafts.length);
    await this.#advance();
  }

  async shortenAckWait(): Promise<void> {
    const { federation, hub } = this.network;
    const { durables } = hubViewOf(federation.book(), agencyId(victim), federation.nowMs);
    for (const { stream, durable } of durables)
      await hub.hub.manager.consumers.update(stream, durable, { ack_wait: ackWaitNanoseconds });
  }

  async statementsSeen(): Promise<void> {
    const seen = peers.map((peer) => {
      const node = this.network.node(peer);
      return node.until(() => node.gateway.health().missingStatements.length === 0);
    });
    await Promise.all(seen);
    while ((await this.child().health()).missingStatements.length > 0) await tick();
  }

  async stop(): Promise<void> {
    await this.child().stop();
    await this.network.stop();
    await rm(this.#o.folder, { recursive: true, force: true });
  }

  async #died(child: CrashChild, { arrow, nth }: Arming): Promise<void> {
    const ended = await within(child.ended, deathMsMax);
    if (ended === undefined) throw new TypeError(`${arrow} was not reached ${nth} times`);
    if (ended !== 'SIGKILL') throw new TypeError(`the gateway ended with ${ended} at ${arrow}`);
  }

  async #recover(): Promise<readonly string[]> {
    await this.startChild();
    const unanswered = this.#drafts.filter(({ from, answers }) => from === victim && answers.length === 0);
    // Whoever got no answer tries again under the same key; whoever got one gets the same again.
    const answered = this.#drafts
      .filter(({ from, answers }) => from === victim && answers.length === 1)
      .slice(-2);
    for (const draft of [...unanswered, ...answered]) await this.#submitAtVictim(draft);
    const faults = await this.#settle();
    const fresh = faults.filter((fault) => !this.#known.has(fault));
    this.#known = new Set(faults);
    return fresh;
  }

  /** Resolves with no fault as soon as there is none, or with what is left when the time is up. */
  async #settle(): Promise<readonly string[]> {
    const endMs = Date.now() + (this.#o.settleMsMax ?? 20_000);
    for (;;) {
      const faults = faultsOf(await this.#history());
      if (faults.length === 0 || Date.now() > endMs) return faults;
      if (faults.every((fault) => fault.includes('no receipt for'))) await this.#advance();
      await tick();
    }
  }

  async #history(): Promise<History> {
    const lives = peers.map((peer) => observe(this.network.node(peer), false));
    return { submitted: this.#drafts, agencies: [await this.child().observe(), ...lives] };
  }

  /** A receipt's interval passes, here and there. */
  async #advance(): Promise<void> {
    this.#shiftMs += limits.receiptIntervalMs;
    this.#clock.advance(limits.receiptIntervalMs);
    await this.child().advance(limits.receiptIntervalMs);
  }

  #victimDrafts(): readonly Draft[] {
    return [
      this.#draft(victim, 'all', peers),
      this.#draft(victim, { agencies: ['it.police'] }, ['it.police']),
      this.#draft(victim, 'all', peers),
    ];
  }

  #peerDrafts(): readonly Draft[] {
    return [
      this.#draft('it.police', { agencies: [victim] }, [victim]),
      this.#draft('fr.heritage', 'all', [victim, 'it.police']),
    ];
  }

  #draft(from: string, to: unknown, recipients: readonly string[]): Draft {
    const key = `key-${this.#drafts.length}`;
    const draft: Draft = { from, key, recipients, answers: [], draft: { ...seizure, to } };
    this.#drafts.push(draft);
    return draft;
  }

  async #submitAtVictim({ draft, key, answers }: Draft): Promise<void> {
    answers.push((await this.child().submit(draft, key)).id);
  }

  async #submitAtPeer({ from, draft, key, answers }: Draft): Promise<void> {
    answers.push((await this.network.node(from).gateway.submit(draft, officer, key)).id);
  }
}

const seizure: Record<string, unknown> = JSON.parse(
  readFileSync(resolve(import.meta.dirname, '../../config/examples/seizure-minimal.json'), 'utf8'),
);

function ignoreDeath(error: unknown): undefined {
  if (error instanceof Died) return undefined;
  throw error;
}

async function isAlive(child: CrashChild): Promise<boolean> {
  return (await within(child.ended, 0)) === undefined;
}

function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  return new Promise((done, fail) => {
    const timer = setTimeout(() => done(undefined), ms);
    promise.then(done, fail).finally(() => clearTimeout(timer));
  });
}

/** Between two looks at a world that is settling. */
function tick(): Promise<void> {
  return new Promise((done) => setTimeout(done, 100));
}
