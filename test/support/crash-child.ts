/** The parent's hand on a gateway that dies: starts it, asks it, sees it die, starts it again on the same store. */
import { type ChildProcess, fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Health, Submission } from '../../src/gateway/views.ts';
import type { Answer, Arming, CrashPlan, Order } from './crash-gateway.ts';
import type { AgencyHistory } from './crash-history.ts';
import type { Federation } from './federation.ts';

/** What an order gets when the process ends before it answers. */
export class Died extends Error {
  override readonly name = 'Died';
}

/** What the process answers with where it refuses. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

export interface CrashChild {
  /** Resolves with the signal that ended it, or its exit code. */
  readonly ended: Promise<string>;
  submit(draft: unknown, key: string): Promise<Submission>;
  arm(arming: Arming): Promise<void>;
  /** Resolves when the store holds so many messages, sent and received. */
  untilStored(messages: number): Promise<void>;
  advance(ms: number): Promise<void>;
  observe(): Promise<AgencyHistory>;
  health(): Promise<Health>;
  stop(): Promise<void>;
}

export function crashPlan(
  federation: Federation,
  agency: string,
  o: Pick<CrashPlan, 'servers' | 'directory' | 'shiftMs' | 'sabotage' | 'armed'>,
): CrashPlan {
  const { natsSeed, statement, keys } = federation.agency(agency);
  return {
    agency,
    firstRoot: Buffer.from(federation.firstRoot).toString('base64'),
    federationIdHex: federation.federationIdHex,
    list: Buffer.from(federation.list).toString('base64'),
    natsSeed,
    statement,
    keys: keys.map(({ privateKey, ...key }) => ({
      ...key,
      pem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    })),
    ...o,
  };
}

/** Resolves when the gateway runs; throws Refused with the code that kept it from starting, or Died. */
export async function startCrashChild(plan: CrashPlan, folder: string): Promise<CrashChild> {
  const file = join(folder, `${plan.agency}.plan.json`);
  writeFileSync(file, JSON.stringify(plan), { mode: 0o600 });
  const process = fork(join(import.meta.dirname, 'crash-gateway.ts'), [file], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const child = new Child(process);
  await child.started;
  return child;
}

type Call = Readonly<{ resolve: (value: unknown) => void; reject: (error: Error) => void }>;

class Child implements CrashChild {
  readonly started: Promise<unknown>;
  readonly ended: Promise<string>;
  readonly #process: ChildProcess;
  readonly #calls = new Map<number, Call>();
  #last = 0;

  constructor(process: ChildProcess) {
    this.#process = process;
    this.started = new Promise((resolve, reject) => {
      this.#calls.set(0, { resolve, reject });
    });
    process.on('message', ({ call, value, code }: Answer) => {
      const waiting = this.#calls.get(call);
      this.#calls.delete(call);
      if (code === undefined) waiting?.resolve(value);
      else waiting?.reject(new Refused(code));
    });
    this.ended = new Promise((done) => {
      process.once('close', (code, signal) => {
        for (const { reject } of this.#calls.values()) reject(new Died('the gateway died'));
        this.#calls.clear();
        done(signal ?? String(code));
      });
    });
  }

  async submit(draft: unknown, key: string): Promise<Submission> {
    return (await this.#call({ what: 'submit', draft, key })) as Submission;
  }

  async arm(arming: Arming): Promise<void> {
    await this.#call({ what: 'arm', arming });
  }

  async untilStored(messages: number): Promise<void> {
    await this.#call({ what: 'until-stored', messages });
  }

  async advance(ms: number): Promise<void> {
    await this.#call({ what: 'advance', ms });
  }

  async observe(): Promise<AgencyHistory> {
    return (await this.#call({ what: 'observe' })) as AgencyHistory;
  }

  async health(): Promise<Health> {
    return (await this.#call({ what: 'health' })) as Health;
  }

  async stop(): Promise<void> {
    await this.#call({ what: 'stop' }).catch(() => undefined);
    await this.ended;
  }

  #call(order: Order): Promise<unknown> {
    this.#last += 1;
    const call = this.#last;
    return new Promise((resolve, reject) => {
      this.#calls.set(call, { resolve, reject });
      if (!this.#process.connected) return this.#fail(call);
      this.#process.send({ call, ...order }, (error) => {
        if (error !== null) this.#fail(call);
      });
    });
  }

  #fail(call: number): void {
    this.#calls.get(call)?.reject(new Died('the gateway is gone'));
    this.#calls.delete(call);
  }
}
