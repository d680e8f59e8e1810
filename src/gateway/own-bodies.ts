/** What peers' gateways say in their own messages, read within its bounds: beyond them a body is refused, never stored. */
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { ComityError, isErrorCode } from '../errors.ts';
import type { ChannelHead } from '../gen/comity/control/v1/control_pb.js';
import type { ReceiptException } from '../gen/comity/receipt/v1/receipt_pb.js';
import { limits } from '../limits.ts';
import { readStrict } from '../schema/index.ts';
import type { ChannelPlace } from './judgement.ts';

const epochBytes = 16;
const digestBytes = 32;
/** 9999-12-31T23:59:59.999Z: RFC 3339 has no later time. */
const timeMsMax = 253_402_300_799_999n;

/** The message that was sealed inside a section. SECTION_INVALID. */
export function readInner<D extends DescMessage>(desc: D, bytes: Uint8Array): MessageShape<D> {
  try {
    return readStrict(desc, bytes, { unknown: 'keep' }).message;
  } catch (cause) {
    throw new ComityError('SECTION_INVALID', `a sealed part is no ${desc.name}`, { cause });
  }
}

/** Heads as places in channels. SECTION_INVALID. */
export function headsOf(heads: readonly ChannelHead[]): readonly ChannelPlace[] {
  return heads.map(({ subject, epoch, sequence, digest }) => {
    if (epoch.length !== epochBytes || digest.length !== digestBytes) throw invalid('a head');
    return { subject, epoch, sequence: numberOf(sequence, BigInt(Number.MAX_SAFE_INTEGER)), digest };
  });
}

/** The heads of a receipt: one without an epoch speaks of what could not be read on the subject. SECTION_INVALID. */
export function receiptedHeads(heads: readonly ChannelHead[]): readonly ChannelPlace[] {
  return heads.map((head) => {
    const { subject, epoch, digest } = head;
    const [place] = epoch.length === 0 ? [{ subject, epoch, sequence: 0, digest }] : headsOf([head]);
    if (place === undefined) throw invalid('a head');
    return place;
  });
}

/** `OK` and `MISSING` besides the codes of docs/errors.md (docs/wire.md, Receipts). */
const codesOfReceipts: readonly string[] = ['OK', 'MISSING'];

export type ReceiptedException = Readonly<{ channel: number; sequence: number; code: string }>;

/** SECTION_INVALID for more than a receipt may have, and for words that are no code. */
export function exceptionsOf(exceptions: readonly ReceiptException[]): readonly ReceiptedException[] {
  if (exceptions.length > limits.receiptExceptionsMax) throw invalid('the number of exceptions');
  return exceptions.map(({ channel, sequence, code }) => {
    if (!isErrorCode(code) && !codesOfReceipts.includes(code)) throw invalid('a code');
    return { channel, sequence: numberOf(sequence, BigInt(Number.MAX_SAFE_INTEGER)), code };
  });
}

/** Milliseconds since 1970. SECTION_INVALID. */
export function timeMsOf(value: bigint): number {
  return numberOf(value, timeMsMax);
}

/** SECTION_INVALID unless the bytes have the length of a digest. */
export function requireDigest(bytes: Uint8Array): void {
  if (bytes.length !== digestBytes) throw invalid('a digest');
}

/** A number beyond 2^53 is not exact, and beyond 2^63 the store has no place for it. */
function numberOf(value: bigint, max: bigint): number {
  if (value < 0n || value > max) throw invalid('a number');
  return Number(value);
}

function invalid(what: string): ComityError {
  return new ComityError('SECTION_INVALID', `${what} in a gateway's own message is not as expected`);
}
