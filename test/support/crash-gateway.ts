/** A gateway in a process of its own that kills itself at a given arrow; told what to do over its IPC channel. */
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { asComityError } from '../../src/errors.ts';
import type { Arrow } from '../../src/gateway/index.ts';
import { createMessageKeys, type MessageKey } from '../../src/keys/index.ts';
import { agencyId } from '../../src/types.ts';
import { observe } from './crash-observe.ts';
import { type Sabotage, sabotage } from './crash-sabotage.ts';
import { type Node, type ShiftingClock, shiftingClock, startNode } from './gateway-node.ts';
import { officer } from './network.ts';

/** The process's first argument names a file with these, as JSON. */
export type CrashPlan = Readonly<{
  agency: string;
  firstRoot: string;
  federationIdHex: string;
  list: string;
  natsSeed: string;
  statement: string;
  keys: readonly (Omit<MessageKey, 'privateKey'> & { pem: string })[];
  servers: readonly string[];
  directory: string;
  shiftMs: number;
  sabotage?: Sabotage;
  /** Armed before the start, so that it may die while it recovers. */
  armed?: Arming;
}>;

/** Dies when the arrow is reached for the n-th time from now. */
export type Arming = Readonly<{ arrow: Arrow; nth: number }>;

export type Order =
  | Readonly<{ what: 'arm'; arming: Arming }>
  | Readonly<{ what: 'submit'; draft: unknown; key: string }>
  | Readonly<{ what: 'until-stored'; messages: number }>
  | Readonly<{ what: 'advance'; ms: number }>
  | Readonly<{ what: 'observe' }>
  | Readonly<{ what: 'health' }>
  | Readonly<{ what: 'stop' }>;

export type Answer = Readonly<{ call: number; value?: unknown; code?: string }>;

type State = { armed: Arming | undefined };

function reach(state: State, arrow: Arrow): void {
  if (state.armed?.arrow !== arrow) return;
  const { nth } = state.armed;
  state.armed = { arrow, nth: nth - 1 };
  if (nth <= 1) process.kill(process.pid, 'SIGKILL');
}

async function run(plan: CrashPlan): Promise<void> {
  const state: State = { armed: plan.armed };
  const clock = shiftingClock();
  clock.advance(plan.shiftMs);
  const keys = plan.keys.map(
    ({ pem, ...key }): MessageKey => ({ ...key, privateKey: createPrivateKey(pem) }),
  );
  const how = plan.sabotage;
  const node = await startNode({
    ...plan,
    agency: agencyId(plan.agency),
    firstRoot: Buffer.from(plan.firstRoot, 'base64'),
    list: Buffer.from(plan.list, 'base64'),
    messageKeys: createMessageKeys(keys),
    clock,
    options: {
      reached: (arrow) => reach(state, arrow),
      ...(how === undefined ? {} : { wrap: (context) => sabotage(context, how) }),
    },
  });
  process.on('message', ({ call, ...order }: Order & { call: number }) => {
    obey({ node, clock, state }, order).then(
      (value) => process.send?.({ call, value } satisfies Answer),
      (error: unknown) => process.send?.({ call, code: asComityError(error).code } satisfies Answer),
    );
  });
  // Without its parent it is nobody's.
  process.on('disconnect', () => process.exit());
  process.send?.({ call: 0 } satisfies Answer);
}

type Running = Readonly<{ node: Node; clock: ShiftingClock; state: State }>;

async function obey({ node, clock, state }: Running, order: Order): Promise<unknown> {
  switch (order.what) {
    case 'arm':
      state.armed = order.arming;
      return undefined;
    case 'submit':
      return node.gateway.submit(order.draft, officer, order.key);
    case 'until-stored':
      return node.until(() => node.store.messages.count() >= order.messages);
    case 'advance':
      return clock.advance(order.ms);
    case 'observe':
      return observe(node, true);
    case 'health':
      return node.gateway.health();
    case 'stop':
      await node.stop();
      process.disconnect();
      return undefined;
  }
}

const [planFile] = process.argv.slice(2);
if (planFile === undefined) throw new TypeError('usage: crash-gateway PLAN.json');
run(JSON.parse(readFileSync(planFile, 'utf8'))).catch((error: unknown) => {
  process.send?.({ call: 0, code: asComityError(error).code } satisfies Answer);
  process.exitCode = 1;
  process.disconnect();
});
