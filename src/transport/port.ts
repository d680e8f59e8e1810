/**
 * What the gateway asks of the hub. One implementation: NATS JetStream, `nats.ts`.
 *
 * Duties: nothing is ever buffered across a disconnect; a publish resolves only when the hub has
 * stored it durably, or says why not. Deliveries are handed over in stream order for each durable,
 * and again until they are acknowledged.
 */
import type { Lane } from '../types.ts';

export type Outgoing = Readonly<{
  subject: string;
  data: Uint8Array;
  /** `Nats-Msg-Id`. */
  messageId: string;
  /** `Nats-Expected-Last-Subject-Sequence`: the fence. Absent on rows that follow another of the subject. */
  expectLast?: number;
}>;

export type PublishOutcome =
  | Readonly<{ result: 'stored'; sequences: readonly number[]; duplicate: boolean }>
  /** The hub's last message on a subject is not the one expected (10071). */
  | Readonly<{ result: 'fenced' }>
  /** The hub refused: full, no such stream, not granted, a batch error. */
  | Readonly<{ result: 'rejected'; code?: number; reason: string }>
  /** No answer: it may or may not be stored. */
  | Readonly<{ result: 'unknown'; reason: string }>;

export type Delivery = Readonly<{
  stream: string;
  streamSequence: number;
  subject: string;
  data: Uint8Array;
  /** How often the hub has delivered it, this time included. */
  delivered: number;
}>;

/** A durable consumer of this agency, provisioned by the hub. */
export type DurableName = Readonly<{ stream: string; durable: string; lane: Lane | 'blob' | 'directory' }>;

export type LinkState = 'connecting' | 'connected' | 'disconnected' | 'closed';

export interface Transport {
  readonly state: LinkState;
  /** Times between our clock and the hub's, as last measured; undefined before. */
  readonly clockOffsetMs: number | undefined;
  /** Bytes that the link carried in the last second. */
  readonly bytesLastSecond: number;
  onState(run: (state: LinkState) => void): () => void;
  /** One atomic batch: all rows are stored, in order, or none. Rows are of one stream. */
  publishBatch(rows: readonly Outgoing[]): Promise<PublishOutcome>;
  publishOne(row: Outgoing): Promise<PublishOutcome>;
  /** Our own last message on a subject, by direct get; undefined where there is none. */
  lastOn(
    stream: string,
    subject: string,
  ): Promise<Readonly<{ sequence: number; data: Uint8Array }> | undefined>;
  /**
   * Follows the durables until stopped. `onBatch` gets what is there, at most `limits.pullMessagesMax`
   * of one durable; when it resolves, all of them are acknowledged; when it rejects, none are.
   * One batch of a durable at a time.
   */
  follow(
    durables: readonly DurableName[],
    onBatch: (batch: readonly Delivery[], durable: DurableName) => Promise<void>,
  ): Promise<Following>;
  close(): Promise<void>;
}

export interface Following {
  /** Stops pulling and resolves when batches under way are done. */
  stop(): Promise<void>;
}
