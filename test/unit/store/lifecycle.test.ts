import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { systemRandom } from '../../../src/ids.ts';
import { openStore } from '../../../src/store/index.ts';
import {
  allClasses,
  digest,
  freshStore,
  greece,
  italy,
  message,
  section,
  startMs,
  storeKey,
  temporaryDirectory,
  testClock,
} from './fixtures.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });
const options = (directory: string) => ({ directory, storeKey, clock: testClock(), random: systemRandom });

describe('opening', () => {
  test('a store is created only when asked', () => {
    const directory = temporaryDirectory();
    expect(() => openStore(options(directory))).toThrow(code('STORE_FAILED'));
    writeFileSync(join(directory, 'store.sqlite'), '');
    expect(() => openStore(options(directory))).toThrow(code('STORE_FAILED'));
    openStore({ ...options(directory), create: true }).close();
    openStore(options(directory)).close();
  });

  test('epoch and keys are drawn once', () => {
    const opened = freshStore();
    const { epoch, messageIdKey } = opened.store;
    expect(epoch).toHaveLength(16);
    expect(messageIdKey).toHaveLength(32);
    const again = opened.reopen();
    expect(again.epoch).toEqual(epoch);
    expect(again.messageIdKey).toEqual(messageIdKey);
    expect(freshStore().store.epoch).not.toEqual(epoch);
  });

  test('a wrong key opens nothing, and changes nothing', () => {
    const opened = freshStore();
    opened.store.close();
    const wrong = { ...options(opened.directory), storeKey: new Uint8Array(32).fill(8) };
    expect(() => openStore(wrong)).toThrow(code('STORE_KEY_WRONG'));
    expect(() => openStore({ ...wrong, create: true })).toThrow(code('STORE_KEY_WRONG'));
    expect(() => openStore({ ...wrong, storeKey: new Uint8Array(31) })).toThrow(TypeError);
    opened.reopen();
  });

  test('a store of a newer version is left alone', () => {
    const opened = freshStore();
    opened.store.close();
    alter(opened.directory, 'PRAGMA user_version = 999');
    expect(() => openStore(options(opened.directory))).toThrow(code('STORE_VERSION'));
    alter(opened.directory, 'PRAGMA user_version = 1');
    opened.reopen();
  });

  test('what is no database is told as such', () => {
    const directory = temporaryDirectory();
    writeFileSync(
      join(directory, 'store.sqlite'),
      'this is not a database, and longer than its magic'.repeat(99),
    );
    expect(() => openStore(options(directory))).toThrow(code('STORE_FAILED'));
  });

  test('a second store in one process is refused, and the first goes on', () => {
    const opened = freshStore();
    expect(() => openStore(options(opened.directory))).toThrow(code('STORE_LOCKED'));
    opened.store.messages.insert(message());
    opened.store.close();
    openStore(options(opened.directory)).close();
  });

  test('row values moved to another row do not open', () => {
    const opened = freshStore();
    const [one, two] = [message(), message()];
    opened.store.messages.insert(one);
    opened.store.messages.insert(two);
    opened.store.close();
    alter(
      opened.directory,
      'UPDATE parts SET sealed = (SELECT sealed FROM parts WHERE id = 129) WHERE id = 128',
    );
    const store = opened.reopen();
    expect(() => store.messages.sections(two.facts.id)).toThrow(code('STORE_FAILED'));
    expect(store.messages.sections(one.facts.id)).toEqual(one.sections);
  });
});

