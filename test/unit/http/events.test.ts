import { afterEach, describe, expect, it } from 'vitest';
import { limits } from '../../../src/limits.ts';
import { bearer, createDouble, createTestClock, httpOn, tokens } from './double.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function setUp() {
  const double = createDouble();
  const clock = createTestClock();
  const http = httpOn(double, clock);
  const url = await http.listen({ host: '127.0.0.1', port: 0 });
  closing.push(() => http.close());
  const follow = async (query = '', headers: Record<string, string> = {}) => {
    const stop = new AbortController();
    const answer = await fetch(`${url}/v1/events${query}`, {
      headers: { ...bearer(tokens.all), ...headers },
      signal: stop.signal,
    });
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    return {
      answer,
      stop: () => stop.abort(),
      /** Reads until the text holds the words. */
      async until(words: string): Promise<string> {
        while (!text.includes(words)) {
          const { value, done } = await reader.read();
          if (done) throw new Error(`ended before ${words}: ${text}`);
          text += value;
        }
        return text;
      },
      async toEnd(): Promise<string> {
        for (;;) {
          const { value, done } = await reader.read();
          if (done) return text;
          text += value;
        }
      },
    };
  };
  return { double, clock, http, follow };
}

describe('events', () => {
  it('are written as they happen, with an id, a type and JSON', async () => {
    const { double, follow } = await setUp();
    double.emit('before');
    const follower = await follow();
    expect(follower.answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    await follower.until(': comity');
    double.emit('message.arrived');
    const text = await follower.until('message.arrived","at"');
    expect(text).toContain('id: 2\nevent: message.arrived\ndata: {"id":2,');
    expect(text).not.toContain('before');
    follower.stop();
  });

  it('pass over what the officer may not know of, and go on', async () => {
    const { double, follow } = await setUp();
    const follower = await follow();
    await follower.until(': comity');
    double.emit('hidden');
    await new Promise((turn) => setImmediate(turn));
    double.emit('shown');
    expect(await follower.until('event: shown')).not.toContain('hidden');
    follower.stop();
  });

  it('resume after the last one seen, which goes before the query', async () => {
    const { double, follow } = await setUp();
    for (const type of ['one', 'two', 'three']) double.emit(type);
    const all = await follow('?after=0');
    expect(await all.until('event: three')).toContain('event: one');
    const header = await follow('?after=0', { 'last-event-id': '2' });
    const text = await header.until('event: three');
    expect(text).not.toContain('event: two');
    all.stop();
    header.stop();
  });

  it('lose none of many that come while the follower reads', async () => {
    const { double, follow } = await setUp();
    const follower = await follow();
    await follower.until(': comity');
    const many = 3 * limits.eventPageRows + 1;
    for (let n = 0; n < many; n++) double.emit('e');
    const text = await follower.until(`id: ${many}\n`);
    const ids = [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
    expect(ids).toEqual(Array.from({ length: many }, (_, n) => n + 1));
    follower.stop();
  });

  it('keep the link alive when nothing happens', async () => {
    const { clock, follow } = await setUp();
    const follower = await follow();
    await follower.until(': comity');
    // The timer was set in the same turn as that first line was written.
    clock.fire();
    await follower.until(': still here');
    follower.stop();
  });

  it('end when the server closes, and leave no listener', async () => {
    const { double, http, follow } = await setUp();
    const follower = await follow();
    await follower.until(': comity');
    expect(double.listeners.size).toBe(1);
    await http.close();
    await follower.toEnd().catch(() => '');
    expect(double.listeners.size).toBe(0);
  });

  it('refuse a malformed starting point', async () => {
    const { follow } = await setUp();
    for (const [query, headers] of [
      ['?after=x', {}],
      ['', { 'last-event-id': '1x' }],
      ['?other=1', {}],
    ] as const) {
      const { answer } = await follow(query, headers);
      expect(answer.status).toBe(400);
    }
  });

  it('are for as many followers as may', async () => {
    const { follow } = await setUp();
    const followers = await Promise.all(Array.from({ length: limits.eventStreamsMax }, () => follow()));
    const { answer } = await follow();
    expect(answer.status).toBe(429);
    for (const follower of followers) follower.stop();
  });
});
