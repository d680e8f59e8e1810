/**
 * Certificates for development, tests and onboarding: a root, a CA for each jurisdiction, a
 * certificate for each agency. The one user of `node-forge`, and only to write: it never reads or
 * verifies bytes that came from elsewhere. Keys are drawn by `node:crypto`.
 */
import { generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import forge from 'node-forge';
import type { Random } from '../ids.ts';
import { limits } from '../limits.ts';
import { type AgencyId, jurisdictionOf } from '../types.ts';

const organisation = 'Comity development';
const dayMs = 24 * 60 * 60 * 1000;
const generate = promisify(generateKeyPair);

export type IssuedCertificate = Readonly<{
  certificatePem: string;
  /** PKCS#8. */
  privateKeyPem: string;
}>;

/** A certificate authority of the development PKI; `privateKeyPem` is its secret. */
export type DevelopmentCa = IssuedCertificate & Readonly<{ commonName: string; country?: string }>;

export type Validity = Readonly<{ nowMs: number; days: number }>;

type Name = forge.pki.CertificateField[];

/** A self-signed root. It signs jurisdiction CAs (or, with `pathLength` 0, end certificates only). */
export async function issueRoot(
  o: Validity & Readonly<{ commonName: string; random: Random; pathLength?: number }>,
): Promise<DevelopmentCa> {
  const keys = await rsaKeys();
  const name = nameOf({ commonName: o.commonName });
  const issued = sign({
    ...o,
    keys,
    subject: name,
    issuer: { name, key: keys.privateKey },
    extensions: authorityExtensions(o.pathLength ?? 1),
  });
  return { ...issued, commonName: o.commonName };
}

/** A jurisdiction's CA. Its name constraint confines it to subjects of its own country. */
export async function issueJurisdictionCa(
  o: Validity & Readonly<{ root: DevelopmentCa; jurisdiction: string; random: Random }>,
): Promise<DevelopmentCa> {
  const country = o.jurisdiction.toUpperCase();
  const commonName = `${organisation} CA ${country}`;
  const keys = await rsaKeys();
  const issued = sign({
    ...o,
    keys,
    subject: nameOf({ country, commonName }),
    issuer: signerOf(o.root),
    extensions: [...authorityExtensions(0), permittedCountry(country)],
  });
  return { ...issued, commonName, country };
}

/** The certificate of an agency, by the CA of its jurisdiction: RSA, signing only. */
export async function issueAgencyCertificate(
  o: Validity & Readonly<{ ca: DevelopmentCa; agency: AgencyId; random: Random }>,
): Promise<IssuedCertificate> {
  const keys = await rsaKeys();
  return sign({
    ...o,
    keys,
    subject: nameOf({ country: jurisdictionOf(o.agency).toUpperCase(), commonName: o.agency }),
    issuer: signerOf(o.ca),
    extensions: [
      { name: 'basicConstraints', critical: true, cA: false },
      { name: 'keyUsage', critical: true, digitalSignature: true, nonRepudiation: true },
    ],
  });
}

/** A TLS server certificate for the hub, for the names and addresses given. */
export async function issueServerCertificate(
  o: Validity &
    Readonly<{ ca: DevelopmentCa; names: readonly string[]; addresses: readonly string[]; random: Random }>,
): Promise<IssuedCertificate> {
  const keys = await rsaKeys();
  return sign({
    ...o,
    keys,
    subject: nameOf({ commonName: o.names[0] ?? o.addresses[0] ?? 'hub' }),
    issuer: signerOf(o.ca),
    extensions: [
      { name: 'basicConstraints', critical: true, cA: false },
      { name: 'keyUsage', critical: true, digitalSignature: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          ...o.names.map((value) => ({ type: 2, value })),
          ...o.addresses.map((ip) => ({ type: 7, ip })),
        ],
      },
    ],
  });
}

/** The hub's TLS for one machine: a CA of its own, and a certificate for localhost. */
export async function issueHubTls(
  o: Validity & Readonly<{ random: Random }>,
): Promise<Readonly<{ caPem: string; certificatePem: string; privateKeyPem: string }>> {
  const ca = await issueRoot({ ...o, commonName: `${organisation} hub CA`, pathLength: 0 });
  const server = await issueServerCertificate({
    ...o,
    ca,
    names: ['localhost'],
    addresses: ['127.0.0.1', '::1'],
  });
  return { caPem: ca.certificatePem, ...server };
}

