/**
 * What the pipelines keep. One implementation: SQLite, `open.ts`.
 *
 * Duties: every call is synchronous. `transaction` is all or nothing and durable when it returns
 * (`synchronous=FULL`); it throws STORE_FULL or STORE_FAILED and then nothing was written. Calls that
 * write, made outside a transaction, are transactions of their own. What is stored under a message
 * is encrypted under a data key of that message, wrapped by the store key.
 */
import type { ErrorCode } from '../errors.ts';
import type { AgencyId, Category, Kind, Lane } from '../types.ts';

export interface Store {
  /** Drawn when the store is created. */
  readonly epoch: Uint8Array;
  /** Key of the HMAC that makes `Nats-Msg-Id`; never leaves the store. */
  readonly messageIdKey: Uint8Array;
  transaction<T>(work: () => T): T;
  readonly messages: Messages;
  readonly outbox: Outbox;
  readonly channels: Channels;
  readonly positions: Positions;
  readonly receipts: Receipts;
  readonly parking: Parking;
  readonly quarantine: Quarantine;
  readonly audienceKeys: AudienceKeys;
  readonly versions: Versions;
  readonly auditRows: AuditRows;
  readonly idempotency: Idempotency;
  readonly events: Events;
  close(): void;
}

// ---- messages -------------------------------------------------------------------------------

/** withheld: not for us; absent: for us, and not given; open: carried in clear. */
export type SectionState = 'read' | 'withheld' | 'absent' | 'open';

/** What a message is, without its content. Identifiers of a message are its UUIDv7's text. */
export type MessageFacts = Readonly<{
  id: string;
  direction: 'out' | 'in';
  /** The message's digest (leaf hash of its header). */
  digest: Uint8Array;
  sender: AgencyId;
  /** Absent on a broadcast. */
  to?: AgencyId;
  subject: string;
  epoch: Uint8Array;
  sequence: number;
  kind: Kind;
  lane: Lane;
  schema: string;
  createdMs: number;
  deliverByMs: number;
  /** When it was stored here. */
  storedMs: number;
  inForceUntilMs?: number;
  reference?: string;
  /** Digest of the message that opened the thread, or of the one answered. */
  thread?: Uint8Array;
  inReplyTo?: Uint8Array;
  supersedes?: Uint8Array;
  /** Hex; the same on every directed copy of one message. The group's first copy is the one listed. */
  distribution?: string;
  /** Remarks such as SCHEMA_DIGEST_UNKNOWN or UNKNOWN_FIELDS. */
  flags: readonly string[];
}>;

export type SectionRow = Readonly<{
  field: number;
  category: Category;
  state: SectionState;
  /** The encoded field; present where the state is read or open. */
  bytes?: Uint8Array;
  /** The section's words, for the search index. */
  text?: string;
  /** The facts that a `read` policy needs of this section, as canonical JSON; sections of one class share a row. */
  readClass: string;
  /** Of an own message: the salt, for later disclosure. */
  salt?: Uint8Array;
}>;

export type NewMessage = Readonly<{
  facts: MessageFacts;
  header: Uint8Array;
  envelope: Uint8Array;
  sections: readonly SectionRow[];
}>;

export type ReadClass = Readonly<{ id: number; facts: string }>;

/** `allowed`: ids of the read classes whose sections the reader may read. */
export type MessageFilter = Readonly<{
  kind?: Kind;
  lane?: Lane;
  direction?: 'in' | 'out';
  sender?: AgencyId;
  thread?: Uint8Array;
  reference?: string;
  /** Stored after this cursor (exclusive), oldest first, where given. */
  after?: number;
  /** Stored before this cursor (exclusive), newest first: the default order. */
  before?: number;
  /** Words that all occur in one section that the reader may read. */
  words?: readonly string[];
  allowed: readonly number[];
}>;

/** `cursor` grows with the order in which messages were stored. */
export type ListedMessage = Readonly<{ cursor: number; facts: MessageFacts }>;

