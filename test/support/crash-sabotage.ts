/** Gateways that break a rule of the pipelines on purpose: the checks must find what they lose or repeat. */
import type { GatewayContext } from '../../src/gateway/index.ts';
import type { Outbox, Store } from '../../src/store/port.ts';
import type { Transport } from '../../src/transport/port.ts';

export type Sabotage = 'acknowledges-first' | 'outbox-after-commit' | 'forgets-idempotency-keys';

export function sabotage(context: GatewayContext, how: Sabotage): GatewayContext {
  switch (how) {
    case 'acknowledges-first':
      return { ...context, transport: acknowledgingFirst(context.transport) };
    case 'outbox-after-commit':
      return { ...context, store: { ...context.store, outbox: appendingLate(context.store) } };
    case 'forgets-idempotency-keys': {
      const idempotency = { ...context.store.idempotency, find: () => undefined };
      return { ...context, store: { ...context.store, idempotency } };
    }
  }
}

/** Hands a batch over only after the hub was told that it is taken. */
function acknowledgingFirst(transport: Transport): Transport {
  return {
    get state() {
      return transport.state;
    },
    get clockOffsetMs() {
      return transport.clockOffsetMs;
    },
    get bytesLastSecond() {
      return transport.bytesLastSecond;
    },
    onState: (run) => transport.onState(run),
    publishBatch: (rows) => transport.publishBatch(rows),
    publishOne: (row) => transport.publishOne(row),
    lastOn: (stream, subject) => transport.lastOn(stream, subject),
    close: () => transport.close(),
    follow: (durables, onBatch) =>
      transport.follow(durables, async (batch, durable) => {
        setTimeout(() => void onBatch(batch, durable), 30);
      }),
  };
}

/** Writes outbox rows when they are first asked for, which is after the transaction that they belong to. */
function appendingLate({ outbox }: Store): Outbox {
  let late: Parameters<Outbox['append']>[0][] = [];
  const write = (): void => {
    const rows = late;
    late = [];
    for (const row of rows) outbox.append(row);
  };
  return {
    ...outbox,
    append(row) {
      late.push(row);
      return 0;
    },
    waiting() {
      write();
      return outbox.waiting();
    },
  };
}
