/** Publishing to JetStream: single rows and atomic batches (docs/wire.md, Batches). */
import { hex, utf8Text } from '../bytes.ts';
import type { Clock } from '../clock.ts';
import type { Random } from '../ids.ts';
import { limits } from '../limits.ts';
import { type Headers, type Link, LinkError, type Reply } from './link.ts';
import type { Outgoing, PublishOutcome } from './port.ts';
import type { RateMeter } from './rate-meter.ts';

export type PublisherOptions = Readonly<{ link: Link; clock: Clock; random: Random; carried: RateMeter }>;

/** API level that has atomic batches; an older server would store the rows one by one, uncommitted ones too. */
const apiLevelOfBatches = 2;
/** "wrong last sequence", with and without the sequence. */
const fencedCodes = new Set([10071, 10164]);

export async function publishOne(options: PublisherOptions, row: Outgoing): Promise<PublishOutcome> {
  const timeoutMs = timeoutFor(row.data.length);
  const answer = await reach(() =>
    options.link.request(row.subject, row.data, { timeoutMs, headers: headersOf(row) }),
  );
  if ('result' in answer) return answer;
  const outcome = outcomeOf(answer, 1);
  return carried(options, [row], outcome);
}

/** Rows of one stream; all are stored, in order, or none. */
export async function publishBatch(
  options: PublisherOptions,
  rows: readonly Outgoing[],
): Promise<PublishOutcome> {
  const [first, ...others] = rows;
  const last = others.pop();
  if (first === undefined) throw new TypeError('a batch has at least one row');
  if (rows.length > limits.publishBatchMessagesMax) throw new TypeError('a batch has too many rows');
  if (last === undefined) return await publishOne(options, first);
  if ((options.link.server?.api_lvl ?? 0) < apiLevelOfBatches) {
    return { result: 'rejected', reason: 'the hub is too old for atomic batches' };
  }
  const id = hex(options.random.bytes(16));
  const timeoutMs = timeoutFor(rows.reduce((sum, row) => sum + row.data.length, 0));
  const place = (row: Outgoing, index: number): Headers => ({
    ...headersOf(row),
    'Nats-Batch-Id': id,
    'Nats-Batch-Sequence': String(index + 1),
  });
  const { link } = options;
  // The whole batch leaves in one go. A refusal of its start is answered to the first row.
  const opened = reach(() =>
    link.request(first.subject, first.data, { timeoutMs, headers: place(first, 0) }),
  );
  others.forEach((row, index) => {
    link.send(row.subject, row.data, place(row, index + 1));
  });
  const commit = { ...place(last, rows.length - 1), 'Nats-Batch-Commit': '1' };
  const closed = reach(() => link.request(last.subject, last.data, { timeoutMs, headers: commit }));
  return carried(options, rows, await batchOutcome(opened, closed, rows.length));
}

type Answer = Reply | Extract<PublishOutcome, { result: 'unknown' }>;

async function batchOutcome(
  opened: Promise<Answer>,
  closed: Promise<Answer>,
  count: number,
): Promise<PublishOutcome> {
  const start = await Promise.race([opened, closed.then(() => undefined)]);
  if (start !== undefined && !('result' in start) && (start.data.length > 0 || start.status !== 0)) {
    const refusal = outcomeOf(start, count);
    if (refusal.result === 'rejected' || refusal.result === 'fenced') return refusal;
  }
  const end = await closed;
  return 'result' in end ? end : outcomeOf(end, count);
}

async function reach(request: () => Promise<Reply>): Promise<Answer> {
  try {
    return await request();
  } catch (error) {
    if (!(error instanceof LinkError)) throw error;
    return { result: 'unknown', reason: error.message };
  }
}

type PubAck = Readonly<{
  seq?: number;
  duplicate?: boolean;
  count?: number;
  error?: Readonly<{ code?: number; err_code?: number; description?: string }>;
}>;

function outcomeOf({ data, status }: Reply, count: number): PublishOutcome {
  if (status === 503)
    return { result: 'rejected', code: 503, reason: 'no stream takes the subject, or it is not granted' };
  const ack = parseAck(data);
  if (ack === undefined) return { result: 'unknown', reason: 'the acknowledgement does not parse' };
  if (ack.error !== undefined) {
    const code = ack.error.err_code ?? ack.error.code ?? 0;
    if (fencedCodes.has(code)) return { result: 'fenced' };
    return { result: 'rejected', code, reason: ack.error.description ?? 'no reason given' };
  }
  const { seq } = ack;
  if (typeof seq !== 'number' || (ack.count ?? 1) !== count) {
    return { result: 'unknown', reason: 'the acknowledgement is of another batch' };
  }
  const sequences = Array.from({ length: count }, (_, index) => seq - count + index + 1);
  return { result: 'stored', sequences, duplicate: ack.duplicate === true };
}

function parseAck(data: Uint8Array): PubAck | undefined {
  try {
    const value: unknown = JSON.parse(utf8Text(data));
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function headersOf(row: Outgoing): Headers {
  const fence =
    row.expectLast === undefined ? {} : { 'Nats-Expected-Last-Subject-Sequence': String(row.expectLast) };
  return { 'Nats-Msg-Id': row.messageId, ...fence };
}

/** A slow link gets the time that its bytes need, at 8 KiB/s and within a bound. */
function timeoutFor(bytes: number): number {
  return Math.min(limits.publishTimeoutMsMax, limits.publishTimeoutMs + Math.ceil(bytes / 8192) * 1000);
}

function carried(
  { carried: meter, clock }: PublisherOptions,
  rows: readonly Outgoing[],
  outcome: PublishOutcome,
): PublishOutcome {
  if (outcome.result === 'stored')
    meter.add(
      rows.reduce((sum, row) => sum + row.data.length, 0),
      clock.nowMs(),
    );
  return outcome;
}
