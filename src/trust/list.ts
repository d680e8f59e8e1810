/** The trust list: the agencies of a federation, what each may do, and since when. */
import { hex, utf8 } from '../bytes.ts';
import { rfc3339 } from '../clock.ts';
import { ComityError } from '../errors.ts';
import { parseStrictJson, readShape } from '../keys/index.ts';
import { limits } from '../limits.ts';
import { type AgencyId, jurisdictionOf, type Kind, kindsAlwaysGranted } from '../types.ts';
import {
  type AuthorityKey,
  isSignedBy,
  parseSigned,
  type SignedDocument,
  signGeneral,
} from './general-jws.ts';
import { type ListPayload, listPayloadShape } from './list-shape.ts';
import type { TrustRoot } from './root.ts';

export const listTyp = 'comity-trust+jws';

export type AgencyState = 'active' | 'suspended' | 'revoked';

export type Membership = Readonly<{
  agency: AgencyId;
  names?: Readonly<Record<string, string>>;
  roles: readonly string[];
  /** Kinds granted besides `kindsAlwaysGranted`. */
  publishes: readonly Kind[];
  receives: readonly Kind[];
  /** Pinned certificates: lower-case hexadecimal SHA-256 of the DER. */
  certificates: readonly string[];
  /** Every state that the agency has had, ascending. */
  status: readonly Readonly<{ state: AgencyState; fromMs: number }>[];
}>;

export type TrustList = Readonly<{
  version: number;
  federationId: Uint8Array;
  environment: string;
  issuedMs: number;
  expiresMs: number;
  agencies: readonly Membership[];
  /** The least that the federation accepts. */
  minimum: Readonly<{ schemas: Readonly<Record<string, number>>; suites: readonly number[] }>;
  /** Jurisdictions by partition of the hub. */
  partitions: Readonly<Record<string, readonly string[]>>;
}>;

export type ParsedList = Readonly<{ list: TrustList; document: SignedDocument; bytes: Uint8Array }>;

/** Reads a list without judging its signatures. TRUST_INVALID. */
export function parseList(bytes: Uint8Array): ParsedList {
  const document = parseSigned(bytes, { bytesMax: limits.trustListBytesMax, code: 'TRUST_INVALID' });
  const payload = readShape(
    listPayloadShape,
    parseStrictJson(document.payload, 'TRUST_INVALID'),
    'TRUST_INVALID',
  );
  checkAgencies(payload);
  checkPartitions(payload);
  if (payload.expires <= payload.issued) invalid('the list expires before it is issued');
  return { list: listOf(payload), document, bytes };
}

/** The list belongs to the root's federation and environment and is signed by its threshold. */
export function verifyList(
  parsed: ParsedList,
  o: Readonly<{ root: TrustRoot; federationId: Uint8Array; nowMs: number }>,
): void {
  const { list } = parsed;
  const { threshold, authorities } = o.root.list;
  if (!isSignedBy(parsed.document, { threshold, keys: authorities.map(({ jwk }) => jwk) }, listTyp)) {
    throw new ComityError('TRUST_THRESHOLD');
  }
  if (hex(list.federationId) !== hex(o.federationId)) {
    throw new ComityError('FEDERATION_MISMATCH', 'the trust list belongs to another federation');
  }
  if (list.environment !== o.root.environment) {
    throw new ComityError('ENVIRONMENT_MISMATCH', 'the trust list belongs to another environment');
  }
  if (list.issuedMs > o.nowMs + limits.clockSkewMsMax) invalid('the list claims to be issued later than now');
}

/** The signed payload of a list. TRUST_INVALID where receivers would refuse it. */
export function createTrustList(list: TrustList): Uint8Array {
  const payload = utf8(
    JSON.stringify({
      version: list.version,
      federation: hex(list.federationId),
      environment: list.environment,
      issued: rfc3339(list.issuedMs),
      expires: rfc3339(list.expiresMs),
      agencies: list.agencies.map((member) => ({
        ...member,
        status: member.status.map(({ state, fromMs }) => ({ state, from: rfc3339(fromMs) })),
      })),
      minimum: list.minimum,
      partitions: list.partitions,
    }),
  );
  parseList(signGeneral({ payload, typ: listTyp, keys: [] }));
  return payload;
}

/** Signs a list's payload. `roots` are the root documents after the first, for those who hold an old one. */
export function signTrustList(
  payload: Uint8Array,
  keys: readonly AuthorityKey[],
  roots: readonly Uint8Array[] = [],
): Uint8Array {
  return signGeneral({ payload, typ: listTyp, keys, roots });
}

/** The state at a time; unknown before the first. */
export function stateAt(member: Membership | undefined, timeMs: number): AgencyState | 'unknown' {
  return member?.status.findLast(({ fromMs }) => fromMs <= timeMs)?.state ?? 'unknown';
}

export function mayPublish(member: Membership, kind: Kind): boolean {
  return kindsAlwaysGranted.includes(kind) || member.publishes.includes(kind);
}

export function mayReceive(member: Membership, kind: Kind): boolean {
  return kindsAlwaysGranted.includes(kind) || member.receives.includes(kind);
}

/** The hub's partition that holds the jurisdiction. */
export function partitionOf(list: TrustList, jurisdiction: string): string | undefined {
  return Object.keys(list.partitions).find((name) => list.partitions[name]?.includes(jurisdiction));
}

function listOf(payload: ListPayload): TrustList {
  const { federation, issued, expires, agencies, ...rest } = payload;
  return Object.freeze({
    ...rest,
    federationId: Uint8Array.from(Buffer.from(federation, 'hex')),
    issuedMs: issued,
    expiresMs: expires,
    agencies: agencies.map((member) =>
      Object.freeze({
        ...member,
        status: member.status.map(({ state, from }) => ({ state, fromMs: from })),
      }),
    ),
  });
}

function checkAgencies(payload: ListPayload): void {
  const ids = new Set(payload.agencies.map(({ agency }) => agency));
  if (ids.size !== payload.agencies.length) invalid('an agency stands twice');
  const pins = payload.agencies.flatMap(({ certificates }) => certificates);
  if (new Set(pins).size !== pins.length) invalid('a certificate is pinned twice');
  for (const { agency, status } of payload.agencies) {
    const ascending = status.every(({ from }, index) => index === 0 || from > (status[index - 1]?.from ?? 0));
    if (!ascending) invalid(`the states of \`${agency}\` are not in ascending order`);
  }
}

function checkPartitions(payload: ListPayload): void {
  const placed = Object.values(payload.partitions).flat();
  if (new Set(placed).size !== placed.length) invalid('a jurisdiction stands in two partitions');
  for (const { agency } of payload.agencies) {
    if (!placed.includes(jurisdictionOf(agency))) invalid(`no partition holds \`${jurisdictionOf(agency)}\``);
  }
}

function invalid(message: string): never {
  throw new ComityError('TRUST_INVALID', message);
}
