import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { allClasses, digest, france, freshStore, greece, italy, message, section } from './fixtures.ts';

describe('messages', () => {
  test('a message is read back as it was written', () => {
    const { store, reopen } = freshStore();
    const written = message({
      facts: {
        direction: 'out',
        to: italy,
        reference: 'GR-CUS-2026-000001-7',
        inForceUntilMs: 99,
        thread: digest('thread'),
        inReplyTo: digest('reply'),
        supersedes: digest('old'),
        distribution: 'aa11',
        flags: ['UNKNOWN_FIELDS'],
      },
      sections: [
        section(1, { salt: new Uint8Array(32).fill(4) }),
        section(2, { state: 'withheld', bytes: undefined, text: undefined } as never),
        section(4, { state: 'absent', bytes: new Uint8Array(0), text: undefined } as never),
      ].map(withoutUndefined),
    });
    const cursor = store.messages.insert(written);
    for (const open of [() => store, reopen]) {
      const opened = open();
      expect(opened.messages.byId(written.facts.id)).toEqual({ cursor, facts: written.facts });
      expect(opened.messages.byDigest(written.facts.digest)).toEqual({ cursor, facts: written.facts });
      expect(opened.messages.sections(written.facts.id)).toEqual(written.sections);
      expect(opened.messages.envelope(written.facts.id)).toEqual(written.envelope);
      expect(opened.messages.header(written.facts.id)).toEqual(written.header);
      expect(opened.messages.count()).toBe(1);
    }
  });

  test('an id is used by a sender, not by another', () => {
    const { store } = freshStore();
    const written = message();
    store.messages.insert(written);
    expect(store.messages.idUsed(greece, written.facts.id)).toBe(true);
    expect(store.messages.idUsed(italy, written.facts.id)).toBe(false);
    expect(store.messages.byId('no id')).toBeUndefined();
  });

  test('another sender that takes an id does not stand before the first', () => {
    const { store } = freshStore();
    const first = message();
    store.messages.insert(first);
    store.messages.insert(
      message({ facts: { id: first.facts.id, sender: italy, digest: digest('second') } }),
    );
    expect(store.messages.byId(first.facts.id)?.facts.sender).toBe(greece);
    expect(store.messages.envelope(first.facts.id)).toEqual(first.envelope);
  });

  test('answers and copies are found by what they name', () => {
    const { store } = freshStore();
    const answer = message({ facts: { inReplyTo: digest('question') } });
    const one = message({ facts: { direction: 'out', distribution: 'd1' } });
    const two = message({ facts: { direction: 'out', distribution: 'd1' } });
    for (const written of [answer, one, two, message()]) store.messages.insert(written);
    expect(store.messages.answersTo(digest('question')).map(({ facts }) => facts.id)).toEqual([
      answer.facts.id,
    ]);
    expect(store.messages.copies('d1').map(({ facts }) => facts.id)).toEqual([one.facts.id, two.facts.id]);
  });

  test('each number of a reference is given once, over a restart too', () => {
    const opened = freshStore();
    const before = Array.from({ length: 70 }, () => opened.store.messages.nextReference(2026));
    const after = opened.reopen();
    const all = [...before, after.messages.nextReference(2026), after.messages.nextReference(2026)];
    expect(new Set(all).size).toBe(all.length);
    expect(before[0]).toBe(1);
    expect(after.messages.nextReference(2027)).toBe(1);
  });
});

