/** What tools read from PEM: a certificate's private key, and whom a certificate names. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { ComityError } from '../errors.ts';

/** A private key in PKCS#8 PEM. KEY_FILE_INVALID; `name` is what a person is told. */
export function readCertificateKey(pem: string, name: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new ComityError('KEY_FILE_INVALID', `\`${name}\` is not a private key in PEM`, { cause: error });
  }
}

/** The common name of a certificate's subject. CERTIFICATE_REFUSED where there is none. */
export function commonNameOf(pem: string, name: string): string {
  try {
    const found = /^CN=(.+)$/m.exec(new X509Certificate(pem).subject)?.[1];
    if (found !== undefined) return found;
  } catch (error) {
    throw new ComityError('CERTIFICATE_REFUSED', `\`${name}\` is not a certificate in PEM`, { cause: error });
  }
  throw new ComityError('CERTIFICATE_REFUSED', `\`${name}\` names nobody`);
}
