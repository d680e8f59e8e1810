/** What federation authorities do: found a federation, and change its list. */
import { hex } from '../bytes.ts';
import { ComityError } from '../errors.ts';
import type { AgencyId } from '../types.ts';
import type { AuthorityKey } from './general-jws.ts';
import type { AgencyState, Membership, TrustList } from './list.ts';
import { createRoot, federationIdOf, signRoot } from './root.ts';

export type NamedAuthority = Readonly<{ name: string; key: AuthorityKey }>;

/** The first root: the same authorities sign roots and lists. `federationId` is lower-case hexadecimal. */
export function foundFederation(
  o: Readonly<{
    name: string;
    environment: string;
    nowMs: number;
    authorities: readonly NamedAuthority[];
    threshold: number;
  }>,
): Readonly<{ firstRoot: Uint8Array; federationId: string }> {
  const signers = {
    threshold: o.threshold,
    authorities: o.authorities.map(({ name, key }) => ({ name, jwk: key.jwk })),
  };
  const payload = createRoot({
    version: 1,
    name: o.name,
    environment: o.environment,
    issuedMs: o.nowMs,
    root: signers,
    list: signers,
  });
  const firstRoot = signRoot(
    payload,
    o.authorities.map(({ key }) => key),
  );
  return { firstRoot, federationId: hex(federationIdOf(firstRoot)) };
}

export type ListChanges = Readonly<{
  issuedMs: number;
  expiresMs: number;
  /** Members that are new, or replace the one of the same agency. */
  members?: readonly Membership[];
  minimum?: TrustList['minimum'];
  partitions?: TrustList['partitions'];
}>;

/**
 * The next version of a list. No agency is ever dropped, nor its states rewritten: old messages are
 * judged by them for years. TRUST_INVALID.
 */
export function nextTrustList(previous: TrustList, changes: ListChanges): TrustList {
  const members = new Map(previous.agencies.map((member) => [member.agency, member]));
  for (const member of changes.members ?? []) {
    refuseRewrittenStates(members.get(member.agency), member);
    members.set(member.agency, member);
  }
  return {
    ...previous,
    version: previous.version + 1,
    issuedMs: changes.issuedMs,
    expiresMs: changes.expiresMs,
    agencies: [...members.values()],
    minimum: changes.minimum ?? previous.minimum,
    partitions: changes.partitions ?? previous.partitions,
  };
}

/** The member of a list with one more state, from a time. TRUST_INVALID where the list has no such agency. */
export function withState(
  list: TrustList,
  agency: AgencyId,
  change: Readonly<{ state: AgencyState; fromMs: number }>,
): Membership {
  const member = list.agencies.find((one) => one.agency === agency);
  if (member === undefined) throw new ComityError('TRUST_INVALID', `\`${agency}\` is not on the list`);
  return { ...member, status: [...member.status, change] };
}

function refuseRewrittenStates(before: Membership | undefined, after: Membership): void {
  const kept = before?.status.every(
    ({ state, fromMs }, index) =>
      after.status[index]?.state === state && after.status[index]?.fromMs === fromMs,
  );
  if (kept === false) {
    throw new ComityError('TRUST_INVALID', `the past states of \`${after.agency}\` are rewritten`);
  }
}