describe('a page', () => {
  test('is newest first, continues before a cursor, or follows after one', () => {
    const { store } = freshStore();
    const cursors = Array.from({ length: 7 }, () => store.messages.insert(message()));
    const allowed = allClasses(store);
    const newest = store.messages.page({ allowed }, 3).map(({ cursor }) => cursor);
    expect(newest).toEqual(cursors.slice(4).reverse());
    const older = store.messages.page({ allowed, before: newest.at(-1)! }, 3).map(({ cursor }) => cursor);
    expect(older).toEqual(cursors.slice(1, 4).reverse());
    expect(store.messages.page({ allowed, after: cursors[4]! }, 9).map(({ cursor }) => cursor)).toEqual(
      cursors.slice(5),
    );
  });

  test('holds what the filter asks for', () => {
    const { store } = freshStore();
    const wanted = message({
      facts: {
        kind: 'object',
        lane: 'now',
        sender: france,
        direction: 'in',
        reference: 'R',
        thread: digest('t'),
      },
    });
    store.messages.insert(message());
    store.messages.insert(wanted);
    store.messages.insert(message({ facts: { kind: 'shipment', lane: 'bulk' } }));
    const allowed = allClasses(store);
    const ids = (filter: object) =>
      store.messages.page({ allowed, ...filter }, 9).map(({ facts }) => facts.id);
    for (const filter of [
      { kind: 'object' },
      { lane: 'now' },
      { sender: france },
      { reference: 'R' },
      { thread: digest('t') },
      { thread: wanted.facts.digest },
      { kind: 'object', sender: france, reference: 'R' },
    ]) {
      expect(ids(filter)).toEqual([wanted.facts.id]);
    }
    expect(ids({ kind: 'object', sender: greece })).toEqual([]);
    expect(ids({ direction: 'out' })).toEqual([]);
    expect(ids({ thread: digest('t'), reference: 'other' })).toEqual([]);
  });

  test('shows no message of which the reader may read nothing', () => {
    const { store } = freshStore();
    store.messages.insert(message({ sections: [section(1, { readClass: 'closed' })] }));
    const open = message({
      sections: [section(1, { readClass: 'closed' }), section(2, { readClass: 'open' })],
    });
    store.messages.insert(open);
    const existence = message({ sections: [{ ...section(1, { readClass: 'open' }), state: 'withheld' }] });
    store.messages.insert(existence);
    store.messages.insert(
      message({
        sections: [
          section(1, { readClass: 'closed' }),
          { ...section(2, { readClass: 'open' }), state: 'withheld' },
        ],
      }),
    );
    const allowed = store.messages
      .readClasses()
      .filter(({ facts }) => facts === 'open')
      .map(({ id }) => id);
    const ids = store.messages.page({ allowed }, 9).map(({ facts }) => facts.id);
    expect(ids).toEqual([existence.facts.id, open.facts.id]);
    expect(store.messages.page({ allowed: [] }, 9)).toEqual([]);
  });

  test('lists the first copy of a distribution of ours, and every message of others', () => {
    const { store } = freshStore();
    const copies = ['out', 'out', 'in', 'in'].map((direction) =>
      message({ facts: { direction: direction as 'in', distribution: 'same' } }),
    );
    for (const copy of copies) store.messages.insert(copy);
    const allowed = allClasses(store);
    const listed = store.messages.page({ allowed }, 9).map(({ facts }) => facts.id);
    expect(listed).toEqual([copies[3]!, copies[2]!, copies[0]!].map(({ facts }) => facts.id));
  });

  test('finds few matches among many messages, in both orders', () => {
    const { store } = freshStore();
    const rare = (sender = france) => message({ facts: { sender } });
    const expected: number[] = [];
    store.transaction(() => {
      for (let i = 0; i < 3_000; i += 1) {
        if (i % 500 === 3) expected.push(store.messages.insert(rare()));
        else store.messages.insert(message({ facts: { kind: i % 2 === 0 ? 'object' : 'seizure' } }));
      }
    });
    const allowed = allClasses(store);
    const down = store.messages.page({ allowed, sender: france }, 4).map(({ cursor }) => cursor);
    expect(down).toEqual(expected.toReversed().slice(0, 4));
    const up = store.messages.page({ allowed, sender: france, after: 1 }, 5).map(({ cursor }) => cursor);
    expect(up).toEqual(expected.slice(0, 5));
    const between = store.messages.page(
      { allowed, sender: france, after: expected[1]!, before: expected[4]! },
      5,
    );
    expect(between.map(({ cursor }) => cursor)).toEqual(expected.slice(2, 4));
  });
});

