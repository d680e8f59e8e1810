/** Makes a local federation: certificates, authorities, the first root and the first list. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromHex, utf8 } from '../bytes.ts';
import type { Clock } from '../clock.ts';
import type { FederationPlan } from '../config/index.ts';
import { suiteKnown } from '../envelope/index.ts';
import { ComityError } from '../errors.ts';
import type { Random } from '../ids.ts';
import { type DevelopmentCa, loadDevelopmentPki, writePrivateFile } from '../keys/index.ts';
import {
  authorityKeyPem,
  createAuthorityKey,
  createTrustList,
  foundFederation,
  type Membership,
  signTrustList,
} from '../trust/index.ts';
import { type AgencyId, jurisdictionOf } from '../types.ts';
import { makeAgency } from './make-agency.ts';
import { type Places, placesOf } from './places.ts';

const dayMs = 24 * 60 * 60 * 1000;
export const listLifeMs = 365 * dayMs;
const certificateDays = 825;

export type LocalFederationOptions = Readonly<{
  directory: string;
  plan: FederationPlan;
  clock: Clock;
  random: Random;
}>;

/** Made beside its place and then put there: a maker that dies leaves no half federation to stumble over. */
export async function makeWhole(o: LocalFederationOptions, places: Places): Promise<void> {
  if (existsSync(places.folder) && readdirSync(places.folder).length > 0) {
    throw new ComityError('CONFIG_INVALID', `\`${places.folder}\` holds something else than a federation`);
  }
  const making = `${places.folder}.${process.pid}.new`;
  try {
    await make(o, placesOf(making));
    renameSync(making, places.folder);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
}

async function make(o: LocalFederationOptions, places: Places): Promise<void> {
  const nowMs = o.clock.nowMs();
  mkdirSync(join(places.folder, 'trust'), { recursive: true, mode: 0o700 });
  const members = await makeAgencies(o, places, nowMs);
  const authorities = Array.from({ length: o.plan.authorities }, (_, index) => {
    const key = createAuthorityKey(o.random);
    writePrivateFile(places.authorityFile(index + 1), utf8(authorityKeyPem(key)));
    return { name: `authority-${index + 1}`, key };
  });
  const { firstRoot, federationId } = foundFederation({
    name: o.plan.name,
    environment: o.plan.environment,
    nowMs,
    authorities,
    threshold: o.plan.threshold,
  });
  writeFileSync(places.rootFile, firstRoot);
  const signers = authorities.slice(0, o.plan.threshold).map(({ key }) => key);
  writeFileSync(places.listFile, signTrustList(firstList({ o, federationId, members, nowMs }), signers));
  writeFileSync(
    places.recordFile,
    JSON.stringify({
      format: 'comity-local-1',
      name: o.plan.name,
      environment: o.plan.environment,
      federationId,
      threshold: o.plan.threshold,
      authorities: o.plan.authorities,
    }),
  );
}

type FirstList = Readonly<{
  o: LocalFederationOptions;
  federationId: string;
  members: readonly Membership[];
  nowMs: number;
}>;

function firstList({ o, federationId, members, nowMs }: FirstList): Uint8Array {
  return createTrustList({
    version: 1,
    federationId: fromHex(federationId),
    environment: o.plan.environment,
    issuedMs: nowMs,
    expiresMs: nowMs + listLifeMs,
    agencies: members,
    minimum: { schemas: {}, suites: [suiteKnown] },
    partitions: Object.fromEntries(jurisdictionsOf(members).map((one) => [one, [one]])),
  });
}

/** Root, a CA for each jurisdiction, a certificate for each agency: all RSA, so that they are drawn side by side. */
async function makeAgencies(o: LocalFederationOptions, places: Places, nowMs: number): Promise<Membership[]> {
  const { random, plan } = o;
  const validity = { nowMs, days: certificateDays, random };
  const { issueJurisdictionCa, issueRoot } = await loadDevelopmentPki();
  const root = await issueRoot({ ...validity, commonName: `${plan.name} root` });
  mkdirSync(places.pki, { recursive: true, mode: 0o700 });
  keepCa(places, 'root', root);
  const jurisdictions = jurisdictionsOf(plan.agencies);
  const cas = new Map<string, DevelopmentCa>();
  await Promise.all(
    jurisdictions.map(async (jurisdiction) => {
      const ca = await issueJurisdictionCa({ ...validity, root, jurisdiction });
      keepCa(places, jurisdiction, ca);
      cas.set(jurisdiction, ca);
    }),
  );
  return await Promise.all(
    plan.agencies.map((planned) => {
      const ca = cas.get(jurisdictionOf(planned.agency));
      if (ca === undefined) throw new TypeError('unreachable: every jurisdiction has its CA');
      const own = places.agency(planned.agency);
      return makeAgency({ planned, places: own, ca, rootPem: root.certificatePem, nowMs, random });
    }),
  );
}

function jurisdictionsOf(agencies: readonly Readonly<{ agency: AgencyId }>[]): string[] {
  return [...new Set(agencies.map(({ agency }) => jurisdictionOf(agency)))].sort();
}

function keepCa(places: Places, name: string, ca: DevelopmentCa): void {
  writeFileSync(join(places.pki, `${name}.pem`), ca.certificatePem);
  writePrivateFile(join(places.pki, `${name}.key.pem`), utf8(ca.privateKeyPem));
}
