/** Where a local federation keeps what, under its folder. */
import { join } from 'node:path';
import type { AgencyId } from '../types.ts';

export type AgencyPlaces = Readonly<{
  folder: string;
  configFile: string;
  officersFile: string;
  tokenFile: string;
  statementFile: string;
  storeKeyFile: string;
  natsSeedFile: string;
  keys: string;
  store: string;
  certificateFile: string;
  certificateKeyFile: string;
  pkcs12File: string;
  logFile: string;
}>;

export type Places = Readonly<{
  folder: string;
  /** Written last: where it stands, the rest is whole. */
  recordFile: string;
  gatewaysFile: string;
  hub: string;
  pki: string;
  rootFile: string;
  listFile: string;
  authorityFile: (number: number) => string;
  agency: (agency: AgencyId) => AgencyPlaces;
}>;

export function placesOf(folder: string): Places {
  const trust = join(folder, 'trust');
  return {
    folder,
    recordFile: join(folder, 'made.json'),
    gatewaysFile: join(folder, 'federation.json'),
    hub: join(folder, 'hub'),
    pki: join(folder, 'pki'),
    rootFile: join(trust, 'root.json'),
    listFile: join(trust, 'list.json'),
    authorityFile: (number) => join(trust, `authority-${number}.pem`),
    agency: (agency) => agencyPlaces(join(folder, 'agencies', agency)),
  };
}

function agencyPlaces(folder: string): AgencyPlaces {
  return {
    folder,
    configFile: join(folder, 'gateway.yaml'),
    officersFile: join(folder, 'officers.yaml'),
    tokenFile: join(folder, 'token'),
    statementFile: join(folder, 'statement.jws'),
    storeKeyFile: join(folder, 'store.key'),
    natsSeedFile: join(folder, 'nats.seed'),
    keys: join(folder, 'keys'),
    store: join(folder, 'store'),
    certificateFile: join(folder, 'certificate.pem'),
    certificateKeyFile: join(folder, 'certificate.key.pem'),
    pkcs12File: join(folder, 'certificate.p12'),
    logFile: join(folder, 'gateway.log'),
  };
}
