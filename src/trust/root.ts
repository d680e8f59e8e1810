/** The trust root: who may sign roots and who may sign trust lists. Rotated as TUF does (§5.3). */
import { z } from 'zod';
import { equalBytes, hex, utf8 } from '../bytes.ts';
import { rfc3339 } from '../clock.ts';
import { ComityError } from '../errors.ts';
import {
  type EcPublicJwk,
  ecPublicJwkShape,
  instantShape,
  parseStrictJson,
  publicKeyOf,
  readShape,
  sha256,
  textShape,
  thumbprint,
  tokenShape,
  versionShape,
} from '../keys/index.ts';
import { limits } from '../limits.ts';
import {
  type AuthorityKey,
  isSignedBy,
  parseSigned,
  type SignedDocument,
  signGeneral,
} from './general-jws.ts';

export const rootTyp = 'comity-root+jws';

export type Authority = Readonly<{ name: string; jwk: EcPublicJwk }>;
/** `threshold` of `authorities` must sign. */
export type AuthoritySet = Readonly<{ threshold: number; authorities: readonly Authority[] }>;

export type TrustRoot = Readonly<{
  version: number;
  name: string;
  environment: string;
  issuedMs: number;
  /** Who signs roots. */
  root: AuthoritySet;
  /** Who signs trust lists. */
  list: AuthoritySet;
}>;

const authoritySetShape = z.strictObject({
  threshold: z.int().min(1),
  authorities: z
    .array(z.strictObject({ name: textShape(100), jwk: ecPublicJwkShape }))
    .min(1)
    .max(limits.trustAuthoritiesMax),
});

const rootShape = z.strictObject({
  version: versionShape,
  name: textShape(200),
  environment: tokenShape,
  issued: instantShape,
  root: authoritySetShape,
  list: authoritySetShape,
});

export type ParsedRoot = Readonly<{ root: TrustRoot; document: SignedDocument; bytes: Uint8Array }>;

/** Reads a root without judging its signatures. ROOT_INVALID. */
export function parseRoot(bytes: Uint8Array): ParsedRoot {
  const document = parseSigned(bytes, { bytesMax: limits.trustRootBytesMax, code: 'ROOT_INVALID' });
  const json = parseStrictJson(document.payload, 'ROOT_INVALID');
  const { issued, ...rest } = readShape(rootShape, json, 'ROOT_INVALID');
  checkAuthorities(rest.root);
  checkAuthorities(rest.list);
  return { root: Object.freeze({ ...rest, issuedMs: issued }), document, bytes };
}

/** The federation's id: SHA-256 of the signed payload of its first root. */
export function federationIdOf(firstRoot: Uint8Array): Uint8Array {
  return sha256(parseRoot(firstRoot).document.payload);
}

/** The first root: pinned by its digest, version 1, signed by its own threshold. ROOT_INVALID, ROOT_VERSION, ROOT_THRESHOLD, FEDERATION_MISMATCH. */
export function verifyFirstRoot(bytes: Uint8Array, pinnedFederationId: string): ParsedRoot {
  const first = parseRoot(bytes);
  if (hex(sha256(first.document.payload)) !== pinnedFederationId) {
    throw new ComityError('FEDERATION_MISMATCH', 'the first root is not the one that is pinned');
  }
  if (first.root.version !== 1) throw new ComityError('ROOT_VERSION', 'the first root has version 1');
  requireThreshold(first, first.root);
  return first;
}

/** The root after `current`: exactly the next version, signed by the threshold of both. */
export function verifyNextRoot(current: ParsedRoot, bytes: Uint8Array): ParsedRoot {
  const next = parseRoot(bytes);
  if (next.root.version !== current.root.version + 1) {
    throw new ComityError(
      'ROOT_VERSION',
      `root ${next.root.version} does not follow root ${current.root.version}`,
    );
  }
  if (next.root.environment !== current.root.environment) {
    throw new ComityError('ENVIRONMENT_MISMATCH', 'a root does not change the environment');
  }
  requireThreshold(next, current.root);
  requireThreshold(next, next.root);
  return next;
}

/**
 * Whether lists signed under `before` say nothing under `after`: so few of the old authorities stay
 * that no old list can reach the new threshold. Then versions start afresh, which is how a federation
 * recovers from stolen keys that signed a list of a huge version (TUF §5.3.11).
 */
export function breaksListLineage(before: TrustRoot, after: TrustRoot): boolean {
  const old = new Set(before.list.authorities.map(({ jwk }) => thumbprint(jwk)));
  const staying = after.list.authorities.filter(({ jwk }) => old.has(thumbprint(jwk)));
  return staying.length < after.list.threshold;
}

/** The signed payload of a root. ROOT_INVALID where receivers would refuse it. */
export function createRoot(root: TrustRoot): Uint8Array {
  const { issuedMs, ...rest } = root;
  const payload = utf8(JSON.stringify({ ...rest, issued: rfc3339(issuedMs) }));
  parseRoot(signGeneral({ payload, typ: rootTyp, keys: [] }));
  return payload;
}

/** Signs a root's payload; a rotation is signed by old and new authorities. */
export function signRoot(payload: Uint8Array, keys: readonly AuthorityKey[]): Uint8Array {
  return signGeneral({ payload, typ: rootTyp, keys });
}

export function isSameRoot(a: ParsedRoot, b: ParsedRoot): boolean {
  return equalBytes(a.document.payload, b.document.payload);
}

function requireThreshold(signed: ParsedRoot, by: TrustRoot): void {
  const signers = { threshold: by.root.threshold, keys: by.root.authorities.map(({ jwk }) => jwk) };
  if (isSignedBy(signed.document, signers, rootTyp)) return;
  throw new ComityError(
    'ROOT_THRESHOLD',
    `root ${signed.root.version} is not signed by the threshold of root ${by.version}`,
  );
}

function checkAuthorities(set: AuthoritySet): void {
  const kids = new Set(set.authorities.map(({ jwk }) => thumbprint(jwk)));
  const names = new Set(set.authorities.map(({ name }) => name));
  if (kids.size !== set.authorities.length || names.size !== set.authorities.length) {
    throw new ComityError('ROOT_INVALID', 'an authority or its key stands twice');
  }
  if (set.threshold > kids.size) {
    throw new ComityError('ROOT_INVALID', 'the threshold exceeds the number of authorities');
  }
  for (const { jwk } of set.authorities) checkPoint(jwk);
}

function checkPoint(jwk: EcPublicJwk): void {
  try {
    publicKeyOf(jwk);
  } catch (error) {
    throw new ComityError('ROOT_INVALID', 'the key of an authority is not a point of P-256', {
      cause: error,
    });
  }
}
