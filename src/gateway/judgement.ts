/** What became of one delivery: a value, so that judging decides and settling writes. */
import type { Opened, Verified } from '../envelope/index.ts';
import type { ErrorCode } from '../errors.ts';
import { uuidText } from '../ids.ts';
import { readDetachedHeader } from '../keys/index.ts';
import type { NewMessage } from '../store/port.ts';
import type { AgencyId } from '../types.ts';
import type { Reason } from './views.ts';

/** Bytes as they came, and when. Something parked keeps the time of its first arrival. */
export type Arrival = Readonly<{ subject: string; data: Uint8Array; arrivedMs: number; retried: boolean }>;

/** A place in a channel, and what stands there. */
export type ChannelPlace = Readonly<{
  subject: string;
  epoch: Uint8Array;
  sequence: number;
  digest: Uint8Array;
}>;

/** Something came that parked messages may wait for. */
export type Awaited = Readonly<{ code: ErrorCode; awaits: string }>;

/** Something came that vouches for the chain up to a place. */
export type Wake = Awaited | Readonly<{ vouched: ChannelPlace }>;

/** A signed message whose subject holds: it takes its position whatever the verdict. */
export type Placed = Verified<Opened>;

export type Judgement =
  /** Stored, listed, receipted. */
  | Readonly<{ verdict: 'accepted'; placed: Placed; sender: AgencyId; message: NewMessage }>
  /** One of a gateway's own: its effect is `apply`. */
  | Readonly<{ verdict: 'absorbed'; placed: Placed; sender: AgencyId; apply: () => readonly Wake[] }>
  /** `placed` is absent where neither signature nor subject can be relied on, or the position is taken. */
  | Readonly<{
      verdict: 'refused';
      code: ErrorCode;
      sender?: AgencyId;
      placed?: Placed;
      opened?: Opened;
      reasons: readonly Reason[];
    }>
  /** Waits, durably; `placed` where it holds its position meanwhile. */
  | Readonly<{
      verdict: 'parked';
      code: ErrorCode;
      awaits: string;
      sender: AgencyId;
      opened: Opened;
      placed?: Placed;
    }>
  /** The same message again, or our own coming back: no effect. */
  | Readonly<{ verdict: 'duplicate'; sender?: AgencyId }>;

/** Thrown by a step of judging; caught by `judge` alone. */
export class Judged extends Error {
  override readonly name = 'Judged';
  readonly judgement: Judgement;

  constructor(judgement: Judgement) {
    super(judgement.verdict);
    this.judgement = judgement;
  }
}

/** The message's id in its usual text form. */
export function idOf(opened: Opened): string {
  return uuidText(opened.header.messageId);
}

/** The key that signed it: a hint until the signature verified with it. */
export function signingKidOf(opened: Opened): string {
  const [signature] = opened.signatures;
  if (signature === undefined) throw new TypeError('a verified message has a signature');
  return readDetachedHeader(signature.protected, 'comity-batch+jws').kid;
}
