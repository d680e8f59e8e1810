import { describe, expect, test } from 'vitest';
import { type HubState, harmBetween, type Suspects } from '../../../demo/hub-state.ts';

const suspects: Suspects = {
  mayGrow: (subject) => subject.endsWith('.receipt'),
  stoodStill: (stream) => stream === 'TO_b',
};

type Stream = HubState['streams'] extends ReadonlyMap<string, infer S> ? S : never;
type Consumer = HubState['consumers'] extends ReadonlyMap<string, infer C> ? C : never;
type Change = Readonly<{
  streams?: Record<string, Partial<Stream> | undefined>;
  consumers?: Record<string, Partial<Consumer> | undefined>;
}>;

function state({ streams = {}, consumers = {} }: Change = {}): HubState {
  const stream: Stream = { config: '{}', first: 1, deleted: 0, subjects: { 'a.note': 2, 'a.receipt': 1 } };
  const consumer: Consumer = { config: '{}', progress: '[1]' };
  return {
    streams: new Map(merged({ TO_a: stream, TO_b: stream }, streams, stream)),
    consumers: new Map(merged({ 'TO_a one': consumer, 'TO_b one': consumer }, consumers, consumer)),
  };
}

function merged<T>(
  base: Record<string, T>,
  changes: Record<string, Partial<T> | undefined>,
  blank: T,
): [string, T][] {
  const all = { ...base, ...Object.fromEntries(Object.keys(changes).map((name) => [name, blank])) };
  return Object.entries(all).flatMap(([name, value]): [string, T][] =>
    name in changes && changes[name] === undefined ? [] : [[name, { ...value, ...changes[name] }]],
  );
}

describe('what an attack did to the hub', () => {
  test.each<[string, Change, string]>([
    ['a stream is gone', { streams: { TO_b: undefined } }, 'stream TO_b is gone'],
    ['a stream came', { streams: { STOLEN: {} } }, 'stream STOLEN came'],
    ['a stream was changed', { streams: { TO_b: { config: '{"max_age":1}' } } }, 'stream TO_b was changed'],
    ['messages were purged', { streams: { TO_b: { first: 3 } } }, 'stream TO_b lost messages'],
    ['a message was deleted', { streams: { TO_b: { deleted: 1 } } }, 'stream TO_b lost messages'],
    [
      'a subject lost',
      { streams: { TO_b: { subjects: { 'a.note': 1, 'a.receipt': 1 } } } },
      'a.note lost messages',
    ],
    [
      'a subject gained',
      { streams: { TO_b: { subjects: { 'a.note': 3, 'a.receipt': 1 } } } },
      'a.note gained messages',
    ],
    ['a consumer is gone', { consumers: { 'TO_b one': undefined } }, 'consumer TO_b one is gone'],
    ['a consumer came', { consumers: { 'TO_b spy': {} } }, 'consumer TO_b spy came'],
    [
      'a consumer was changed',
      { consumers: { 'TO_a one': { config: '{"f":1}' } } },
      'consumer TO_a one was changed',
    ],
    [
      'a consumer moved that stood still',
      { consumers: { 'TO_b one': { progress: '[2]' } } },
      'consumer TO_b one moved',
    ],
  ])('%s', (_, change, harm) => {
    expect(harmBetween(state(), state(change), suspects)).toEqual([harm]);
  });

  test.each<[string, Change, Change]>([
    ['nothing', {}, {}],
    [
      'what gateways send of themselves',
      {},
      { streams: { TO_a: { subjects: { 'a.note': 2, 'a.receipt': 4 } } } },
    ],
    ['progress of those who are at work', {}, { consumers: { 'TO_a one': { progress: '[9]' } } }],
    ['the first message of a stream', { streams: { TO_a: { first: 0 } } }, {}],
  ])('no harm: %s', (_, before, after) => {
    expect(harmBetween(state(before), state(after), suspects)).toEqual([]);
  });
});
