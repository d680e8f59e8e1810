/** What an agency says of itself: parsed and verified (docs/wire.md, Statements). */
import type { KeyObject } from 'node:crypto';
import { base64 } from '../bytes.ts';
import { ComityError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { AgencyId } from '../types.ts';
import { checkCertificate } from './certificate.ts';
import { splitCompact, verifyCompact } from './compact-jws.ts';
import { type EcPublicJwk, publicKeyOf, thumbprint } from './es256.ts';
import type { KeyWindow, PublicWindow } from './key-windows.ts';
import {
  type Directory,
  type ListedOfficer,
  type StatementPayload,
  statementPayloadShape,
} from './statement-shape.ts';
import { parseStrictJson, readShape } from './strict-json.ts';

export const statementTyp = 'comity-statement+jws';

/** An officer's approval key. `notAfterMs` is absent while it is not known to end. */
export type OfficerKey = Readonly<{
  pseudonym: string;
  desk: string;
  role: string;
  kid: string;
  jwk: PublicWindow['jwk'];
  publicKey: KeyWindow['publicKey'];
  notBeforeMs: number;
  notAfterMs?: number;
}>;

export type AgencyStatement = Readonly<{
  agency: AgencyId;
  /** Lower-case hexadecimal. */
  federationId: string;
  version: number;
  issuedMs: number;
  /** DER of the certificate that signed it. */
  certificate: Uint8Array;
  /** Ascending, without overlap: every past window, the current one, at most five weeks ahead. */
  signingKeys: readonly KeyWindow[];
  sealingKeys: readonly KeyWindow[];
  officers: readonly OfficerKey[];
  natsUserKey: string;
  /** Versions that the gateway reads, by schema name. */
  schemas: Readonly<Record<string, readonly number[]>>;
  suites: readonly number[];
  directory: Directory;
}>;

declare const brand: unique symbol;
/** Only `verifyStatement` returns it. */
export type VerifiedStatement = AgencyStatement & { readonly [brand]: true };

/** Reads a statement without judging its signature: for a look at one that is not trusted yet. STATEMENT_INVALID. */
export function parseStatement(jws: string | Uint8Array): AgencyStatement {
  return withPointsChecked(contentOf(parsePayload(jws)));
}

/**
 * Verifies a statement as that of `agency`: the certificate that it carries is one of
 * `pinnedDigests` and was valid when the statement was issued, the signature is by its key, the
 * content is well formed. `federationId` is lower-case hexadecimal. Codes STATEMENT_INVALID,
 * STATEMENT_SIGNATURE, CERTIFICATE_REFUSED, ALGORITHM_REFUSED, SIGNATURE_HEADER_INVALID,
 * FEDERATION_MISMATCH. Versions are for the trust book to compare.
 */
export function verifyStatement(
  o: Readonly<{
    jws: string | Uint8Array;
    agency: AgencyId;
    federationId: string;
    pinnedDigests: readonly string[];
    nowMs: number;
  }>,
): VerifiedStatement {
  const payload = parsePayload(o.jws);
  const certificate = checkCertificate({
    der: derOf(payload),
    pinnedDigests: o.pinnedDigests,
    atMs: payload.issued,
  });
  checkSignature(o.jws, certificate);
  if (payload.agency !== o.agency) invalid(`the statement is that of \`${payload.agency}\``);
  if (payload.federation !== o.federationId) {
    throw new ComityError('FEDERATION_MISMATCH', 'the statement belongs to another federation');
  }
  if (payload.issued > o.nowMs + limits.clockSkewMsMax)
    invalid('the statement claims to be issued later than now');
  return withPointsChecked(contentOf(payload)) as VerifiedStatement;
}

/**
 * Reads a statement that `verifyStatement` took before and that we kept ourselves. Nothing is
 * verified again; whether its certificate is still pinned is for the caller to compare.
 */
export function recallStatement(jws: Uint8Array): VerifiedStatement {
  return contentOf(parsePayload(jws)) as VerifiedStatement;
}

/** Making each key is what checks that it is a point of the curve: STATEMENT_INVALID. */
function withPointsChecked(statement: AgencyStatement): AgencyStatement {
  const keys = [...statement.signingKeys, ...statement.sealingKeys, ...statement.officers];
  if (!keys.every((key) => key.publicKey.type === 'public')) invalid('a key is not a public key');
  return statement;
}

function checkSignature(jws: string | Uint8Array, certificate: ReturnType<typeof checkCertificate>): void {
  try {
    verifyCompact({ jws, typ: statementTyp, algorithm: certificate.algorithm, key: certificate.publicKey });
  } catch (error) {
    if (!(error instanceof ComityError) || error.code !== 'SIGNATURE_INVALID') throw error;
    throw new ComityError('STATEMENT_SIGNATURE', undefined, { cause: error });
  }
}

function parsePayload(jws: string | Uint8Array): StatementPayload {
  if (jws.length > limits.statementBytesMax) invalid('the statement exceeds its bound');
  const json = parseStrictJson(splitCompact(jws).payload, 'STATEMENT_INVALID');
  return readShape(statementPayloadShape, json, 'STATEMENT_INVALID');
}

function derOf(payload: StatementPayload): Uint8Array {
  const der = Uint8Array.from(Buffer.from(payload.certificate, 'base64'));
  if (base64(der) !== payload.certificate) invalid('the certificate is not strict base64');
  return der;
}

function contentOf(payload: StatementPayload): AgencyStatement {
  const signingKeys = payload.signing.map(keyWindow);
  const sealingKeys = payload.sealing.map(keyWindow);
  checkWindows(signingKeys, payload.issued);
  checkWindows(sealingKeys, payload.issued);
  const officers = payload.officers.map(officerKey);
  refuseSharedKeys([...signingKeys, ...sealingKeys, ...officers]);
  return Object.freeze({
    agency: payload.agency,
    federationId: payload.federation,
    version: payload.version,
    issuedMs: payload.issued,
    certificate: derOf(payload),
    signingKeys,
    sealingKeys,
    officers,
    natsUserKey: payload.nats,
    schemas: payload.schemas,
    suites: payload.suites,
    directory: payload.directory,
  });
}

function keyWindow(listed: StatementPayload['signing'][number]): KeyWindow {
  const publicKey = lazyKey(listed.jwk);
  return Object.freeze({
    kid: thumbprint(listed.jwk),
    jwk: listed.jwk,
    get publicKey() {
      return publicKey();
    },
    notBeforeMs: listed.from,
    notAfterMs: listed.to,
  });
}

function officerKey(listed: ListedOfficer): OfficerKey {
  const publicKey = lazyKey(listed.jwk);
  return Object.freeze({
    pseudonym: listed.pseudonym,
    desk: listed.desk,
    role: listed.role,
    kid: thumbprint(listed.jwk),
    jwk: listed.jwk,
    get publicKey() {
      return publicKey();
    },
    notBeforeMs: listed.from,
    ...(listed.to === undefined ? {} : { notAfterMs: listed.to }),
  });
}

/** A recalled statement lists years of keys, of which few are used: each is made when first asked for. */
function lazyKey(jwk: EcPublicJwk): () => KeyObject {
  let made: KeyObject | undefined;
  return () => {
    made ??= publicKeyOf(jwk);
    return made;
  };
}

/** A window may be cut short, after a theft; never longer than a week, nor listed long ahead. */
function checkWindows(windows: readonly KeyWindow[], issuedMs: number): void {
  let endMs = Number.NEGATIVE_INFINITY;
  for (const { notBeforeMs, notAfterMs } of windows) {
    const lengthMs = notAfterMs - notBeforeMs;
    if (lengthMs <= 0 || lengthMs > limits.keyWindowMs)
      invalid('a key window is empty or longer than a week');
    if (notBeforeMs < endMs) invalid('key windows overlap or are out of order');
    if (notBeforeMs > issuedMs + limits.keyWindowsAheadMax * limits.keyWindowMs) {
      invalid('a key window is listed too far ahead');
    }
    endMs = notAfterMs;
  }
}

function refuseSharedKeys(keys: readonly Readonly<{ kid: string }>[]): void {
  if (new Set(keys.map((key) => key.kid)).size !== keys.length) invalid('one key is listed twice');
}

function invalid(message: string): never {
  throw new ComityError('STATEMENT_INVALID', message);
}
