/** The `Versions` port on one file, for tools that have no store: the hub's and the authorities'. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { base64, utf8 } from '../bytes.ts';
import { ComityError } from '../errors.ts';
import { parseStrictJson, readShape } from '../keys/index.ts';
import type { Versions } from '../store/port.ts';

/** The disk as far as the record needs it. */
export interface RecordFile {
  /** Undefined where there is no file. */
  read(): Uint8Array | undefined;
  /** Durable when it returns; all or nothing. */
  replace(bytes: Uint8Array): void;
}

const recordShape = z.strictObject({
  format: z.literal('comity-versions-1'),
  records: z.record(z.string(), z.strictObject({ version: z.int().min(0), bytes: z.string() })),
});

/** TRUST_STATE_LOST where the file is there and unreadable; an absent file is an empty record. */
export function openFileVersions(file: RecordFile): Versions {
  let records = readRecords(file);
  return {
    load: (name) => records.get(name),
    save(name, version, bytes) {
      const next = new Map(records).set(name, { version, bytes });
      file.replace(written(next));
      records = next;
    },
    names: () => [...records.keys()],
  };
}

/** A record in memory, for verifying what needs no floor: evidence, a statement before admission. */
export function createMemoryVersions(): Versions {
  const records = new Map<string, StoredRecord>();
  return {
    load: (name) => records.get(name),
    save(name, version, bytes) {
      records.set(name, { version, bytes });
    },
    names: () => [...records.keys()],
  };
}

/** The record file at a path. Synced under another name, then renamed, then the directory is synced. */
export function recordFileAt(path: string): RecordFile {
  return {
    read() {
      try {
        return Uint8Array.from(readFileSync(path));
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
        throw error;
      }
    },
    replace(bytes) {
      const draft = `${path}.new`;
      withFile(draft, 'w', (file) => {
        writeSync(file, bytes);
        fsyncSync(file);
      });
      // Dying here leaves the old record, and nothing was applied by the new one yet.
      renameSync(draft, path);
      withFile(dirname(path), 'r', fsyncSync);
    },
  };
}

type StoredRecord = Readonly<{ version: number; bytes: Uint8Array }>;

function readRecords(file: RecordFile): ReadonlyMap<string, StoredRecord> {
  const bytes = file.read();
  if (bytes === undefined) return new Map();
  const { records } = readShape(recordShape, parseRecord(bytes), 'TRUST_STATE_LOST');
  return new Map(
    Object.entries(records).map(([name, record]) => [
      name,
      { version: record.version, bytes: Uint8Array.from(Buffer.from(record.bytes, 'base64')) },
    ]),
  );
}

function parseRecord(bytes: Uint8Array): unknown {
  if (bytes.length === 0) throw new ComityError('TRUST_STATE_LOST', 'the record of versions is empty');
  return parseStrictJson(bytes, 'TRUST_STATE_LOST');
}

function written(records: ReadonlyMap<string, StoredRecord>): Uint8Array {
  const entries = [...records].map(([name, { version, bytes }]) => [name, { version, bytes: base64(bytes) }]);
  return utf8(`${JSON.stringify({ format: 'comity-versions-1', records: Object.fromEntries(entries) })}\n`);
}

function withFile(path: string, flags: string, use: (file: number) => void): void {
  const file = openSync(path, flags, 0o600);
  try {
    use(file);
  } finally {
    closeSync(file);
  }
}
