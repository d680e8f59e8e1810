/**
 * Follows `comity.trust` and every statement at the hub, verifies both under the pinned root, and
 * makes accounts, streams and consumers what they say (docs/wire.md, The hub).
 */
import type { Cancel, Clock } from '../clock.ts';
import { asComityError } from '../errors.ts';
import { hubPlanOf } from '../gateway/index.ts';
import type { AgencyStatement } from '../keys/index.ts';
import { limits } from '../limits.ts';
import type { Log } from '../log.ts';
import { parseSubject } from '../subjects.ts';
import {
  type DirectoryEntry,
  followDirectory,
  type HubConnection,
  type HubPlan,
} from '../transport/index.ts';
import type { TrustBook } from '../trust/index.ts';
import type { AgencyId } from '../types.ts';

export type WatchHubOptions = Readonly<{
  hub: HubConnection;
  trust: TrustBook;
  /** Makes the hub what the plan says. */
  apply: (plan: HubPlan) => Promise<unknown>;
  clock: Clock;
  log: Log;
}>;

export interface HubWatch {
  /** Resolves when everything heard so far is applied. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

const retryMs = 2_000;

export async function watchHub(options: WatchHubOptions): Promise<HubWatch> {
  const watch = new Watch(options);
  await watch.start();
  return watch;
}

class Watch implements HubWatch {
  readonly #o: WatchHubOptions;
  /** The statement that each agency's newest one replaced: its NATS key stays valid for a while. */
  readonly #before = new Map<AgencyId, AgencyStatement>();
  #turn: Promise<void> = Promise.resolve();
  #applied = '';
  #cancel: Cancel = () => {};
  #following: Awaited<ReturnType<typeof followDirectory>> | undefined;
  #stopped = false;

  constructor(options: WatchHubOptions) {
    this.#o = options;
  }

  async start(): Promise<void> {
    this.#following = await followDirectory(this.#o.hub, (entry) => this.#hear(entry));
    this.#schedule();
    await this.settled();
  }

  settled(): Promise<void> {
    return this.#turn;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#following?.stop();
    await this.#turn;
  }

  async #hear(entry: DirectoryEntry): Promise<void> {
    const subject = parseSubject(entry.subject);
    try {
      if (subject?.form === 'trust') this.#o.trust.applyList(entry.data);
      else if (subject?.form === 'statement') this.#takeStatement(subject.sender, entry.data);
      else return;
    } catch (error) {
      // Whoever put it there, an entry that does not verify changes nothing and stops nobody.
      this.#o.log.warn('hub.entry-refused', { subject: entry.subject, code: asComityError(error).code });
      return;
    }
    this.#schedule();
    await this.settled();
  }

  #takeStatement(agency: AgencyId, bytes: Uint8Array): void {
    const before = this.#o.trust.statement(agency);
    if (this.#o.trust.applyStatement(agency, bytes) && before !== undefined) this.#before.set(agency, before);
  }

  /** One apply after the other; what came meanwhile is in the next. */
  #schedule(): void {
    this.#turn = this.#turn.then(() => this.#apply());
  }

  async #apply(): Promise<void> {
    if (this.#stopped || !this.#o.trust.hasList()) return;
    const { trust, clock, log } = this.#o;
    const nowMs = clock.nowMs();
    const plan = hubPlanOf(trust, nowMs, (agency) => this.#before.get(agency));
    const text = JSON.stringify(plan);
    try {
      if (text !== this.#applied) await this.#o.apply(plan);
      this.#applied = text;
      this.#wakeAt(nextChangeMs(trust, this.#before, nowMs), nowMs);
      log.info('hub.applied', { trustVersion: trust.list().version, agencies: plan.agencies.length });
    } catch (error) {
      log.error('hub.apply-failed', {
        code: asComityError(error).code,
        reason: asComityError(error).message,
      });
      this.#wakeAt(nowMs + retryMs, nowMs);
    }
  }

  #wakeAt(timeMs: number | undefined, nowMs: number): void {
    this.#cancel();
    if (timeMs === undefined) return;
    // A timer holds at most 2^31 milliseconds; an early waking finds nothing to do.
    const delayMs = Math.min(timeMs - nowMs + 1, 2 ** 31 - 1);
    this.#cancel = this.#o.clock.after(delayMs, () => this.#schedule());
  }
}

/** When an agency's state or an old key's overlap next changes what the plan says. */
function nextChangeMs(
  trust: TrustBook,
  before: ReadonlyMap<AgencyId, AgencyStatement>,
  nowMs: number,
): number | undefined {
  const states = trust.members().flatMap(({ status }) => status.map(({ fromMs }) => fromMs));
  const overlaps = [...before.keys()].map(
    (agency) => (trust.statement(agency)?.issuedMs ?? 0) + limits.natsKeyOverlapMs,
  );
  const next = Math.min(...[...states, ...overlaps].filter((timeMs) => timeMs > nowMs));
  return Number.isFinite(next) ? next : undefined;
}