export interface Messages {
  insert(message: NewMessage): number;
  byId(id: string): ListedMessage | undefined;
  byDigest(digest: Uint8Array): ListedMessage | undefined;
  /** Whether the sender used this id before. */
  idUsed(sender: AgencyId, id: string): boolean;
  sections(id: string): readonly SectionRow[];
  /** What policy judges of each section, without opening any; none of a message that is not known. */
  sectionClasses(id: string): readonly Pick<SectionRow, 'field' | 'state' | 'readClass'>[];
  envelope(id: string): Uint8Array | undefined;
  /** Rows with at least one section of an allowed class (existence of the cover counts). */
  page(filter: MessageFilter, limit: number): readonly ListedMessage[];
  readClasses(): readonly ReadClass[];
  /** The answers to a message: stored messages whose inReplyTo is its digest. */
  answersTo(digest: Uint8Array): readonly ListedMessage[];
  /** All copies of a distribution, own messages. */
  copies(distribution: string): readonly ListedMessage[];
  count(): number;
  /** Next number of the short reference for a year; each is given once. */
  nextReference(year: number): number;
}

// ---- outbox ---------------------------------------------------------------------------------

export type OutboxRow = Readonly<{
  id: number;
  stream: string;
  lane: Lane;
  subject: string;
  epoch: Uint8Array;
  sequence: number;
  digest: Uint8Array;
  /** Value of `Nats-Msg-Id`. */
  messageIdHeader: string;
  deliverByMs: number;
  envelope: Uint8Array;
}>;

export interface Outbox {
  append(row: Omit<OutboxRow, 'id'>): number;
  /** Streams and lanes with unsent rows. */
  waiting(): readonly Readonly<{ stream: string; lane: Lane; rows: number; oldestMs: number }>[];
  /** Unsent rows in order, bounded by both. At least one where any waits. */
  next(stream: string, lane: Lane, rowsMax: number, bytesMax: number): readonly OutboxRow[];
  /** Marks rows as stored by the hub, and remembers the fence of each subject. */
  markSent(rows: readonly Readonly<{ id: number; subject: string; streamSequence: number }>[]): void;
  /** Marks every row of the subject up to `sequence` of `epoch` as sent (after a fence mismatch). */
  markSentUpTo(subject: string, epoch: Uint8Array, sequence: number, streamSequence: number): void;
  /** Stream sequence of our last message on the subject, as far as known. */
  fence(subject: string): number | undefined;
  setFence(subject: string, streamSequence: number): void;
  unsent(): number;
  /** Unsent rows past their delivery time, which `prune` drops; at most `limit`. */
  overdue(nowMs: number, limit: number): readonly Pick<OutboxRow, 'subject' | 'sequence' | 'digest'>[];
  /** Drops rows that every recipient has receipted or whose delivery time is past; returns how many. */
  prune(nowMs: number): number;
}

// ---- channels: our own ----------------------------------------------------------------------

export type Head = Readonly<{ sequence: number; digest: Uint8Array; createdMs: number }>;

export interface Channels {
  /** Head of our channel on the subject in the current epoch. */
  head(subject: string): Head | undefined;
  /** Takes the next position: `sequence` is the head's plus one. Kept for ever. */
  advance(subject: string, head: Head): void;
  digestAt(subject: string, epoch: Uint8Array, sequence: number): Uint8Array | undefined;
  /** Heads of every channel of ours in the current epoch. */
  heads(): readonly Readonly<{ subject: string; head: Head }>[];
}

// ---- positions: the channels of others ------------------------------------------------------

export type Verdict = 'accepted' | ErrorCode;

export type Position = Readonly<{
  subject: string;
  epoch: Uint8Array;
  sequence: number;
  digest: Uint8Array;
  previous: Uint8Array;
  createdMs: number;
  verdict: Verdict;
}>;

export type ChannelState = Readonly<{
  subject: string;
  epoch: Uint8Array;
  /** The first position seen: the starting point. */
  first: number;
  highest: number;
  highestDigest: Uint8Array;
  /** Number of positions taken from `first` to `highest`. */
  taken: number;
  /** A later head that the sender has signed (beat, Heads). */
  announced?: Readonly<{ sequence: number; digest: Uint8Array }>;
  /** When the first gap that is still open was noticed. */
  gapSinceMs?: number;
}>;

