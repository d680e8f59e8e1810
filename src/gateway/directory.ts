/** The DIRECTORY stream: trust lists and statements change what we believe; beats go the way of messages. */
import { hex, utf8 } from '../bytes.ts';
import { asComityError } from '../errors.ts';
import { sha256 } from '../keys/index.ts';
import { placeOf } from '../log.ts';
import { parseSubject, statementSubject } from '../subjects.ts';
import { directoryStream } from '../transport/index.ts';
import type { Delivery } from '../transport/port.ts';
import type { AgencyId } from '../types.ts';
import type { GatewayContext } from './context.ts';
import { type Inbound, triesMax } from './inbound.ts';
import { settle } from './settle.ts';

/** Takes one batch of the directory, in order. */
export async function takeDirectory(
  context: GatewayContext,
  inbound: Inbound,
  batch: readonly Delivery[],
): Promise<void> {
  const messages: Delivery[] = [];
  for (const delivery of batch) {
    const subject = parseSubject(delivery.subject);
    if (subject?.form === 'trust') apply(context, delivery, () => context.trust.applyList(delivery.data));
    else if (subject?.form === 'statement') takeStatement(context, delivery, subject.sender);
    else messages.push(delivery);
  }
  if (messages.length > 0) await inbound.take(messages);
}

/** Our own comes back too. One that our list does not name yet is kept by the trust book until a list does. */
function takeStatement(context: GatewayContext, delivery: Delivery, sender: AgencyId): void {
  apply(context, delivery, () => context.trust.applyStatement(sender, delivery.data));
}

const harmless: readonly string[] = [
  'TRUST_ROLLBACK',
  'STATEMENT_ROLLBACK',
  'AWAITING_TRUST',
  'SENDER_UNKNOWN',
];

/** What is refused goes to quarantine; what is old or known already has no effect. */
function apply(context: GatewayContext, delivery: Delivery, step: () => boolean): void {
  try {
    step();
  } catch (error) {
    const { code } = asComityError(error);
    // What fails for reasons of ours is tried again, and not for ever: lists and revocations come after it.
    const again = code.startsWith('STORE_') || (code === 'INTERNAL' && delivery.delivered < triesMax);
    if (code === 'INTERNAL')
      context.log.error('directory.failed', { subject: delivery.subject, place: placeOf(error) });
    if (again) throw error;
    // The directory keeps the last sixteen of each subject, so older versions come by; newcomers may be ahead of our list.
    if (harmless.includes(code)) {
      context.log.info('directory.no-effect', { subject: delivery.subject, code });
      return;
    }
    const arrival = {
      subject: delivery.subject,
      data: delivery.data,
      arrivedMs: context.clock.nowMs(),
      retried: false,
    };
    context.store.transaction(() => settle(context, arrival, { verdict: 'refused', code, reasons: [] }));
  }
}

/** Publishes our own statement where the hub's newest is another one. */
export async function publishStatement(context: GatewayContext, statement: string): Promise<boolean> {
  const subject = statementSubject(context.agency);
  const data = utf8(statement);
  const last = await context.transport.lastOn(directoryStream, subject);
  if (last !== undefined && Buffer.compare(last.data, data) === 0) return true;
  const outcome = await context.transport.publishOne({ subject, data, messageId: hex(sha256(data)) });
  if (outcome.result === 'stored') return true;
  context.log.warn('statement.publish-failed', { result: outcome.result });
  return false;
}
