/** The development PKI, judged by OpenSSL. */
import { execFile } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemRandom } from '../../../src/ids.ts';
import {
  type CommandRunner,
  certificateDer,
  inspectCertificate,
  loadDevelopmentPki,
  verifyChain,
} from '../../../src/keys/index.ts';
import { agencyId } from '../../../src/types.ts';

const pki = join(import.meta.dirname, '../../support/pki');
const nowMs = Date.UTC(2027, 2, 9);
let directory = '';

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'comity-pki-'));
});

afterAll(() => {
  rmSync(directory, { recursive: true });
});

const run: CommandRunner = (command, args) =>
  new Promise((resolve) => {
    execFile(command, [...args], (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });

const chain = (certificate: string, jurisdiction: string, atMs = nowMs) =>
  verifyChain({
    run,
    certificateFile: join(pki, `${certificate}.cert.pem`),
    intermediatesFile: join(pki, `${jurisdiction}-ca.cert.pem`),
    rootFile: join(pki, 'root.cert.pem'),
    atMs,
  }).then(
    () => 'none',
    (error) => `${error.code} ${error.message}`,
  );

describe('the chain, by openssl verify', () => {
  test.each(['gr.customs', 'it.police', 'fr.heritage', 'de.liaison', 'xa.former'])('%s', async (agency) => {
    expect(await chain(agency, agency.slice(0, 2))).toBe('none');
  });

  test('a jurisdiction vouches for its own agencies only', async () => {
    expect(await chain('odd-foreign', 'gr')).toMatch(/^CERTIFICATE_REFUSED .*permitted subtree/);
  });

  test('not by another CA, not self-signed, not out of its time', async () => {
    expect(await chain('gr.customs', 'it')).toMatch(/^CERTIFICATE_REFUSED/);
    expect(await chain('odd-p256', 'gr')).toMatch(/^CERTIFICATE_REFUSED/);
    expect(await chain('odd-expired', 'gr')).toMatch(/^CERTIFICATE_REFUSED .*expired/);
    expect(await chain('odd-expired', 'gr', Date.UTC(2020, 0, 15))).toBe('none');
  });
});

describe('what it issues', () => {
  test('a hub certificate for this machine, an agency certificate that is fit, and PKCS#12', async () => {
    const issuer = await loadDevelopmentPki();
    const common = { nowMs, days: 90, random: systemRandom };
    const tls = await issuer.issueHubTls(common);
    const server = new X509Certificate(tls.certificatePem);
    expect(server.checkHost('localhost')).toBe('localhost');
    expect(server.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(server.verify(new X509Certificate(tls.caPem).publicKey)).toBe(true);
    expect(server.checkPrivateKey(createPrivateKey(tls.privateKeyPem))).toBe(true);
    expect(tls.privateKeyPem).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);

    const root = await issuer.issueRoot({ ...common, commonName: 'Root' });
    const ca = await issuer.issueJurisdictionCa({ ...common, root, jurisdiction: 'gr' });
    const issued = await issuer.issueAgencyCertificate({ ...common, ca, agency: agencyId('gr.customs') });
    const fit = inspectCertificate(certificateDer(issued.certificatePem));
    expect(fit.algorithm).toBe('PS256');
    expect(fit.validToMs).toBe(nowMs + 90 * 24 * 60 * 60 * 1000);

    const bag = issuer.exportPkcs12({
      issued,
      chainPem: [ca.certificatePem],
      password: 'open sesame',
      name: 'gr.customs',
    });
    const path = join(directory, 'agency.p12');
    writeFileSync(path, bag);
    const read = await run('openssl', ['pkcs12', '-in', path, '-passin', 'pass:open sesame', '-nodes']);
    expect(read.exitCode).toBe(0);
    expect(read.stdout.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(read.stdout).toContain('BEGIN PRIVATE KEY');
    expect(
      (await run('openssl', ['pkcs12', '-in', path, '-passin', 'pass:wrong', '-nodes'])).exitCode,
    ).not.toBe(0);
  });
});

test('node-forge is imported by one file, and never to verify', () => {
  const source = join(import.meta.dirname, '../../../src');
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  const users = files.filter((name) =>
    /from 'node-forge|import\('node-forge/.test(readFileSync(join(source, name), 'utf8')),
  );
  expect(users).toEqual(['keys/development-pki.ts']);
  const text = readFileSync(join(source, 'keys/development-pki.ts'), 'utf8');
  expect(text).not.toMatch(/\bverify\w*\(|pkcs12FromAsn1|createCaStore|fromDer|decrypt/);
});
