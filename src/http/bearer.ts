/** Who asks: bearer tokens (RFC 6750), known here by their SHA-256 only. */
import { timingSafeEqual } from 'node:crypto';
import { fromHex, utf8 } from '../bytes.ts';
import { ComityError } from '../errors.ts';
import type { Officer } from '../gateway/views.ts';
import { sha256 } from '../keys/index.ts';
import { limits } from '../limits.ts';

/** One bearer of a token. A service acts for the officers that it lists, and always names one. */
export type TokenHolder = Readonly<{
  officer: Officer;
  /** Lower-case hexadecimal. */
  tokenSha256: string;
  actsFor?: readonly string[];
}>;

export interface Bearers {
  /** Throws TOKEN_MISSING, TOKEN_UNKNOWN, SCOPE_MISSING (a service that may not act for the officer named). */
  officerOf(authorization: string | undefined, onBehalfOf: string | undefined): Officer;
}

const tokenPattern = /^Bearer ([A-Za-z0-9\-._~+/]+=*)$/i;

export function createBearers(holders: readonly TokenHolder[]): Bearers {
  const known = holders.map((holder) => ({ holder, digest: fromHex(holder.tokenSha256) }));
  const officers = new Map(
    holders.filter(({ actsFor }) => actsFor === undefined).map(({ officer }) => [officer.pseudonym, officer]),
  );
  return {
    officerOf(authorization, onBehalfOf) {
      const holder = holderOf(known, authorization);
      if (holder.actsFor === undefined) {
        if (onBehalfOf === undefined) return holder.officer;
        throw new ComityError('SCOPE_MISSING', 'this token acts for its own officer only');
      }
      if (onBehalfOf === undefined) {
        throw new ComityError('SCOPE_MISSING', 'a service names its officer in `Comity-On-Behalf-Of`');
      }
      const officer = holder.actsFor.includes(onBehalfOf) ? officers.get(onBehalfOf) : undefined;
      if (officer === undefined) {
        throw new ComityError('SCOPE_MISSING', 'this service does not act for the officer named');
      }
      const scopes = officer.scopes.filter((scope) => holder.officer.scopes.includes(scope));
      return Object.freeze({ ...officer, scopes, service: holder.officer.pseudonym });
    },
  };
}

function holderOf(
  known: readonly Readonly<{ holder: TokenHolder; digest: Uint8Array }>[],
  authorization: string | undefined,
): TokenHolder {
  if (authorization === undefined) throw new ComityError('TOKEN_MISSING');
  const token = tokenPattern.exec(authorization)?.[1];
  if (token === undefined || token.length > limits.tokenCharsMax) throw new ComityError('TOKEN_UNKNOWN');
  const digest = sha256(utf8(token));
  let found: TokenHolder | undefined;
  // Every digest is compared in full, so that time says nothing of how near a guess came.
  for (const candidate of known) {
    if (timingSafeEqual(candidate.digest, digest)) found = candidate.holder;
  }
  if (found === undefined) throw new ComityError('TOKEN_UNKNOWN');
  return found;
}