export interface Positions {
  at(subject: string, epoch: Uint8Array, sequence: number): Position | undefined;
  /** The nearest taken positions on either side. */
  before(subject: string, epoch: Uint8Array, sequence: number): Position | undefined;
  after(subject: string, epoch: Uint8Array, sequence: number): Position | undefined;
  /** Takes a free position and updates the channel's state. */
  take(position: Position, nowMs: number): void;
  /** Changes the verdict of a taken position, when what waited is judged. */
  judge(subject: string, epoch: Uint8Array, sequence: number, verdict: Verdict): void;
  /**
   * Notes a head that the sender has signed. On a channel of which nothing was taken completeness counts
   * from `first`, or, where it is absent, from after the head.
   */
  announce(
    subject: string,
    epoch: Uint8Array,
    head: Readonly<{ sequence: number; digest: Uint8Array; first?: number }>,
    nowMs: number,
  ): void;
  channel(subject: string, epoch: Uint8Array): ChannelState | undefined;
  channelsOf(sender: AgencyId): readonly ChannelState[];
  all(): readonly ChannelState[];
  /** Positions between first and highest that nothing holds; at most `limit`. */
  missing(subject: string, epoch: Uint8Array, limit: number): readonly number[];
  /** Two signed headers for one position: transferable proof; kept for ever. */
  recordFork(
    fork: Readonly<{
      subject: string;
      epoch: Uint8Array;
      sequence: number;
      first: Uint8Array;
      second: Uint8Array;
      nowMs: number;
    }>,
  ): void;
  forks(): readonly Readonly<{
    subject: string;
    epoch: Uint8Array;
    sequence: number;
    first: Uint8Array;
    second: Uint8Array;
    atMs: number;
  }>[];
}

// ---- receipts -------------------------------------------------------------------------------

/** What became of one of our messages at one recipient. */
export type RecipientState = Readonly<{
  agency: AgencyId;
  /** sent: durable here; published: stored by the hub; no-keys: the agency has no key to seal to. */
  state: 'sent' | 'published' | 'arrived' | 'refused' | 'waiting' | 'no-keys';
  /** Why refused or waiting: the recipient's code. */
  code?: string;
  sinceMs: number;
  /** Fields of the sections sealed to this agency. */
  fields: readonly number[];
}>;

export type ReceiptException = Readonly<{
  subject: string;
  epoch: Uint8Array;
  sequence: number;
  code: string;
}>;

export interface Receipts {
  /** Names the recipients of an own message, one row each. `subject`, `epoch` and `sequence` are of the copy that the agency gets. */
  expect(
    message: string,
    rows: readonly Readonly<{
      agency: AgencyId;
      subject: string;
      epoch: Uint8Array;
      sequence: number;
      fields: readonly number[];
      state: 'sent' | 'no-keys';
    }>[],
    nowMs: number,
  ): void;
  recipients(message: string): readonly RecipientState[];
  /** Applies a peer's cumulative receipt to every message that it covers; returns ids of messages that changed. */
  apply(
    peer: AgencyId,
    channel: Readonly<{ subject: string; epoch: Uint8Array; upTo: number }>,
    exceptions: readonly ReceiptException[],
    nowMs: number,
  ): readonly string[];
  /** Highest position a peer has receipted on our channel. */
  receiptedUpTo(peer: AgencyId, subject: string, epoch: Uint8Array): number;
  /** Peers that a receipt is due to, because something of theirs was judged since the last one. */
  due(): readonly AgencyId[];
  /** Notes that a receipt about this channel is due; `code` is an exception to report (MISSING, OK, a refusal). */
  note(
    peer: AgencyId,
    subject: string,
    epoch: Uint8Array,
    exception?: Readonly<{ sequence: number; code: string }>,
  ): void;
  /** Takes what is due to a peer: its channels and at most `limit` exceptions. The rest stays due. */
  takeDue(
    peer: AgencyId,
    limit: number,
  ): Readonly<{
    channels: readonly Readonly<{ subject: string; epoch: Uint8Array }>[];
    exceptions: readonly ReceiptException[];
  }>;
  /** Peers with messages of ours that are published and not receipted, with the oldest one's time. */
  silent(): readonly Readonly<{ agency: AgencyId; messages: number; oldestMs: number }>[];
}

// ---- what waits, what was refused -----------------------------------------------------------