/** PKCS#12 with certificate, key and chain, as an agency's officer imports it. */
export function exportPkcs12(
  o: Readonly<{ issued: IssuedCertificate; chainPem: readonly string[]; password: string; name: string }>,
): Uint8Array {
  const chain = [o.issued.certificatePem, ...o.chainPem].map((pem) => forge.pki.certificateFromPem(pem));
  const bag = forge.pkcs12.toPkcs12Asn1(
    forge.pki.privateKeyFromPem(o.issued.privateKeyPem),
    chain,
    o.password,
    {
      algorithm: 'aes256',
      count: 50_000,
      friendlyName: o.name,
    },
  );
  return Uint8Array.from(Buffer.from(forge.asn1.toDer(bag).getBytes(), 'binary'));
}

type KeyPair = Readonly<{
  privateKey: forge.pki.rsa.PrivateKey;
  publicKey: forge.pki.rsa.PublicKey;
  privateKeyPem: string;
}>;
type Signer = Readonly<{ name: Name; key: forge.pki.rsa.PrivateKey; keyIdentifier?: string }>;

function sign(
  o: Validity &
    Readonly<{ keys: KeyPair; subject: Name; issuer: Signer; extensions: readonly object[]; random: Random }>,
): IssuedCertificate {
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = o.keys.publicKey;
  certificate.serialNumber = serialNumber(o.random);
  certificate.validity.notBefore = new Date(o.nowMs - dayMs);
  certificate.validity.notAfter = new Date(o.nowMs + o.days * dayMs);
  certificate.setSubject(o.subject);
  certificate.setIssuer(o.issuer.name);
  const own = certificate.generateSubjectKeyIdentifier().getBytes();
  certificate.setExtensions([
    ...o.extensions,
    { name: 'subjectKeyIdentifier' },
    { name: 'authorityKeyIdentifier', keyIdentifier: o.issuer.keyIdentifier ?? own },
  ]);
  certificate.sign(o.issuer.key, forge.md.sha256.create());
  return {
    certificatePem: unixLines(forge.pki.certificateToPem(certificate)),
    privateKeyPem: o.keys.privateKeyPem,
  };
}

function signerOf(ca: DevelopmentCa): Signer {
  return {
    name: nameOf(ca),
    key: forge.pki.privateKeyFromPem(ca.privateKeyPem),
    keyIdentifier: forge.pki.certificateFromPem(ca.certificatePem).generateSubjectKeyIdentifier().getBytes(),
  };
}

function nameOf(o: Readonly<{ commonName: string; country?: string }>): Name {
  const country = o.country === undefined ? [] : [{ name: 'countryName', value: o.country }];
  // The country stands first: a directory name constraint matches a name from its beginning.
  return [
    ...country,
    { name: 'organizationName', value: organisation },
    { name: 'commonName', value: o.commonName },
  ];
}

function authorityExtensions(pathLength: number): object[] {
  return [
    { name: 'basicConstraints', critical: true, cA: true, pathLenConstraint: pathLength },
    { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true },
  ];
}

/** NameConstraints (RFC 5280 §4.2.1.10) with one permitted subtree: the directory name C=<country>. */
function permittedCountry(country: string): object {
  const { asn1 } = forge;
  const sequence = (...items: forge.asn1.Asn1[]) =>
    asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SEQUENCE, true, items);
  const tagged = (tag: number, ...items: forge.asn1.Asn1[]) =>
    asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, true, items);
  const attribute = sequence(
    asn1.create(asn1.Class.UNIVERSAL, asn1.Type.OID, false, asn1.oidToDer('2.5.4.6').getBytes()),
    asn1.create(asn1.Class.UNIVERSAL, asn1.Type.PRINTABLESTRING, false, country),
  );
  const name = sequence(asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SET, true, [attribute]));
  const permitted = sequence(tagged(0, sequence(tagged(4, name))));
  return { id: '2.5.29.30', critical: true, value: asn1.toDer(permitted).getBytes() };
}

async function rsaKeys(): Promise<KeyPair> {
  const { privateKey } = await generate('rsa', { modulusLength: limits.rsaKeyBitsMin });
  return forgeKeys(privateKey);
}

function forgeKeys(key: KeyObject): KeyPair {
  const privateKeyPem = key.export({ type: 'pkcs8', format: 'pem' }).toString();
  const privateKey = forge.pki.privateKeyFromPem(privateKeyPem);
  return { privateKey, publicKey: forge.pki.setRsaPublicKey(privateKey.n, privateKey.e), privateKeyPem };
}

/** 127 random bits: positive in DER. */
function serialNumber(random: Random): string {
  const bytes = random.bytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

function unixLines(pem: string): string {
  return pem.replaceAll('\r\n', '\n');
}
