/** Certificates for development, tests and onboarding. In production an agency's own PKI issues them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ComityError } from '../errors.ts';
import {
  certificateDer,
  certificateDigest,
  commonNameOf,
  type DevelopmentCa,
  loadDevelopmentPki,
} from '../keys/index.ts';
import { type AgencyId, agencyId, jurisdictionOf } from '../types.ts';
import { readSecret, readText, writeOutput, writeSecret } from './input.ts';
import { type Call, required, text, usageError, type Verb, wholeNumber } from './verb.ts';

const daysOtherwise = 825;

export const pki: Verb = {
  name: 'pki',
  summary: 'issues certificates for development and onboarding: root, a CA a jurisdiction, agencies',
  usage: [
    'init --directory DIR [--name NAME] [--days N]',
    'agency AGENCY --directory DIR --password-file FILE [--days N]',
    'hub --directory DIR [--days N]',
  ],
  options: {
    directory: { type: 'string' },
    name: { type: 'string' },
    days: { type: 'string' },
    'password-file': { type: 'string' },
  },
  optionHelp: [
    { name: 'init', meaning: 'makes the root: root.pem and root.key.pem' },
    { name: 'agency', meaning: 'makes the agency’s certificate, key and PKCS#12, and its jurisdiction’s CA' },
    { name: 'hub', meaning: 'makes a TLS certificate for a hub on this machine, with a CA of its own' },
    { name: '--directory DIR', meaning: 'where it is kept' },
    { name: '--password-file FILE', meaning: 'holds the password of the PKCS#12' },
    { name: '--days N', meaning: `how long it is valid (default ${daysOtherwise})` },
  ],
  example: 'comity pki agency gr.customs --directory pki --password-file password',
  async run(call) {
    const [action, ...rest] = call.positionals;
    if (action === 'init' && rest.length === 0) return await init(call);
    if (action === 'hub' && rest.length === 0) return await hubTls(call);
    if (action === 'agency' && rest.length === 1) return await agency(call, agencyId(rest[0] ?? ''));
    throw usageError('expected `pki init`, `pki agency AGENCY` or `pki hub`');
  },
};

function validity({ values, io }: Call) {
  const days = wholeNumber(values, 'days', { min: 1, max: 36_500, otherwise: daysOtherwise });
  return { nowMs: io.clock.nowMs(), days, random: io.random };
}

async function init(call: Call): Promise<void> {
  const directory = required(call.values, 'directory');
  const { issueRoot } = await loadDevelopmentPki();
  const commonName = text(call.values, 'name') ?? 'Comity development root';
  refuseTaken(directory, 'root');
  keepCa(directory, 'root', await issueRoot({ ...validity(call), commonName }));
  call.show({ root: join(directory, 'root.pem') }, () => [`wrote ${join(directory, 'root.pem')}`]);
}

async function agency(call: Call, id: AgencyId): Promise<void> {
  const directory = required(call.values, 'directory');
  const password = readSecret(required(call.values, 'password-file'));
  const { exportPkcs12, issueAgencyCertificate, issueJurisdictionCa } = await loadDevelopmentPki();
  const root = loadCa(directory, 'root');
  const jurisdiction = jurisdictionOf(id);
  if (!existsSync(join(directory, `${jurisdiction}.pem`))) {
    keepCa(directory, jurisdiction, await issueJurisdictionCa({ ...validity(call), root, jurisdiction }));
  }
  const ca = loadCa(directory, jurisdiction);
  refuseTaken(directory, id);
  const issued = await issueAgencyCertificate({ ...validity(call), ca, agency: id });
  const files = {
    certificate: join(directory, `${id}.pem`),
    key: join(directory, `${id}.key.pem`),
    pkcs12: join(directory, `${id}.p12`),
  };
  writeSecret(files.key, issued.privateKeyPem);
  const chainPem = [ca.certificatePem, root.certificatePem];
  writeSecret(files.pkcs12, exportPkcs12({ issued, chainPem, password, name: id }));
  writeOutput(files.certificate, issued.certificatePem, { replace: false });
  const digest = certificateDigest(certificateDer(issued.certificatePem));
  call.show({ agency: id, digest, ...files }, () => [
    ...Object.values(files).map((file) => `wrote ${file}`),
    `digest for the trust list: ${digest}`,
  ]);
}

async function hubTls(call: Call): Promise<void> {
  const directory = required(call.values, 'directory');
  const { issueHubTls } = await loadDevelopmentPki();
  refuseTaken(directory, 'hub');
  const issued = await issueHubTls(validity(call));
  writeOutput(join(directory, 'hub-ca.pem'), issued.caPem, { replace: false });
  writeSecret(join(directory, 'hub.key.pem'), issued.privateKeyPem);
  writeOutput(join(directory, 'hub.pem'), issued.certificatePem, { replace: false });
  call.show({ ca: 'hub-ca.pem', certificate: 'hub.pem', key: 'hub.key.pem' }, () => [
    `wrote hub-ca.pem, hub.pem and hub.key.pem to ${directory}`,
  ]);
}

/** The certificate is written last, so that it stands for the whole. */
function keepCa(directory: string, name: string, ca: DevelopmentCa): void {
  writeSecret(join(directory, `${name}.key.pem`), ca.privateKeyPem);
  writeOutput(join(directory, `${name}.pem`), ca.certificatePem, { replace: false });
}

function loadCa(directory: string, name: string): DevelopmentCa {
  const certificatePem = readText(join(directory, `${name}.pem`));
  return {
    certificatePem,
    privateKeyPem: readSecret(join(directory, `${name}.key.pem`)),
    commonName: commonNameOf(certificatePem, `${name}.pem`),
    ...(name === 'root' ? {} : { country: name.toUpperCase() }),
  };
}

function refuseTaken(directory: string, name: string): void {
  for (const file of [`${name}.pem`, `${name}.key.pem`]) {
    if (existsSync(join(directory, file))) {
      throw new ComityError('KEY_FILE_EXISTS', `\`${join(directory, file)}\` exists and is not overwritten`);
    }
  }
}
