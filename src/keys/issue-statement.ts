/** Issuing the agency statement: the monthly ceremony with the certificate's key. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { base64, base64url, equalBytes, utf8 } from '../bytes.ts';
import { rfc3339 } from '../clock.ts';
import { ComityError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { AgencyId } from '../types.ts';
import { certificateDer, inspectCertificate } from './certificate.ts';
import { signCompact } from './compact-jws.ts';
import type { EcPublicJwk } from './es256.ts';
import type { PublicWindow } from './key-windows.ts';
import { parseStatement, statementTyp } from './statement.ts';
import type { Directory } from './statement-shape.ts';

/** What goes into a statement. Windows ascend; see `mergeWindows` for those of the previous statement. */
export type StatementContent = Readonly<{
  agency: AgencyId;
  /** Lower-case hexadecimal. */
  federationId: string;
  version: number;
  issuedMs: number;
  signingKeys: readonly PublicWindow[];
  sealingKeys: readonly PublicWindow[];
  officers: readonly Readonly<{
    pseudonym: string;
    desk: string;
    role: string;
    jwk: EcPublicJwk;
    notBeforeMs: number;
    notAfterMs?: number;
  }>[];
  natsUserKey: string;
  schemas: Readonly<Record<string, readonly number[]>>;
  suites: readonly number[];
  directory: Directory;
}>;

/**
 * Signs a statement; returns the compact JWS. What receivers would refuse is refused here first:
 * STATEMENT_INVALID, CERTIFICATE_REFUSED (also where key and certificate are no pair).
 */
export function issueStatement(
  o: Readonly<{ content: StatementContent; certificateKey: KeyObject; certificatePem: string }>,
): string {
  const der = certificateDer(o.certificatePem);
  const certificate = inspectCertificate(der);
  if (!isPair(o.certificateKey, certificate.publicKey)) {
    throw new ComityError('CERTIFICATE_REFUSED', 'the key is not that of the certificate');
  }
  const digest = base64url(certificate.digest);
  const jws = signCompact({
    payload: utf8(JSON.stringify(payloadOf(o.content, der))),
    typ: statementTyp,
    kid: digest,
    x5t: digest,
    key: o.certificateKey,
    alg: certificate.algorithm,
  });
  if (jws.length > limits.statementBytesMax)
    throw new ComityError('STATEMENT_INVALID', 'the statement exceeds its bound');
  parseStatement(jws);
  return jws;
}

function payloadOf(content: StatementContent, der: Uint8Array) {
  return {
    agency: content.agency,
    federation: content.federationId,
    version: content.version,
    issued: rfc3339(content.issuedMs),
    certificate: base64(der),
    signing: content.signingKeys.map(listedWindow),
    sealing: content.sealingKeys.map(listedWindow),
    officers: content.officers.map((officer) => ({
      pseudonym: officer.pseudonym,
      desk: officer.desk,
      role: officer.role,
      jwk: pointOf(officer.jwk),
      from: rfc3339(officer.notBeforeMs),
      ...(officer.notAfterMs === undefined ? {} : { to: rfc3339(officer.notAfterMs) }),
    })),
    nats: content.natsUserKey,
    schemas: content.schemas,
    suites: content.suites,
    directory: content.directory,
  };
}

function listedWindow(window: PublicWindow) {
  return { jwk: pointOf(window.jwk), from: rfc3339(window.notBeforeMs), to: rfc3339(window.notAfterMs) };
}

/** Only the public members, whatever the object holds besides. */
function pointOf({ kty, crv, x, y }: EcPublicJwk): EcPublicJwk {
  return { kty, crv, x, y };
}

function isPair(privateKey: KeyObject, publicKey: KeyObject): boolean {
  if (privateKey.type !== 'private') throw new TypeError('the certificate key is a private key');
  const own = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  return equalBytes(Uint8Array.from(own), Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' })));
}
