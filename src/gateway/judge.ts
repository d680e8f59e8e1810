/**
 * The inbound pipeline's verdict on one message, in the order of docs/wire.md: bytes, signature,
 * binding, position, times, sections, policy. Reads the store and writes nothing.
 */
import { equalBytes, hex } from '../bytes.ts';
import {
  checkCommitments,
  checkParts,
  type Opened,
  parseEnvelope,
  verifyEnvelope,
} from '../envelope/index.ts';
import { asComityError, type ErrorCode } from '../errors.ts';
import { limits } from '../limits.ts';
import { type Schema, schemaNamed } from '../schema/index.ts';
import { parseSubject } from '../subjects.ts';
import { type AgencyId, kindsOfGateways } from '../types.ts';
import type { GatewayContext } from './context.ts';
import { judgeContent } from './judge-content.ts';
import { judgeOwn } from './judge-own.ts';
import { type Arrival, Judged, type Judgement, type Placed } from './judgement.ts';
import { type Judging, refusal, refuseOn, type Verifying } from './judging.ts';
import { checkChain, checkFree, isAnchored, isKeyEnded } from './position.ts';

/** Never throws for what the bytes say; throws only for what is wrong here. */
export function judge(judging: Judging, arrival: Arrival): Judgement {
  try {
    const opened = parse(arrival);
    const placed = verify(judging, arrival, opened);
    judging.context.reached('inbound.verified');
    return judgeVerified(judging, { arrival, placed });
  } catch (error) {
    if (error instanceof Judged) return error.judgement;
    throw error;
  }
}

function judgeVerified(judging: Judging, verifying: Verifying): Judgement {
  const { context } = judging;
  const { placed } = verifying;
  const sender = senderOf(placed);
  if (sender === context.agency) return judgeOwnEcho(judging, placed);
  checkAddressee(context, placed, sender);
  if (placed.subject.form === 'beat') {
    checkTimes(verifying, sender);
    return judgeOwn(judging, verifying, sender);
  }
  const duplicate = checkFree(context, verifying, sender);
  if (duplicate !== undefined) return duplicate;
  const anchored = judging.anchored.has(hex(placed.digest)) || isAnchored(context, placed);
  const standing = { ...verifying, sender, anchored };
  // Before anything that takes a position: what a former key signed must not vouch for what it signed before.
  checkKeyAge(context, standing);
  checkChain(context, verifying, sender);
  checkStanding(context, standing);
  checkTimes(verifying, sender);
  const schema = checkSchema(placed, sender);
  refuseOn(sender, placed, () => checkParts(placed));
  if (!schema.hasCover) return judgeOwn(judging, verifying, sender);
  return judgeContent(context, { ...verifying, sender, schema });
}

function parse(arrival: Arrival): Opened {
  try {
    return parseEnvelope(arrival.data);
  } catch (error) {
    throw new Judged(refusedBytes(arrival, asComityError(error).code));
  }
}

/** Of bytes that cannot be read only the subject says whose they are: the hub binds it to an account. */
function refusedBytes(arrival: Arrival, code: ErrorCode): Judgement {
  const subject = parseSubject(arrival.subject);
  const sender = subject === undefined || subject.form === 'trust' ? undefined : subject.sender;
  return { verdict: 'refused', code, reasons: [], ...(sender === undefined ? {} : { sender }) };
}

function verify({ context, memory }: Judging, arrival: Arrival, opened: Opened): Placed {
  const { trust } = context;
  try {
    return verifyEnvelope(opened, {
      federationId: trust.federationId,
      environment: trust.environment,
      deliveredOn: arrival.subject,
      memory,
      trust: {
        knows: (agency) => trust.member(agency) !== undefined,
        hasStatement: (agency) => trust.statement(agency) !== undefined,
        signingKey: (agency, kid) => trust.signingKey(agency, kid),
      },
    });
  } catch (error) {
    throw new Judged(unverified(context, opened, asComityError(error).code));
  }
}

