/** What a gateway shows to its officers and case systems: plain JSON values, and what it takes from them. */
import type { AgencyId, Category, Kind, Lane } from '../types.ts';

export const scopes = ['draft', 'send', 'approve', 'read', 'operate', 'audit'] as const;
export type Scope = (typeof scopes)[number];

/** Who asks: an officer, or a service on behalf of one. */
export type Officer = Readonly<{
  /** How other agencies see the officer; the own agency can resolve it. */
  pseudonym: string;
  desk: string;
  role: string;
  scopes: readonly Scope[];
  /** The service that asks on the officer's behalf, by its own pseudonym. */
  service?: string;
}>;

export type Reason = Readonly<{ policy: string; text: string }>;

export type PreviewSection = Readonly<{
  field: number;
  name: string;
  category: Category;
  present: boolean;
  reads: boolean;
  reasons: readonly Reason[];
}>;

export type PreviewRecipient = Readonly<{
  agency: AgencyId;
  roles: readonly string[];
  sees: 'sections' | 'existence' | 'nothing';
  /** none: its statement was never seen; grace: its last listed key has ended. */
  keys: 'ready' | 'grace' | 'none';
  sections: readonly PreviewSection[];
}>;

export type Preview = Readonly<{
  kind: Kind;
  lane: Lane;
  decision: 'allow' | 'deny' | 'owed';
  reasons: readonly Reason[];
  obligations: readonly string[];
  recipients: readonly PreviewRecipient[];
  warnings: readonly Readonly<{ id: string; text: string }>[];
}>;

export type Submission = Readonly<{
  id: string;
  reference: string;
  kind: Kind;
  lane: Lane;
  createdAt: string;
  copies: readonly Readonly<{
    id: string;
    to: AgencyId | 'all';
    subject: string;
    sequence: number;
    digest: string;
  }>[];
  recipients: readonly Readonly<{ agency: AgencyId; state: 'sent' | 'no-keys' }>[];
}>;

export type MessageSummary = Readonly<{
  id: string;
  cursor: number;
  direction: 'in' | 'out';
  from: AgencyId;
  to: AgencyId | 'all';
  kind: Kind;
  lane: Lane;
  reference?: string;
  createdAt: string;
  storedAt: string;
  inForceUntil?: string;
  flags: readonly string[];
}>;

export type SectionView = Readonly<{
  field: number;
  name: string;
  category: Category;
  /** withheld: not for this agency; absent: not given; denied: for the agency, not for this officer. */
  state: 'read' | 'open' | 'withheld' | 'absent' | 'denied';
  content?: unknown;
  reasons?: readonly Reason[];
}>;

export type MessageView = MessageSummary &
  Readonly<{
    digest: string;
    subject: string;
    epoch: string;
    sequence: number;
    schema: string;
    deliverBy: string;
    sections: readonly SectionView[];
    answers: readonly string[];
  }>;

export type RecipientView = Readonly<{
  agency: AgencyId;
  state: 'sent' | 'published' | 'arrived' | 'waiting' | 'refused' | 'answered' | 'no-keys';
  code?: string;
  since: string;
  sections: readonly string[];
  answers: readonly Readonly<{ id: string; status: string; at: string }>[];
}>;

export type ReceiptsView = Readonly<{ id: string; reference?: string; recipients: readonly RecipientView[] }>;

export type QuarantineView = Readonly<{
  id: number;
  at: string;
  code: string;
  meaning: string;
  duty: string;
  subject: string;
  sender?: string;
  bytes: number;
  reasons: readonly Reason[];
}>;

export type EventView = Readonly<{
  id: number;
  type: string;
  at: string;
  message?: string;
  kind?: Kind;
  lane?: Lane;
  facts: Readonly<Record<string, string | number>>;
}>;

/** `upTo`: the last event that was looked at, shown or not; the next page comes after it. */
export type EventPage = Readonly<{ events: readonly EventView[]; upTo: number }>;

export type Page<T> = Readonly<{ items: readonly T[]; next?: number }>;

export type MessageQuery = Readonly<{
  kind?: Kind;
  lane?: Lane;
  direction?: 'in' | 'out';
  sender?: AgencyId;
  reference?: string;
  /** Words to search for. */
  search?: string;
  /** Oldest first after this cursor (a follower); else newest first. */
  after?: number;
  before?: number;
  limit?: number;
}>;

export type HealthCheck = Readonly<{
  id: string;
  state: 'ok' | 'warning' | 'failing';
  text: string;
  remedy?: string;
}>;

export type Health = Readonly<{
  agency: AgencyId;
  ready: boolean;
  link: string;
  trustVersion: number;
  statements: readonly AgencyId[];
  missingStatements: readonly AgencyId[];
  waitingOutbox: number;
  quarantined: number;
  parked: number;
  checks: readonly HealthCheck[];
}>;

export type Metric = Readonly<{
  name: string;
  help: string;
  type: 'counter' | 'gauge';
  value: number;
  labels?: Readonly<Record<string, string>>;
}>;

/** The desk that http and cli stand on; every call is judged by policy as the officer who asks. */
export interface GatewayApi {
  readonly agency: AgencyId;
  preview(draft: unknown, officer: Officer): Preview;
  /** Resolves when the message is durable here; it leaves from the outbox. */
  submit(draft: unknown, officer: Officer, idempotencyKey?: string): Promise<Submission>;
  list(query: MessageQuery, officer: Officer): Promise<Page<MessageSummary>>;
  show(id: string, officer: Officer): MessageView;
  receipts(id: string, officer: Officer): ReceiptsView;
  /** The exact bytes that were signed and sent. */
  envelope(id: string, officer: Officer): Uint8Array;
  quarantine(before: number | undefined, limit: number): Page<QuarantineView>;
  /** What the officer may know of, oldest first. */
  events(officer: Officer, o: Readonly<{ after: number; limit: number }>): EventPage;
  lastEventId(): number;
  onEvents(run: () => void): () => void;
  health(): Health;
  metrics(): readonly Metric[];
}
