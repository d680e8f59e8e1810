/** Writes what was judged. Runs inside the batch's transaction: all of it, or none. */
import { hex } from '../bytes.ts';
import { limits } from '../limits.ts';
import type { Verdict } from '../store/port.ts';
import type { AgencyId } from '../types.ts';
import type { GatewayContext } from './context.ts';
import type { Arrival, Judgement, Placed, Wake } from './judgement.ts';
import { idOf } from './judgement.ts';

/** Counts since the start, by verdict or code; for metrics. */
export type Counts = Map<string, number>;

const noEpoch = new Uint8Array();
const kindsWithoutReceipt: readonly string[] = ['receipt', 'beat'];

export function settle(context: GatewayContext, arrival: Arrival, judgement: Judgement): readonly Wake[] {
  switch (judgement.verdict) {
    case 'accepted':
      takePosition(context, judgement, 'accepted');
      keepReceived(context, judgement);
      return [];
    case 'absorbed':
      takePosition(context, judgement, 'accepted');
      return judgement.apply();
    case 'refused':
      refuse(context, arrival, judgement);
      return [];
    case 'parked':
      park(context, arrival, judgement);
      return [];
    case 'duplicate':
      return [];
  }
}

type Placing = Readonly<{ placed: Placed; sender: AgencyId }>;

/** A position is taken whatever the verdict; a refused message fills its place. */
function takePosition(context: GatewayContext, { placed, sender }: Placing, verdict: Verdict): void {
  const { header, digest, subject } = placed;
  if (subject.form === 'beat') return;
  const { positions } = context.store;
  const exception = verdict === 'accepted' ? undefined : { sequence: header.sequence, code: verdict };
  if (positions.at(header.subject, header.epoch, header.sequence) !== undefined) {
    positions.judge(header.subject, header.epoch, header.sequence, verdict);
    note(context, { placed, sender }, exception ?? { sequence: header.sequence, code: 'OK' });
    return;
  }
  const before = positions.channel(header.subject, header.epoch);
  positions.take(
    {
      subject: header.subject,
      epoch: header.epoch,
      sequence: header.sequence,
      digest,
      previous: header.previous,
      createdMs: header.createdMs,
      verdict,
    },
    context.clock.nowMs(),
  );
  const fills = before !== undefined && header.sequence < before.highest;
  note(
    context,
    { placed, sender },
    exception ?? (fills ? { sequence: header.sequence, code: 'OK' } : undefined),
  );
  if (before !== undefined && header.sequence > before.highest + 1)
    noticeGap(context, { placed, sender }, before.highest + 1);
}

function note(
  context: GatewayContext,
  { placed, sender }: Placing,
  exception?: Readonly<{ sequence: number; code: string }>,
): void {
  const { subject, header } = placed;
  if (kindsWithoutReceipt.includes(subject.kind)) return;
  context.store.receipts.note(sender, header.subject, header.epoch, exception);
}

/** A gap is shown and never holds back what follows. */
function noticeGap(context: GatewayContext, { placed, sender }: Placing, from: number): void {
  const { header } = placed;
  // Of a channel with more missing than a receipt reports, no more is receipted (receipt-sender.ts).
  const listed = context.store.positions.missing(header.subject, header.epoch, limits.receiptExceptionsMax);
  for (const sequence of listed.filter((at) => at >= from && at < header.sequence))
    note(context, { placed, sender }, { sequence, code: 'MISSING' });
  const missing = header.sequence - from;
  context.audit.append({
    event: 'gap.noticed',
    sender,
    subject: header.subject,
    sequence: from,
    count: missing,
  });
  context.store.events.append({
    type: 'gap.noticed',
    facts: { sender, subject: header.subject, from, missing },
    atMs: context.clock.nowMs(),
  });
}

function keepReceived(
  context: GatewayContext,
  { message, placed, sender }: Extract<Judgement, { verdict: 'accepted' }>,
): void {
  const { facts, sections } = message;
  context.store.messages.insert(message);
  context.audit.append({
    event: 'message.received',
    sender,
    message: idOf(placed),
    digest: hex(placed.digest),
    kind: facts.kind,
    lane: facts.lane,
    ...(facts.reference === undefined ? {} : { reference: facts.reference }),
    sections: sections.filter(({ state }) => state === 'read' || state === 'open').map(({ field }) => field),
    policyVersion: context.policy.version,
    trustVersion: context.trust.list().version,
  });
  context.store.events.append({
    type: 'message.received',
    message: facts.id,
    kind: facts.kind,
    lane: facts.lane,
    facts: { from: sender },
    atMs: context.clock.nowMs(),
  });
}