export type ParkedMessage = Readonly<{
  id: number;
  sender: AgencyId;
  subject: string;
  reason: ErrorCode;
  /** What it waits for: a key id in hex, an agency, a trust version, a channel. */
  awaits: string;
  /** Hex digest of the message. */
  digest: string;
  deliverByMs: number;
  parkedMs: number;
  envelope: Uint8Array;
}>;

export interface Parking {
  /** Returns false, and parks nothing, where the sender's bound is reached. Parking the same digest again is one row. */
  park(row: Omit<ParkedMessage, 'id'>): boolean;
  awaiting(reason: ErrorCode, awaits: string): readonly ParkedMessage[];
  byDigest(digest: string): ParkedMessage | undefined;
  bySender(sender: AgencyId): readonly ParkedMessage[];
  remove(id: number): void;
  expired(nowMs: number): readonly ParkedMessage[];
  summary(): readonly Readonly<{ sender: AgencyId; reason: ErrorCode; messages: number; bytes: number }>[];
}

export type QuarantinedMessage = Readonly<{
  id: number;
  atMs: number;
  code: ErrorCode;
  subject: string;
  sender?: AgencyId;
  digest?: string;
  bytes: number;
  reasons: readonly Readonly<{ policy: string; text: string }>[];
}>;

export interface Quarantine {
  /** Keeps the exact bytes. */
  put(row: Omit<QuarantinedMessage, 'id' | 'bytes'>, envelope: Uint8Array): number;
  page(before: number | undefined, limit: number): readonly QuarantinedMessage[];
  envelope(id: number): Uint8Array | undefined;
  /** Whether these exact bytes were quarantined on this subject before: a redelivery is one row. */
  has(subject: string, envelope: Uint8Array): boolean;
  count(): number;
}

// ---- keys, versions, audit, idempotency, events ---------------------------------------------

export type AudienceKeyRow = Readonly<{
  sender: AgencyId;
  keyId: Uint8Array;
  /** Absent where the key was announced and we are no member. */
  key?: Uint8Array;
  /** Sorted; known to members. */
  members: readonly AgencyId[];
  notBeforeMs: number;
  notAfterMs: number;
}>;

export interface AudienceKeys {
  put(row: AudienceKeyRow): void;
  byId(sender: AgencyId, keyId: Uint8Array): AudienceKeyRow | undefined;
  /** Our newest key for exactly these members that is in force at the time. */
  own(sender: AgencyId, members: readonly AgencyId[], atMs: number): AudienceKeyRow | undefined;
}

/** Highest versions seen: root, list, statements. Losing this record stops the gateway. */
export interface Versions {
  load(name: string): Readonly<{ version: number; bytes: Uint8Array }> | undefined;
  save(name: string, version: number, bytes: Uint8Array): void;
  names(): readonly string[];
}

/** The audit log's rows; `audit/` owns their content and the chain. */
export interface AuditRows {
  append(row: Readonly<{ index: number; record: Uint8Array; chain: Uint8Array }>): void;
  last(): Readonly<{ index: number; chain: Uint8Array }> | undefined;
  read(
    from: number,
    limit: number,
  ): readonly Readonly<{ index: number; record: Uint8Array; chain: Uint8Array }>[];
  /** Personal data behind a commitment of a record: erasable, apart from the log. */
  keepSecret(index: number, name: string, salt: Uint8Array, value: Uint8Array): void;
  secret(index: number, name: string): Readonly<{ salt: Uint8Array; value: Uint8Array }> | undefined;
}

export interface Idempotency {
  find(officer: string, key: string): Readonly<{ requestDigest: Uint8Array; response: string }> | undefined;
  remember(
    officer: string,
    key: string,
    answer: Readonly<{ requestDigest: Uint8Array; response: string; nowMs: number }>,
  ): void;
  forgetBefore(timeMs: number): void;
}

/** What subscribers are told: type and identifiers, never content. */
export type StoredEvent = Readonly<{
  id: number;
  type: string;
  message?: string;
  kind?: Kind;
  lane?: Lane;
  facts: Readonly<Record<string, string | number>>;
  atMs: number;
}>;

export interface Events {
  append(event: Omit<StoredEvent, 'id'>): number;
  after(id: number, limit: number): readonly StoredEvent[];
  lastId(): number;
  /** Calls back after each committed transaction that appended events. Returns the way to stop. */
  onCommit(run: () => void): () => void;
}
