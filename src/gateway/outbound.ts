/**
 * The outbound pipeline: validate, decide, seal, then one transaction with positions, signature,
 * outbox and audit; the outbox publisher does the rest. Drafts that come at the same time share a
 * signature and a transaction, never a verdict.
 */
import { equalBytes, utf8 } from '../bytes.ts';
import { rfc3339 } from '../clock.ts';
import { asComityError, ComityError } from '../errors.ts';
import { uuidText } from '../ids.ts';
import { sha256 } from '../keys/index.ts';
import { limits } from '../limits.ts';
import { placeOf } from '../log.ts';
import { formatReference, parseDraft } from '../schema/index.ts';
import { type AudienceKeyring, createAudienceKeyring } from './audience.ts';
import type { GatewayContext } from './context.ts';
import { type Emitted, emit } from './emit.ts';
import { askedBy } from './facts.ts';
import { coverField, release, requireReleasable } from './release.ts';
import { type SealedDraft, sealDraft } from './seal-draft.ts';
import { keepSent } from './sent.ts';
import type { Officer, Submission } from './views.ts';

export interface Outbound {
  /** Resolves when the message is durable here. Errors: those of drafts, policy and store. */
  submit(draft: unknown, officer: Officer, idempotencyKey?: string): Promise<Submission>;
  /** Refuses new drafts and resolves when those taken are durable. */
  stop(): Promise<void>;
}

type Waiting = Readonly<{
  draft: unknown;
  officer: Officer;
  idempotencyKey: string | undefined;
  resolve: (submission: Submission) => void;
  reject: (error: ComityError) => void;
}>;

type Ready = Readonly<{ waiting: Waiting; sealed: SealedDraft }>;

