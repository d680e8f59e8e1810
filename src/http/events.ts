/** What happens here, as server-sent events; a follower that lost its connection misses nothing. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { ComityError } from '../errors.ts';
import type { EventView, GatewayApi, Officer } from '../gateway/views.ts';
import { limits } from '../limits.ts';
import { type Call, type Route, route } from './route.ts';
import { cursorInUrl, eventShape } from './shapes.ts';

const queryShape = z.strictObject({
  after: cursorInUrl.optional().describe('events after this one; 0 gives all that are kept'),
});

export interface EventStreams {
  readonly routes: readonly Route[];
  /** Ends every stream, so that the server can close. */
  end(): void;
}

export function createEventStreams(clock: Clock): EventStreams {
  const open = new Set<ServerResponse>();
  const follow = async ({
    gateway,
    officer,
    query,
    header,
    reply,
  }: Call<unknown, z.output<typeof queryShape>, unknown>) => {
    if (open.size >= limits.eventStreamsMax) {
      throw new ComityError('BACK_PRESSURE', 'as many followers as may are connected');
    }
    const from = startOf(gateway, header('last-event-id'), query.after);
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
    });
    open.add(raw);
    try {
      await pump({ gateway, officer, raw, clock, from });
    } finally {
      open.delete(raw);
      raw.end();
    }
  };
  const routes = [
    route({
      id: 'followEvents',
      method: 'GET',
      path: '/v1/events',
      access: 'read',
      summary: 'Follows what happens here; each event has an id to resume from',
      query: queryShape,
      headers: [
        {
          name: 'Last-Event-ID',
          description: 'the last event seen; goes before `after`',
          shape: z.string().regex(/^[0-9]+$/),
        },
      ],
      answer: {
        status: 200,
        type: 'text/event-stream',
        description: 'one event a block: id, event (its type), data (JSON); comments keep the link alive',
        shape: eventShape,
      },
      errors: ['BACK_PRESSURE'],
      handle: follow,
    }),
  ];
  return {
    routes,
    end() {
      for (const raw of open) raw.destroy();
    },
  };
}

/** Without a starting point, only what comes from now on. */
function startOf(gateway: GatewayApi, lastEventId: string | undefined, after: number | undefined): number {
  const newest = gateway.lastEventId();
  if (lastEventId !== undefined) {
    const read = cursorInUrl.safeParse(lastEventId);
    if (!read.success) {
      throw new ComityError('REQUEST_INVALID', 'the last event id is not a number', {
        problems: [{ path: 'Last-Event-ID', message: 'expected a whole number' }],
      });
    }
    return Math.min(read.data, newest);
  }
  return Math.min(after ?? newest, newest);
}

type Pump = Readonly<{
  gateway: GatewayApi;
  officer: Officer;
  raw: ServerResponse;
  clock: Clock;
  from: number;
}>;

/** Writes what is there, then waits for more or for the time of a heartbeat, until the follower goes. */
async function pump({ gateway, officer, raw, clock, from }: Pump): Promise<void> {
  const gone = new AbortController();
  raw.once('close', () => gone.abort());
  const bell = createBell();
  const stopListening = gateway.onEvents(bell.ring);
  gone.signal.addEventListener('abort', bell.ring);
  let last = from;
  try {
    raw.write(': comity\n\n');
    while (!gone.signal.aborted) {
      const { events, upTo } = gateway.events(officer, { after: last, limit: limits.eventPageRows });
      for (const event of events) {
        if (!raw.write(eventText(event))) await once(raw, 'drain', { signal: gone.signal });
      }
      const moved = upTo > last;
      last = upTo;
      if (moved) continue;
      const cancel = clock.after(limits.eventHeartbeatMs, bell.ring);
      const rung = await bell.wait(() => gateway.lastEventId() > last || gone.signal.aborted);
      cancel();
      if (!rung && !gone.signal.aborted) raw.write(': still here\n\n');
    }
  } catch (error) {
    if (!gone.signal.aborted) throw error;
  } finally {
    stopListening();
  }
}

function eventText(event: EventView): string {
  return `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** A bell that is heard even when it rings before anyone waits. */
function createBell() {
  let wake: (() => void) | undefined;
  return {
    ring: () => wake?.(),
    /** Resolves at the next ring; true where `there` holds then, or already did. */
    async wait(there: () => boolean): Promise<boolean> {
      const rings = new Promise<void>((resolve) => {
        wake = resolve;
      });
      if (!there()) await rings;
      wake = undefined;
      return there();
    },
  };
}
