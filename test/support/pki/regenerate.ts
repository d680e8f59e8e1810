/**
 * Draws the certificates of the tests anew: `node test/support/pki/regenerate.ts`. They come from the
 * development PKI, and last a century from 2020, so that tests may choose their own time. The odd
 * ones, which the PKI does not issue, come from `openssl`.
 */
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemRandom } from '../../../src/ids.ts';
import { type IssuedCertificate, loadDevelopmentPki } from '../../../src/keys/index.ts';
import { agencyId, jurisdictionOf } from '../../../src/types.ts';

const here = import.meta.dirname;
const agencies = ['gr.customs', 'it.police', 'fr.heritage', 'de.liaison', 'xa.former'].map(agencyId);
const pki = await loadDevelopmentPki();
const common = { nowMs: Date.UTC(2020, 0, 2), days: 36_500, random: systemRandom };

const root = await pki.issueRoot({ ...common, commonName: 'Comity development root' });
writeFileSync(join(here, 'root.cert.pem'), root.certificatePem);
for (const agency of agencies) {
  const ca = await pki.issueJurisdictionCa({ ...common, root, jurisdiction: jurisdictionOf(agency) });
  writeFileSync(join(here, `${jurisdictionOf(agency)}-ca.cert.pem`), ca.certificatePem);
  save(agency, await pki.issueAgencyCertificate({ ...common, ca, agency }));
  if (agency === 'gr.customs') {
    // Of Greece's CA and named as Italian: what the name constraint is there to stop.
    save('odd-foreign', await pki.issueAgencyCertificate({ ...common, ca, agency: agencyId('it.police') }));
    save('odd-renewed', await pki.issueAgencyCertificate({ ...common, ca, agency }));
    save(
      'odd-expired',
      await pki.issueAgencyCertificate({ ...common, nowMs: Date.UTC(2020, 0, 2), days: 30, ca, agency }),
    );
  }
}
oddity('odd-p256', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']);
oddity('odd-p384', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384']);
oddity('odd-rsa2048', ['-newkey', 'rsa:2048']);
oddity('odd-ca', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'], 'critical,CA:TRUE');

function save(name: string, issued: IssuedCertificate): void {
  writeFileSync(join(here, `${name}.cert.pem`), issued.certificatePem);
  rmSync(join(here, `${name}.key.pem`), { force: true });
  writeFileSync(join(here, `${name}.key.pem`), issued.privateKeyPem, { mode: 0o600 });
}

function oddity(name: string, key: readonly string[], constraints = 'critical,CA:FALSE'): void {
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-nodes',
      ...key,
      '-keyout',
      join(here, `${name}.key.pem`),
      '-out',
      join(here, `${name}.cert.pem`),
      '-days',
      '36500',
      '-subj',
      `/C=GR/O=Comity development/CN=${name}`,
      '-addext',
      `basicConstraints=${constraints}`,
    ],
    { stdio: 'ignore' },
  );
}
