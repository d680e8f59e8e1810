/** The certificate of an agency: what a gateway checks itself. The pin is the authority, the chain evidence. */
import { type KeyObject, X509Certificate } from 'node:crypto';
import { equalBytes, hex } from '../bytes.ts';
import { ComityError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { JwsAlgorithm } from './compact-jws.ts';
import { sha256 } from './digest.ts';

export type CheckedCertificate = Readonly<{
  publicKey: KeyObject;
  /** The one algorithm that this key signs with. */
  algorithm: JwsAlgorithm;
  /** SHA-256 of the DER. */
  digest: Uint8Array;
  validFromMs: number;
  validToMs: number;
}>;

/**
 * Checks what design rules ask of a gateway: the digest is pinned, it is no CA, it was valid at
 * `atMs`, its key is RSA of at least `limits.rsaKeyBitsMin` bits (PS256) or P-256 (ES256).
 * `pinnedDigests` are lower-case hexadecimal SHA-256 of the DER. CERTIFICATE_REFUSED.
 */
export function checkCertificate(
  o: Readonly<{ der: Uint8Array; pinnedDigests: readonly string[]; atMs: number }>,
): CheckedCertificate {
  const digest = sha256(o.der);
  if (!o.pinnedDigests.includes(hex(digest))) refuse('the certificate is not pinned in the trust list');
  const certificate = inspectCertificate(o.der);
  if (o.atMs < certificate.validFromMs || o.atMs > certificate.validToMs) {
    refuse('the certificate was not valid at the time of signing');
  }
  return certificate;
}

/** The checks that need neither pin nor time: for an authority that admits an agency. */
export function inspectCertificate(der: Uint8Array): CheckedCertificate {
  const certificate = parse(der);
  if (certificate.ca) refuse('the certificate is that of a certificate authority');
  return {
    publicKey: certificate.publicKey,
    algorithm: algorithmOf(certificate.publicKey),
    digest: sha256(der),
    validFromMs: certificate.validFromDate.getTime(),
    validToMs: certificate.validToDate.getTime(),
  };
}

/** The DER of a PEM certificate of our own. */
export function certificateDer(pem: string): Uint8Array {
  try {
    return Uint8Array.from(new X509Certificate(pem).raw);
  } catch (error) {
    throw new ComityError('CERTIFICATE_REFUSED', 'not a certificate', { cause: error });
  }
}

/** The lower-case hexadecimal digest under which a trust list pins the certificate. */
export function certificateDigest(der: Uint8Array): string {
  return hex(sha256(der));
}

function parse(der: Uint8Array): X509Certificate {
  if (der.length > limits.certificateBytesMax) refuse('the certificate exceeds its bound');
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(der);
  } catch (error) {
    throw new ComityError('CERTIFICATE_REFUSED', 'not a certificate', { cause: error });
  }
  if (!equalBytes(Uint8Array.from(certificate.raw), der))
    refuse('the certificate is followed by other bytes');
  return certificate;
}

function algorithmOf(key: KeyObject): JwsAlgorithm {
  const details = key.asymmetricKeyDetails;
  if (key.asymmetricKeyType === 'rsa' && (details?.modulusLength ?? 0) >= limits.rsaKeyBitsMin)
    return 'PS256';
  if (key.asymmetricKeyType === 'ec' && details?.namedCurve === 'prime256v1') return 'ES256';
  return refuse(
    `the key of the certificate is neither RSA of ${limits.rsaKeyBitsMin} bits or more nor P-256`,
  );
}

function refuse(message: string): never {
  throw new ComityError('CERTIFICATE_REFUSED', message);
}
