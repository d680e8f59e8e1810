/** Follows the durables that the newest trust list gives this agency. */
import type { Delivery, DurableName, Following } from '../transport/port.ts';
import type { GatewayContext } from './context.ts';

export interface Follower {
  start(): Promise<void>;
  /** Follows other durables where the newest trust list says so. */
  refresh(): void;
  stop(): Promise<void>;
}

export function createFollower(
  context: GatewayContext,
  onBatch: (batch: readonly Delivery[], durable: DurableName) => Promise<void>,
): Follower {
  let following: Following | undefined;
  let names = '';
  let turn: Promise<void> = Promise.resolve();
  const nameOf = (durables: readonly DurableName[]): string =>
    durables.map(({ stream, durable }) => `${stream} ${durable}`).join('\n');
  const followNow = async (): Promise<void> => {
    const { durables } = context.layout();
    if (nameOf(durables) === names) return;
    await following?.stop();
    names = nameOf(durables);
    following = await context.transport.follow(durables, onBatch);
  };
  const next = (): Promise<void> => {
    turn = turn.then(followNow, followNow);
    return turn;
  };
  return {
    start: next,
    refresh() {
      next().catch((error: unknown) => context.log.warn('follow.failed', { cause: String(error) }));
    },
    async stop() {
      await turn.catch(() => undefined);
      await following?.stop();
    },
  };
}