function unverified(context: GatewayContext, opened: Opened, code: ErrorCode): Judgement {
  const sender = opened.subject.sender;
  // Between a root that ends a line of lists and the next list, everybody is unknown.
  const newer = !context.trust.hasList() || opened.header.trustVersion > context.trust.list().version;
  if (code === 'SENDER_UNKNOWN' && newer) {
    return { verdict: 'parked', code: 'AWAITING_TRUST', awaits: 'list', sender, opened };
  }
  if (code === 'AWAITING_STATEMENT') return { verdict: 'parked', code, awaits: sender, sender, opened };
  return { verdict: 'refused', code, sender, opened, reasons: [] };
}

export function senderOf(placed: Opened): AgencyId {
  return placed.subject.sender;
}

/** Broadcasts come back to their sender. One that this store does not know was made by another store. */
function judgeOwnEcho({ context, onBehind }: Judging, placed: Placed): Judgement {
  const { header, digest } = placed;
  const known = context.store.channels.digestAt(header.subject, header.epoch, header.sequence);
  const ours =
    header.sequence === 0
      ? equalBytes(header.epoch, context.store.epoch)
      : known !== undefined && equalBytes(known, digest);
  if (!ours) onBehind(header.subject);
  return { verdict: 'duplicate', sender: context.agency };
}

function checkAddressee(context: GatewayContext, placed: Placed, sender: AgencyId): void {
  const { subject } = placed;
  if (subject.form === 'message' && subject.to !== undefined && subject.to !== context.agency) {
    throw new Judged({ verdict: 'refused', code: 'MISADDRESSED', sender, opened: placed, reasons: [] });
  }
}

/** `anchored`: on a chain behind something that counts here. */
type Standing = Verifying & Readonly<{ sender: AgencyId; anchored: boolean }>;

/** What a former key signed waits, without a position, until something newer has it on its chain. */
function checkKeyAge(context: GatewayContext, standing: Standing): void {
  const { placed, sender, anchored } = standing;
  if (anchored || !isKeyEnded(context, standing, sender)) return;
  if (!isActive(context, standing))
    throw new Judged({ verdict: 'refused', code: 'AGENCY_REVOKED', sender, opened: placed, reasons: [] });
  throw new Judged({
    verdict: 'parked',
    code: 'AWAITING_HEAD',
    awaits: hex(placed.digest),
    sender,
    opened: placed,
  });
}

/** Status and grants by our newest list, which states them with their times. */
function checkStanding(context: GatewayContext, standing: Standing): void {
  const { placed, sender } = standing;
  if (!isActive(context, standing)) throw refusal('AGENCY_REVOKED', sender, placed);
  if (!context.trust.mayPublish(sender, placed.subject.kind))
    throw refusal('KIND_NOT_GRANTED', sender, placed);
}

function isActive({ trust }: GatewayContext, { arrival, placed, sender, anchored }: Standing): boolean {
  if (trust.statusAt(sender, placed.header.createdMs) !== 'active') return false;
  return anchored || trust.statusAt(sender, arrival.arrivedMs) === 'active';
}

function checkTimes({ arrival, placed }: Verifying, sender: AgencyId): void {
  const { createdMs, deliverByMs } = placed.header;
  if (createdMs > arrival.arrivedMs + limits.clockSkewMsMax)
    throw refusal('CREATED_IN_FUTURE', sender, placed);
  if (deliverByMs + limits.clockSkewMsMax < arrival.arrivedMs)
    throw refusal('DELIVERY_EXPIRED', sender, placed);
}

function checkSchema(placed: Placed, sender: AgencyId): Schema {
  const { header, subject } = placed;
  const schema = schemaNamed(header.schema, header.schemaVersion);
  if (schema === undefined) throw refusal('SCHEMA_UNKNOWN', sender, placed);
  if (schema.kind !== subject.kind) throw refusal('SCHEMA_KIND_MISMATCH', sender, placed);
  refuseOn(sender, placed, () =>
    checkCommitments(
      header,
      schema.sections.map(({ field }) => field),
    ),
  );
  if (!schema.hasCover && !kindsOfGateways.some((kind) => kind === schema.kind))
    throw refusal('SCHEMA_KIND_MISMATCH', sender, placed);
  return schema;
}
