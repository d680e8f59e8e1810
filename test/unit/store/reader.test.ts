import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { systemRandom } from '../../../src/ids.ts';
import { openReader, openStore } from '../../../src/store/index.ts';
import { allClasses, message, section, storeKey, temporaryDirectory, testClock } from './fixtures.ts';

function opened() {
  const directory = temporaryDirectory();
  const store = openStore({
    directory,
    storeKey,
    clock: testClock(),
    random: systemRandom,
    create: true,
    indexing: 'reader',
  });
  const reader = openReader({ directory, storeKey });
  onTestFinished(async () => {
    await reader.close();
    store.close();
  });
  return { directory, store, reader };
}

test('a reader gives the pages that the store gives', async () => {
  const { store, reader } = opened();
  for (let i = 0; i < 20; i += 1) {
    store.messages.insert(
      message({ sections: [section(2, { text: i % 2 === 0 ? 'even zanzibar' : 'odd' })] }),
    );
    // New shapes, classes and channels appear while the reader is open.
    const allowed = allClasses(store);
    const filter = { words: ['zanzibar'], allowed };
    expect(await reader.page(filter, 5)).toEqual(store.messages.page(filter, 5));
    expect(await reader.page({ allowed }, 5)).toEqual(store.messages.page({ allowed }, 5));
    expect(await reader.page({ allowed: [] }, 5)).toEqual([]);
  }
});

test('a reader writes the index while nobody searches', async () => {
  const { directory, store } = opened();
  store.transaction(() => {
    for (let i = 0; i < 100; i += 1) store.messages.insert(message());
  });
  const index = new DatabaseSync(join(directory, 'index.sqlite'), { readOnly: true });
  onTestFinished(() => index.close());
  const entries = () => Number(index.prepare('SELECT count(*) AS n FROM entries').get()?.['n']);
  await expect.poll(entries, { timeout: 20_000 }).toBe(200);
});

test('two threads that write one index add each message once, and erased words stay out', async () => {
  const { directory, store, reader } = opened();
  const ids: string[] = [];
  for (let i = 0; i < 30; i += 1) {
    const written = message({ sections: [section(2, { text: 'tanganyika' })] });
    store.messages.insert(written);
    ids.push(written.facts.id);
    const filter = { words: ['tanganyika'], allowed: allClasses(store) };
    const pages = [reader.page(filter, 99), Promise.resolve(store.messages.page(filter, 99))];
    for (const page of await Promise.all(pages)) expect(page).toHaveLength(i + 1);
  }
  const filter = { words: ['tanganyika'], allowed: allClasses(store) };
  const asked = reader.page(filter, 99);
  for (const id of ids.slice(0, 10)) expect(store.erase(id)).toBe('erased');
  await asked;
  expect(await reader.page(filter, 99)).toHaveLength(20);
  const index = new DatabaseSync(join(directory, 'index.sqlite'), { readOnly: true });
  expect(Number(index.prepare('SELECT count(*) AS n FROM entries').get()?.['n'])).toBe(20);
  index.close();
});

test('errors keep their codes, and a closed reader says so', async () => {
  const { reader } = opened();
  const words = Array.from({ length: 17 }, () => 'x');
  await expect(reader.page({ words, allowed: [] }, 5)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  await expect(reader.page({ allowed: [] }, 0)).rejects.toThrow(TypeError);
  await reader.close();
  await expect(reader.page({ allowed: [] }, 1)).rejects.toMatchObject({ code: 'STORE_FAILED' });
});

test('a reader with a wrong key fails', async () => {
  const { directory } = opened();
  const reader = openReader({ directory, storeKey: new Uint8Array(32).fill(1) });
  await expect(reader.page({ allowed: [] }, 1)).rejects.toMatchObject({ code: 'STORE_FAILED' });
});