export function createOutbound(context: GatewayContext, onCommitted: () => void): Outbound {
  let queue: Waiting[] = [];
  let scheduled = false;
  let stopped = false;

  const flush = (): void => {
    scheduled = false;
    const batch = takeBatch(queue);
    const taken = new Set(batch);
    queue = queue.filter((waiting) => !taken.has(waiting));
    sendBatch(context, batch);
    onCommitted();
    if (queue.length > 0) schedule();
  };
  const schedule = (): void => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(flush);
  };

  return {
    submit: (draft, officer, idempotencyKey) =>
      new Promise((resolve, reject) => {
        if (stopped) return reject(new ComityError('GATEWAY_STOPPING'));
        if (context.store.outbox.unsent() + queue.length >= limits.outboxRowsMax)
          return reject(new ComityError('BACK_PRESSURE'));
        queue.push({ draft, officer, idempotencyKey, resolve, reject });
        schedule();
      }),
    async stop() {
      stopped = true;
      while (scheduled) await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

/**
 * One transaction, with no await inside: sealed drafts, keys drawn, positions, headers, signature,
 * outbox rows, audit records. A draft that is refused leaves nothing but its audit record.
 */
function sendBatch(context: GatewayContext, batch: readonly Waiting[]): void {
  const answers: (() => void)[] = [];
  try {
    context.store.transaction(() => {
      const keyring = createAudienceKeyring(context);
      const ready = batch.flatMap((waiting) => prepareOrAnswer(context, { waiting, keyring, answers }));
      context.reached('outbound.sealed');
      const submissions = ready.length === 0 ? [] : place(context, ready, keyring.drawn());
      ready.forEach(({ waiting }, index) => {
        const submission = submissions[index];
        if (submission !== undefined) answers.push(() => waiting.resolve(submission));
      });
      // Died here: nothing was taken; the caller has no answer and sends again under the same idempotency key.
      context.reached('outbound.written');
    });
  } catch (error) {
    for (const { reject } of batch) reject(asComityError(error));
    return;
  }
  // Died here: the rows are in the outbox; the publisher starts with them at the next start.
  context.reached('outbound.committed');
  for (const answer of answers) answer();
}

/** The next drafts, at most one for each idempotency key: its repetition finds the first one's answer. */
function takeBatch(queue: readonly Waiting[]): readonly Waiting[] {
  const keys = new Set<string>();
  return queue.slice(0, limits.submitBatchMax).filter(({ officer, idempotencyKey }) => {
    if (idempotencyKey === undefined) return true;
    const name = `${officer.pseudonym} ${idempotencyKey}`;
    return !keys.has(name) && keys.add(name);
  });
}

type Preparing = Readonly<{ waiting: Waiting; keyring: AudienceKeyring; answers: (() => void)[] }>;

function prepareOrAnswer(
  context: GatewayContext,
  { waiting, keyring, answers }: Preparing,
): readonly Ready[] {
  try {
    const outcome = prepare(context, waiting, keyring);
    if (!('earlier' in outcome)) return [outcome];
    answers.push(() => waiting.resolve(outcome.earlier));
  } catch (caught) {
    const error = asComityError(caught);
    if (error.code === 'STORE_FULL' || error.code === 'STORE_FAILED') throw error;
    recordRefusal(context, waiting, error);
    answers.push(() => waiting.reject(error));
  }
  return [];
}

function prepare(
  context: GatewayContext,
  waiting: Waiting,
  keyring: AudienceKeyring,
): Ready | { earlier: Submission } {
  const earlier = findEarlier(context, waiting);
  if (earlier !== undefined) return { earlier };
  const draft = parseDraft(waiting.draft);
  context.reached('outbound.validated');
  const released = release(context, draft, waiting.officer);
  requireReleasable(released);
  context.reached('outbound.decided');
  const reference = nextReference(context);
  return {
    waiting,
    sealed: sealDraft(context, { released, officer: waiting.officer, reference, keyring }),
  };
}

function nextReference(context: GatewayContext): string {
  const year = new Date(context.clock.nowMs()).getUTCFullYear();
  let reference: string | undefined;
  while (reference === undefined) {
    reference = formatReference(context.agency, year, context.store.messages.nextReference(year));
  }
  return reference;
}

function requestDigest({ draft }: Waiting): Uint8Array {
  return sha256(utf8(JSON.stringify(draft) ?? ''));
}

function findEarlier(context: GatewayContext, waiting: Waiting): Submission | undefined {
  if (waiting.idempotencyKey === undefined) return undefined;
  const found = context.store.idempotency.find(waiting.officer.pseudonym, waiting.idempotencyKey);
  if (found === undefined) return undefined;
  if (!equalBytes(found.requestDigest, requestDigest(waiting)))
    throw new ComityError('IDEMPOTENCY_KEY_REUSED');
  return JSON.parse(found.response) as Submission;
}

function place(
  context: GatewayContext,
  ready: readonly Ready[],
  drawn: ReturnType<AudienceKeyring['drawn']>,
): readonly Submission[] {
  for (const row of drawn.rows) context.store.audienceKeys.put(row);
  // The announcements go first: their lane passes every other on the way to the hub.
  const copies = ready.flatMap(({ sealed }) => sealed.copies.map((copy) => copy.sealed));
  const emitted = emit(context, [...drawn.announcements, ...copies]).slice(drawn.announcements.length);
  let next = 0;
  return ready.map((item) => {
    const own = emitted.slice(next, next + item.sealed.copies.length);
    next += own.length;
    return keep(context, item, own);
  });
}

function keep(context: GatewayContext, item: Ready, emitted: readonly Emitted[]): Submission {
  keepSent(context, item.sealed, emitted);
  const submission = submissionOf(item.sealed, emitted);
  const { idempotencyKey, officer } = item.waiting;
  if (idempotencyKey !== undefined) {
    const response = JSON.stringify(submission);
    context.store.idempotency.remember(officer.pseudonym, idempotencyKey, {
      requestDigest: requestDigest(item.waiting),
      response,
      nowMs: context.clock.nowMs(),
    });
  }
  return submission;
}

function submissionOf(sealed: SealedDraft, emitted: readonly Emitted[]): Submission {
  const [first] = emitted;
  if (first === undefined) throw new TypeError('a message has at least one copy');
  const { draft } = sealed.released;
  const reached = new Set(
    sealed.copies.flatMap(({ fieldsOf }) =>
      [...fieldsOf].filter(([, fields]) => fields.includes(coverField)).map(([agency]) => agency),
    ),
  );
  return {
    id: uuidText(first.sealed.messageId),
    reference: sealed.reference,
    kind: draft.kind,
    lane: draft.lane,
    createdAt: rfc3339(first.createdMs),
    copies: emitted.map((copy, index) => ({
      id: uuidText(copy.sealed.messageId),
      to: sealed.copies[index]?.to ?? 'all',
      subject: copy.sealed.subject,
      sequence: copy.sequence,
      digest: Buffer.from(copy.digest).toString('hex'),
    })),
    recipients: [
      ...[...reached].sort().map((agency) => ({ agency, state: 'sent' as const })),
      ...sealed.withoutKeys.map((agency) => ({ agency, state: 'no-keys' as const })),
    ],
  };
}

/** A refusal by policy is on record, as every release is. */
function recordRefusal(context: GatewayContext, { officer }: Waiting, error: ComityError): void {
  if (error.code === 'INTERNAL') {
    context.log.error('outbound.failed', { place: placeOf(error) });
  }
  if (!['POLICY_REFUSED', 'POLICY_NOT_PERMITTED', 'OBLIGATION_OWED'].includes(error.code)) return;
  context.audit.append({
    event: 'message.refused-by-policy',
    ...askedBy(officer),
    code: error.code,
    policies: error.reasons.map(({ policy }) => policy),
    policyVersion: context.policy.version,
  });
}