describe('a transaction', () => {
  test('is all or nothing, in memory too', () => {
    const { store } = freshStore();
    const written = message({ sections: [section(1, { readClass: 'fresh' })] });
    const work = () => {
      store.messages.insert(written);
      store.messages.nextReference(2026);
      store.positions.announce(written.facts.subject, store.epoch, { sequence: 1, digest: digest('h') }, 1);
      store.receipts.note(italy, written.facts.subject, store.epoch);
    };
    expect(() =>
      store.transaction(() => {
        work();
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(store.messages.count()).toBe(0);
    expect(store.messages.readClasses()).toEqual([]);
    expect(store.positions.all()).toEqual([]);
    expect(store.receipts.due()).toEqual([]);
    store.transaction(work);
    expect(store.messages.page({ allowed: allClasses(store) }, 9)).toHaveLength(1);
    expect(store.messages.nextReference(2026)).toBe(2);
    expect(store.positions.all()).toHaveLength(1);
  });

  test('does not nest and does not wait', () => {
    const { store } = freshStore();
    expect(() => store.transaction(() => store.transaction(() => 1))).toThrow(TypeError);
    expect(() =>
      store.transaction(async () => {
        store.messages.insert(message());
      }),
    ).toThrow(TypeError);
    expect(store.messages.count()).toBe(0);
    expect(store.transaction(() => 7)).toBe(7);
  });

  test('cannot commit once a statement in it failed, even where the caller went on', () => {
    const { store } = freshStore();
    const written = message();
    expect(() =>
      store.transaction(() => {
        store.messages.insert(written);
        expect(() => store.messages.insert(written)).toThrow('UNIQUE constraint');
      }),
    ).toThrow('UNIQUE constraint');
    expect(store.messages.count()).toBe(0);
    store.messages.insert(written);
  });

  test('a listener that fails takes nothing back', async () => {
    const { store } = freshStore();
    const told = new Promise((resolve) => {
      const listeners = process.listeners('uncaughtException');
      process.removeAllListeners('uncaughtException');
      process.once('uncaughtException', (error) => {
        for (const listener of listeners) process.on('uncaughtException', listener);
        resolve(error);
      });
    });
    store.events.onCommit(() => {
      throw new Error('a listener failed');
    });
    expect(store.events.append({ type: 'x', facts: {}, atMs: 1 })).toBe(1);
    expect(store.events.lastId()).toBe(1);
    expect(await told).toEqual(new Error('a listener failed'));
  });
});

describe('another process', () => {
  const child = (directory: string, count: number) => {
    const process_ = spawn(
      process.execPath,
      [join(import.meta.dirname, 'writing-process.ts'), directory, `${count}`],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    onTestFinished(() => void process_.kill('SIGKILL'));
    return { process: process_, lines: createInterface({ input: process_.stdout }) };
  };
  const killed = async (process_: ChildProcess) => {
    const exit = once(process_, 'exit');
    process_.kill('SIGKILL');
    await exit;
  };

  test('is refused while one holds the store, and let in when that one is killed', async () => {
    const directory = temporaryDirectory();
    const first = child(directory, 1);
    await lineOf(first.lines, 'waiting');
    expect(() => openStore(options(directory))).toThrow(code('STORE_LOCKED'));
    const second = child(directory, 1);
    const errors: Buffer[] = [];
    second.process.stderr?.on('data', (chunk: Buffer) => errors.push(chunk));
    await once(second.process, 'close');
    expect(Buffer.concat(errors).toString()).toContain('STORE_LOCKED');
    await killed(first.process);
    openStore(options(directory)).close();
  });

  test('killed in the middle of transactions leaves every committed one whole, and no other', async () => {
    const directory = temporaryDirectory();
    let before = 0;
    for (let round = 0; round < 6; round += 1) {
      const writer = child(directory, 1_000_000);
      const kill = new Promise<number>((resolve) => {
        let committed = before;
        let seen = 0;
        writer.lines.on('line', (line) => {
          const [what, count] = line.split(' ');
          if (what !== 'committed') return;
          committed = Number(count);
          seen += 1;
          // Killed while the next transaction is under way, at a place that differs each round.
          if (seen === 3 + round * 4) writer.process.kill('SIGKILL');
        });
        writer.process.on('close', () => resolve(committed));
      });
      const committed = await kill;
      const store = openStore(options(directory));
      const count = store.messages.count();
      expect(count).toBeGreaterThanOrEqual(committed);
      expect(count % 5).toBe(0);
      expect(store.outbox.unsent()).toBe(count);
      expect(store.auditRows.last()?.index).toBe(count);
      const heads = store.channels.heads();
      expect(heads[0]?.head.sequence).toBe(count);
      for (const { facts } of store.messages.page({ allowed: allClasses(store) }, 20)) {
        expect(store.messages.sections(facts.id)).toHaveLength(2);
        expect(store.messages.envelope(facts.id)).toEqual(new TextEncoder().encode(`envelope ${facts.id}`));
        expect(store.channels.digestAt(facts.subject, facts.epoch, facts.sequence)).toEqual(facts.digest);
      }
      expect(store.messages.page({ words: ['words'], allowed: allClasses(store) }, 9)).not.toEqual([]);
      store.close();
      expect(integrity(directory)).toBe('ok');
      before = count;
    }
  });
});

describe('at rest', () => {
  const canaries = [
    'zanzibar-in-the-section',
    'kilimanjaro okavango',
    'serengeti-in-the-envelope',
    'GR-CUS-2026-009999-1',
  ];

  function writeCanaries(store: ReturnType<typeof openStore>, id = message().facts.id) {
    const bytes = (text: string) => new TextEncoder().encode(text);
    const key = new Uint8Array(32).map((_, i) => 0xe0 + (i % 16));
    store.messages.insert(
      message({
        facts: { id, reference: canaries[3]!, distribution: 'abcdefabcdef' },
        header: bytes('ngorongoro-in-the-header'),
        envelope: bytes(canaries[2]!),
        sections: [
          section(1, {
            bytes: bytes(canaries[0]!),
            text: canaries[1]!,
            salt: key,
            readClass: 'class-of-mauritius',
          }),
        ],
      }),
    );
    store.parking.park({
      sender: greece,
      subject: 's',
      reason: 'AWAITING_KEY',
      awaits: 'x',
      digest: 'ab'.repeat(32),
      deliverByMs: 1,
      parkedMs: 1,
      envelope: bytes(canaries[2]!),
    });
    store.quarantine.put({ atMs: 1, code: 'HEADER_INVALID', subject: 's', reasons: [] }, bytes(canaries[2]!));
    const audience = {
      sender: greece,
      keyId: digest('k'),
      key,
      members: [italy],
      notBeforeMs: 0,
      notAfterMs: 9,
    };
    store.audienceKeys.put(audience);
    store.auditRows.keepSecret(1, 'identity', digest('salt'), bytes(canaries[0]!));
    store.idempotency.remember('o', 'madagascar-as-the-key', {
      requestDigest: digest('r'),
      response: canaries[3]!,
      nowMs: 1,
    });
    return { id, key };
  }

  test('no file but the index holds content or a key', () => {
    const opened = freshStore();
    const { key } = writeCanaries(opened.store);
    const found = (needle: string | Uint8Array, files: readonly string[]) =>
      files.filter((file) =>
        filesIn(opened.directory, file).some((bytes) => bytes.includes(Buffer.from(needle))),
      );
    const sealed = ['store.sqlite', 'store.sqlite-wal', 'store.sqlite-shm', 'store.lock'];
    const needles = [
      ...canaries,
      'ngorongoro-in-the-header',
      'class-of-mauritius',
      'abcdefabcdef',
      'madagascar',
      key,
      storeKey,
      opened.store.messageIdKey,
    ];
    for (const checkpointed of [false, true]) {
      if (checkpointed) opened.store.close();
      for (const needle of needles) expect(found(needle, sealed)).toEqual([]);
      for (const needle of needles) {
        const base64 = typeof needle === 'string' ? needle : Buffer.from(needle).toString('base64');
        expect(found(base64, sealed)).toEqual([]);
      }
    }
    // The control: what is stored in clear is found by the same search, and words are in the index.
    const store = opened.reopen();
    store.outbox.setFence('control-canary', 1);
    store.catchUpIndex();
    store.close();
    expect(found('control-canary', sealed)).toEqual(['store.sqlite']);
    expect(found('kilimanjaro', ['index.sqlite'])).toEqual(['index.sqlite']);
  });

  test('an erased message is unreadable in every file, index included', () => {
    const opened = freshStore();
    const { id } = writeCanaries(opened.store);
    const kept = message({ sections: [section(1, { text: 'kilimanjaro stays' })] });
    opened.store.messages.insert(kept);
    opened.store.catchUpIndex();
    const wrapped = wrappedKeys(opened.directory)[0]!;
    const before = opened.store.messages.byId(id)!;
    expect(before.facts.reference).toBe(canaries[3]);
    expect(opened.store.erase(id)).toBe('erased');
    // The log was emptied and the pages overwritten: not even the wrapped key is left.
    const rest = (needle: string | Uint8Array) =>
      readdirSync(opened.directory).filter((file) =>
        filesIn(opened.directory, file).some((bytes) => bytes.includes(Buffer.from(needle))),
      );
    expect(rest(wrapped)).toEqual([]);
    expect(rest(wrappedKeys(opened.directory).find((key) => key.length > 0)!)).not.toEqual([]);
    expect(rest('okavango')).toEqual([]);
    expect(rest('kilimanjaro')).toEqual(['index.sqlite']);
    const store = opened.store;
    expect(store.messages.sections(id)).toEqual([]);
    expect(store.messages.envelope(id)).toBeUndefined();
    expect(store.messages.header(id)).toBeUndefined();
    const { reference: _, distribution: __, ...facts } = before.facts;
    expect(store.messages.byId(id)?.facts).toEqual({ ...facts, flags: ['ERASED'] });
    const page = (filter: object) =>
      store.messages.page({ allowed: allClasses(store), ...filter }, 9).map((row) => row.facts.id);
    expect(page({})).toEqual([kept.facts.id]);
    expect(page({ words: ['kilimanjaro'] })).toEqual([kept.facts.id]);
    expect(page({ reference: canaries[3]! })).toEqual([]);
    expect(store.erase(id)).toBe('erased');
    expect(store.erase(message().facts.id)).toBe('unknown');
    store.rebuildIndex();
    expect(page({ words: ['kilimanjaro'] })).toEqual([kept.facts.id]);
  });

  test('a message that still has to leave is not erased', () => {
    const { store } = freshStore();
    const own = message({ facts: { direction: 'out' } });
    const id = store.outbox.append({
      stream: 'S',
      lane: 'day',
      subject: own.facts.subject,
      epoch: store.epoch,
      sequence: 1,
      digest: own.facts.digest,
      messageIdHeader: 'x',
      deliverByMs: startMs,
      envelope: own.envelope,
    });
    store.messages.insert(own);
    expect(store.erase(own.facts.id)).toBe('unsent');
    expect(store.messages.sections(own.facts.id)).toHaveLength(2);
    store.outbox.markSent([{ id, subject: own.facts.subject, streamSequence: 1 }]);
    expect(store.erase(own.facts.id)).toBe('erased');
    expect(store.messages.envelope(own.facts.id)).toBeUndefined();
    expect(() => store.transaction(() => store.erase(own.facts.id))).toThrow(TypeError);
  });
});

const mounted = mountedTmpfs();

describe.skipIf(mounted === undefined)('a full disk (needs the right to mount a tmpfs)', () => {
  test('is STORE_FULL, leaves nothing half written, and the store goes on when there is room', () => {
    const directory = join(mounted ?? '', 'store');
    mkdirSync(directory, { recursive: true });
    const store = openStore({ ...options(directory), create: true, indexing: 'reader' });
    let committed = 0;
    const batch = () =>
      store.transaction(() => {
        for (let i = 0; i < 4; i += 1) {
          store.messages.insert(message({ envelope: new Uint8Array(40_000) }));
          store.events.append({ type: 'x', facts: {}, atMs: 1 });
        }
      });
    const fill = () => {
      for (let i = 0; i < 1_000; i += 1) {
        batch();
        committed += 4;
      }
    };
    expect(fill).toThrow(code('STORE_FULL'));
    expect(committed).toBeGreaterThan(0);
    expect(store.messages.count()).toBe(committed);
    expect(store.events.lastId()).toBe(committed);
    expect(batch).toThrow(code('STORE_FULL'));
    const [first] = store.messages.page({ allowed: allClasses(store), after: 0 }, 1);
    expect(store.messages.sections(first!.facts.id)).toHaveLength(2);
    execFileSync('mount', ['-o', 'remount,size=96m', mounted ?? '']);
    batch();
    committed += 4;
    store.close();
    const again = openStore(options(directory));
    expect(again.messages.count()).toBe(committed);
    again.close();
    expect(integrity(directory)).toBe('ok');
  });
});

function mountedTmpfs(): string | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const at = mkdtempSync(join(tmpdir(), 'comity-full-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'comity-test', at], { stdio: 'ignore' });
  } catch {
    rmSync(at, { recursive: true });
    return undefined;
  }
  afterAll(() => {
    execFileSync('umount', ['-l', at]);
    rmSync(at, { recursive: true });
  });
  return at;
}

function alter(directory: string, sql: string): void {
  const database = new DatabaseSync(join(directory, 'store.sqlite'));
  database.exec(sql);
  database.close();
}

function integrity(directory: string): unknown {
  const database = new DatabaseSync(join(directory, 'store.sqlite'));
  const answer = database.prepare('PRAGMA integrity_check').get()?.['integrity_check'];
  database.close();
  return answer;
}

function wrappedKeys(directory: string): Uint8Array[] {
  const database = new DatabaseSync(join(directory, 'store.sqlite'), { readOnly: true });
  const rows = database.prepare('SELECT data_key FROM envelopes ORDER BY id').all();
  database.close();
  return rows.map((row) => (row['data_key'] as Uint8Array | null) ?? new Uint8Array(0));
}

/** Bytes of a file; through another process, since closing it here would drop SQLite's locks (POSIX). */
function filesIn(directory: string, file: string): Buffer[] {
  const path = join(directory, file);
  return existsSync(path) && statSync(path).size > 0
    ? [execFileSync('cat', [path], { maxBuffer: 2 ** 28 })]
    : [];
}

async function lineOf(lines: ReturnType<typeof createInterface>, wanted: string): Promise<void> {
  for await (const line of lines) if (line === wanted) return;
}
