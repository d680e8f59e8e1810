/** What one agency of a local federation is given: certificate, store key, message keys, token, statement. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { base64url, hex, utf8 } from '../bytes.ts';
import type { AgencyPlanned } from '../config/index.ts';
import { suiteKnown } from '../envelope/index.ts';
import { type Scope, scopes } from '../gateway/views.ts';
import type { Random } from '../ids.ts';
import {
  certificateDer,
  certificateDigest,
  createStoreKeyFile,
  type DevelopmentCa,
  issueStatement,
  loadDevelopmentPki,
  loadStoreKey,
  mergeWindows,
  parseStatement,
  readCertificateKey,
  rollMessageKeys,
  sha256,
  writePrivateFile,
} from '../keys/index.ts';
import { limits } from '../limits.ts';
import { allSchemas } from '../schema/index.ts';
import { createNatsUserKey } from '../transport/index.ts';
import type { Membership } from '../trust/index.ts';
import type { AgencyPlaces } from './places.ts';

/** PKCS#12 of the local federation is for trying imports out; what it protects lies beside it. */
const pkcs12Password = 'comity';
const certificateDays = 825;

export type MakeAgency = Readonly<{
  planned: AgencyPlanned;
  places: AgencyPlaces;
  ca: DevelopmentCa;
  rootPem: string;
  nowMs: number;
  random: Random;
}>;

/** Writes everything but the statement, which names the federation; returns what the trust list says of it. */
export async function makeAgency(o: MakeAgency): Promise<Membership> {
  const { planned, places, nowMs, random } = o;
  mkdirSync(places.folder, { recursive: true, mode: 0o700 });
  const { exportPkcs12, issueAgencyCertificate } = await loadDevelopmentPki();
  const issued = await issueAgencyCertificate({
    ca: o.ca,
    agency: planned.agency,
    nowMs,
    days: certificateDays,
    random,
  });
  writeFileSync(places.certificateFile, issued.certificatePem);
  writePrivateFile(places.certificateKeyFile, utf8(issued.privateKeyPem));
  const chainPem = [o.ca.certificatePem, o.rootPem];
  writePrivateFile(
    places.pkcs12File,
    exportPkcs12({ issued, chainPem, password: pkcs12Password, name: planned.agency }),
  );
  createStoreKeyFile(places.storeKeyFile, random);
  writePrivateFile(places.natsSeedFile, utf8(`${createNatsUserKey().seed}\n`));
  writeOfficers(places, random);
  return {
    agency: planned.agency,
    names: planned.names,
    roles: planned.roles,
    publishes: planned.publishes,
    receives: planned.receives,
    certificates: [certificateDigest(certificateDer(issued.certificatePem))],
    status: [{ state: 'active', fromMs: nowMs }],
  };
}

/** One officer who may do everything, and the token that says so. */
function writeOfficers(places: AgencyPlaces, random: Random): void {
  const token = base64url(random.bytes(32));
  writePrivateFile(places.tokenFile, utf8(`${token}\n`));
  const all: readonly Scope[] = scopes;
  const officer = {
    pseudonym: 'duty-1',
    desk: 'duty',
    role: 'investigator',
    scopes: [...all],
    tokenSha256: hex(sha256(utf8(token))),
  };
  writeFileSync(places.officersFile, stringify({ officers: [officer] }));
}

export type NextStatement = Readonly<{
  planned: AgencyPlanned;
  places: AgencyPlaces;
  federationId: string;
  natsUserKey: string;
  nowMs: number;
  random: Random;
  /** The statement before, if there was one. */
  previous?: string;
}>;

/**
 * Draws the message keys that are missing for the weeks ahead; issues and writes a statement where
 * that drew any. Returns the statement in force.
 */
export function rollStatement(o: NextStatement): string {
  const { planned, places, nowMs, random } = o;
  const storeKey = loadStoreKey({ keyFile: places.storeKeyFile });
  const weeks = limits.keyWindowsAheadMax + 1;
  const windows = rollMessageKeys({ directory: places.keys, storeKey, fromMs: nowMs, weeks, random });
  const before = o.previous === undefined ? undefined : parseStatement(o.previous);
  const signingKeys = mergeWindows(before?.signingKeys ?? [], windows.signing);
  const sealingKeys = mergeWindows(before?.sealingKeys ?? [], windows.sealing);
  if (o.previous !== undefined && signingKeys.length === before?.signingKeys.length) return o.previous;
  const statement = issueStatement({
    certificatePem: readFileSync(places.certificateFile, 'utf8'),
    certificateKey: readCertificateKey(
      readFileSync(places.certificateKeyFile, 'utf8'),
      places.certificateKeyFile,
    ),
    content: {
      agency: planned.agency,
      federationId: o.federationId,
      version: (before?.version ?? 0) + 1,
      issuedMs: nowMs,
      signingKeys,
      sealingKeys,
      officers: [],
      natsUserKey: o.natsUserKey,
      schemas: schemasRead(),
      suites: [suiteKnown],
      directory: {
        names: planned.names,
        desks: [{ id: 'duty', names: { en: 'Duty desk' } }],
        timeZone: planned.timeZone,
        languages: planned.languages,
        requestTypes: [],
        sizeLimits: {},
      },
    },
  });
  writeFileSync(places.statementFile, `${statement}\n`);
  return statement;
}

function schemasRead(): Record<string, number[]> {
  return Object.fromEntries(allSchemas().map(({ name, version }) => [name, [version]]));
}