/** Quarantine keeps the exact bytes; the sender gets a signed negative receipt. */
function refuse(
  context: GatewayContext,
  arrival: Arrival,
  judgement: Extract<Judgement, { verdict: 'refused' }>,
): void {
  const { code, sender, placed, reasons } = judgement;
  const opened = placed ?? judgement.opened;
  const again = context.store.quarantine.has(arrival.subject, arrival.data);
  if (placed !== undefined && sender !== undefined) takePosition(context, { placed, sender }, code);
  if (again) return;
  const digest = opened === undefined ? undefined : hex(opened.digest);
  const nowMs = context.clock.nowMs();
  context.store.quarantine.put(
    {
      atMs: nowMs,
      code,
      subject: arrival.subject,
      ...(sender === undefined ? {} : { sender }),
      ...(digest === undefined ? {} : { digest }),
      reasons: reasons.map(({ policy, text }) => ({ policy, text })),
    },
    arrival.data,
  );
  if (code === 'POSITION_TAKEN' && opened !== undefined) keepProof(context, opened);
  if (placed === undefined && sender !== undefined && canReceipt(context, arrival, sender)) {
    context.store.receipts.note(sender, arrival.subject, noEpoch, { sequence: 0, code });
  }
  context.audit.append({
    event: 'message.quarantined',
    code,
    subject: arrival.subject,
    ...(sender === undefined ? {} : { sender }),
    ...(digest === undefined ? {} : { digest }),
    policies: reasons.map(({ policy }) => policy),
    policyVersion: context.policy.version,
  });
  context.store.events.append({
    type: 'message.quarantined',
    facts: { code, ...(sender === undefined ? {} : { from: sender }) },
    atMs: nowMs,
  });
  context.log.warn('message.quarantined', { code, subject: arrival.subject });
}

/** Only a member whose subject it is can be told; a receipt about receipts or beats is never sent. */
function canReceipt(context: GatewayContext, arrival: Arrival, sender: AgencyId): boolean {
  const kind = arrival.subject.split('.').at(-1) ?? '';
  const silent = kindsWithoutReceipt.includes(kind) || arrival.subject.includes('.beat.');
  return !silent && sender !== context.agency && context.trust.statement(sender) !== undefined;
}

/** Two signed headers for one position: transferable proof. */
function keepProof(
  context: GatewayContext,
  opened: Placed | NonNullable<Extract<Judgement, { verdict: 'refused' }>['opened']>,
): void {
  const { subject, epoch, sequence } = opened.header;
  const first = context.store.positions.at(subject, epoch, sequence);
  if (first === undefined) return;
  const known = context.store.messages.byDigest(first.digest);
  const kept = known === undefined ? undefined : context.store.messages.envelope(known.facts.id);
  context.store.positions.recordFork({
    subject,
    epoch,
    sequence,
    first: kept ?? first.digest,
    second: opened.bytes,
    nowMs: context.clock.nowMs(),
  });
  context.audit.append({
    event: 'fork.recorded',
    sender: opened.subject.sender,
    subject,
    sequence,
    digests: [hex(first.digest), hex(opened.digest)],
  });
}

function park(
  context: GatewayContext,
  arrival: Arrival,
  judgement: Extract<Judgement, { verdict: 'parked' }>,
): void {
  const { code, awaits, sender, opened, placed } = judgement;
  const fits = context.store.parking.park({
    sender,
    subject: arrival.subject,
    reason: code,
    awaits,
    digest: hex(opened.digest),
    deliverByMs: opened.header.deliverByMs,
    parkedMs: arrival.arrivedMs,
    envelope: arrival.data,
  });
  if (!fits) {
    const full = { verdict: 'refused', code: 'PARKING_FULL', sender, opened, reasons: [] } as const;
    refuse(context, arrival, placed === undefined ? full : { ...full, placed });
    return;
  }
  if (placed !== undefined) takePosition(context, { placed, sender }, code);
  if (arrival.retried) return;
  context.audit.append({
    event: 'message.parked',
    code,
    sender,
    subject: arrival.subject,
    digest: hex(opened.digest),
  });
}
