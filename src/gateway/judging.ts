/** What every step of judging is given, and how it refuses. */
import type { SignatureMemory } from '../envelope/index.ts';
import { asComityError, type ErrorCode } from '../errors.ts';
import type { MessageFacts } from '../policy/index.ts';
import type { AgencyId } from '../types.ts';
import type { GatewayContext } from './context.ts';
import { agencyFactsOf } from './facts.ts';
import { type Arrival, Judged, type Placed } from './judgement.ts';
import type { Reason } from './views.ts';

export type Judging = Readonly<{
  context: GatewayContext;
  memory: SignatureMemory;
  /** Hex digests of messages that lie on a chain behind something that counts here. */
  anchored: ReadonlySet<string>;
  /** Told when the hub shows a message under our own name that this store does not know. */
  onBehind: (subject: string) => void;
  /** Told when a peer claims as much; it is looked up at the hub. */
  onSuspect: (subject: string) => void;
}>;

/** A signed message of a known agency, on the subject that it was signed for. */
export type Verifying = Readonly<{ arrival: Arrival; placed: Placed }>;

/** The refusal of a message that holds its position. */
export function refusal(code: ErrorCode, sender: AgencyId, placed: Placed): Judged {
  return new Judged({ verdict: 'refused', code, sender, placed, reasons: [] });
}

/** Turns a coded error of a step into the refusal of this message. */
export function refuseOn<T>(sender: AgencyId, placed: Placed, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (error instanceof Judged) throw error;
    const known = asComityError(error);
    if (known.code === 'INTERNAL') throw error;
    throw refusal(known.code, sender, placed);
  }
}

export type Accepting = Readonly<{
  placed: Placed;
  sender: AgencyId;
  resource: MessageFacts;
  /** One of the gateways' own: policy sees its sender and kind only. */
  gatewayOwn: boolean;
}>;

/** Asks `accept`; anything but a yes refuses the message with the policies' reasons. */
export function requireAccepted(context: GatewayContext, o: Accepting): void {
  const { placed, sender, resource, gatewayOwn } = o;
  const decision = context.policy.decide({
    action: 'accept',
    principal: agencyFactsOf(context, sender),
    receiver: agencyFactsOf(context, context.agency),
    resource,
    gatewayOwn,
    nowMs: context.clock.nowMs(),
  });
  if (decision.effect !== 'allow') throw notAccepted(sender, placed, decision.reasons);
}

export function notAccepted(sender: AgencyId, placed: Placed, reasons: readonly Reason[]): Judged {
  return new Judged({ verdict: 'refused', code: 'POLICY_NOT_ACCEPTED', sender, placed, reasons });
}