describe('a search', () => {
  const text = (field: number, words: string, readClass = 'open') =>
    section(field, { text: words, readClass });

  test('finds messages with all words in one section', () => {
    const { store } = freshStore();
    const both = message({ sections: [text(2, 'Heroin in the container MSKU 123456-7')] });
    const apart = message({ sections: [text(2, 'heroin'), text(3, 'container')] });
    for (const written of [both, apart]) store.messages.insert(written);
    const allowed = allClasses(store);
    const find = (...words: string[]) =>
      store.messages.page({ words, allowed }, 9).map(({ facts }) => facts.id);
    expect(find('heroin', 'CONTAINER')).toEqual([both.facts.id]);
    expect(find('heroin')).toEqual([apart.facts.id, both.facts.id]);
    expect(find('123456-7')).toEqual([both.facts.id]);
    expect(find('hero')).toEqual([]);
    for (const hostile of ['"', 'a" OR "b', 'heroin*', 'text:heroin', 'NEAR(', '-', '', '^heroin', '\0']) {
      expect(() => find(hostile)).not.toThrow();
    }
    expect(find('"')).toEqual([]);
    expect(() => find(...Array.from({ length: 17 }, () => 'x'))).toThrow(
      expect.objectContaining({ code: 'REQUEST_INVALID' }),
    );
  });

  test('matches nothing in a section that the reader may not read', () => {
    const { store } = freshStore();
    const written = message({ sections: [text(1, 'cover', 'open'), text(2, 'informant', 'closed')] });
    store.messages.insert(written);
    const classes = store.messages.readClasses();
    const id = (facts: string) => classes.find((row) => row.facts === facts)!.id;
    expect(store.messages.page({ words: ['informant'], allowed: [id('open')] }, 9)).toEqual([]);
    expect(store.messages.page({ words: ['informant'], allowed: [id('closed')] }, 9)).toHaveLength(1);
    expect(store.messages.page({ words: ['c1'], allowed: [id('open')] }, 9)).toEqual([]);
  });

  test('keeps to the filter, the cursor and the limit among many hits', () => {
    const { store } = freshStore();
    const expected: number[] = [];
    store.transaction(() => {
      for (let i = 0; i < 2_600; i += 1) {
        const rare = i === 5 || i === 9;
        const cursor = store.messages.insert(
          message({
            facts: { sender: rare ? france : greece },
            sections: [text(2, 'common'), text(3, 'common word')],
          }),
        );
        if (rare) expected.push(cursor);
      }
    });
    const allowed = allClasses(store);
    const page = (filter: object, limit = 9) =>
      store.messages.page({ words: ['common'], allowed, ...filter }, limit).map(({ cursor }) => cursor);
    expect(page({ sender: france })).toEqual(expected.toReversed());
    expect(page({ sender: france }, 1)).toEqual([expected[1]]);
    expect(page({ sender: france, after: expected[0]! })).toEqual([expected[1]]);
    expect(page({}, 2)).toEqual([2_600, 2_599]);
    expect(page({ before: 2_599 }, 2)).toEqual([2_598, 2_597]);
  });

  test('the index is rebuilt from the store, and again when its file is lost or foreign', async () => {
    const opened = freshStore();
    const written = message({ sections: [text(2, 'zanzibar')] });
    opened.store.messages.insert(written);
    const find = () =>
      opened.store.messages.page({ words: ['zanzibar'], allowed: allClasses(opened.store) }, 9).length;
    expect(find()).toBe(1);
    opened.store.rebuildIndex();
    expect(find()).toBe(1);
    const { writeFileSync, rmSync } = await import('node:fs');
    const { join } = await import('node:path');
    opened.store.close();
    rmSync(join(opened.directory, 'index.sqlite'));
    opened.reopen();
    expect(find()).toBe(1);
    opened.store.close();
    writeFileSync(
      join(opened.directory, 'index.sqlite'),
      'no database at all, and long enough to be read as one',
    );
    opened.reopen();
    expect(find()).toBe(1);
  });

  test('is written in slices after commits', () => {
    const { store, clock, directory } = freshStore();
    for (let i = 0; i < 40; i += 1) store.messages.insert(message({ sections: [text(2, 'slice')] }));
    expect(indexedRows(directory)).toBe(0);
    clock.runDue();
    expect(indexedRows(directory)).toBe(32);
    clock.runDue();
    expect(indexedRows(directory)).toBe(40);
  });
});

function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T;
}

function indexedRows(directory: string): number {
  const database = new DatabaseSync(join(directory, 'index.sqlite'), { readOnly: true });
  try {
    return Number(database.prepare('SELECT count(*) AS n FROM entries').get()!['n']);
  } finally {
    database.close();
  }
}
