/** A federation of any size in memory, made of real keys, certificates and signatures. */
import { execFile } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fromHex } from '../src/bytes.ts';
import { type Clock, systemClock } from '../src/clock.ts';
import { systemRandom } from '../src/ids.ts';
import {
  certificateDer,
  certificateDigest,
  createMessageKeys,
  generateMessageKeys,
  issueStatement,
  type MessageKeys,
} from '../src/keys/index.ts';
import { silentLog } from '../src/log.ts';
import type { Versions } from '../src/store/port.ts';
import { createNatsUserKey } from '../src/transport/index.ts';
import {
  createAuthorityKey,
  createTrustBook,
  createTrustList,
  foundFederation,
  isPinned,
  type Membership,
  pinTrust,
  signTrustList,
  type TrustBook,
} from '../src/trust/index.ts';
import { type AgencyId, agencyId, jurisdictionOf, kinds, kindsAlwaysGranted } from '../src/types.ts';

const run = promisify(execFile);
const dayMs = 24 * 60 * 60 * 1000;
const weeks = 2;
const environment = 'bench';

export type AgencyFixture = Readonly<{
  agency: AgencyId;
  natsSeed: string;
  messageKeys: MessageKeys;
  statement: string;
}>;

export interface BenchFederation {
  readonly agencies: ReadonlyMap<string, AgencyFixture>;
  agency(id: string): AgencyFixture;
  /** A book that holds the list and every statement. */
  book(versions: Versions, clock?: Clock): TrustBook;
}

type Made = AgencyFixture & Readonly<{ member: Membership }>;
type Certificate = Readonly<{ pem: string; keyPem: string }>;

/** Every agency has the roles given, and publishes and receives every kind. */
export async function makeFederation(
  ids: readonly string[],
  roles: readonly string[] = ['customs'],
): Promise<BenchFederation> {
  const certificates = await selfSigned(ids);
  // After the certificates, which are valid from the second in which they were made.
  const nowMs = Date.now();
  const authorities = [createAuthorityKey(systemRandom), createAuthorityKey(systemRandom)];
  const { firstRoot, federationId } = foundFederation({
    name: 'Bench',
    environment,
    nowMs,
    authorities: authorities.map((key, index) => ({ name: `authority-${index + 1}`, key })),
    threshold: 2,
  });
  const made = ids.map((id, index) =>
    makeAgency(agencyId(id), { nowMs, federationId, roles, certificate: certificates[index]! }),
  );
  const agencies = new Map(made.map((one) => [String(one.agency), one]));
  const list = createTrustList({
    version: 1,
    federationId: fromHex(federationId),
    environment,
    issuedMs: nowMs,
    expiresMs: nowMs + 90 * dayMs,
    agencies: made.map(({ member }) => member),
    minimum: { schemas: {}, suites: [1] },
    partitions: { main: [...new Set(made.map(({ agency }) => jurisdictionOf(agency)))] },
  });
  const signed = signTrustList(list, authorities);
  return {
    agencies,
    agency(id) {
      const found = agencies.get(id);
      if (found === undefined) throw new TypeError(`${id} is not in this federation`);
      return found;
    },
    book(versions, clock = systemClock) {
      const pin = { firstRoot, pinnedFederationId: federationId, versions };
      if (!isPinned(versions)) pinTrust(pin);
      const book = createTrustBook({ ...pin, clock, log: silentLog });
      book.applyList(signed);
      for (const { agency, statement } of agencies.values()) book.applyStatement(agency, statement);
      return book;
    },
  };
}

type Making = Readonly<{
  nowMs: number;
  federationId: string;
  roles: readonly string[];
  certificate: Certificate;
}>;

function makeAgency(agency: AgencyId, o: Making): Made {
  const { nowMs, federationId, roles, certificate } = o;
  const messageKeys = createMessageKeys(generateMessageKeys({ fromMs: nowMs, weeks, random: systemRandom }));
  const nats = createNatsUserKey();
  const windows = messageKeys.publicWindows();
  const statement = issueStatement({
    content: {
      agency,
      federationId,
      version: 1,
      issuedMs: nowMs,
      signingKeys: windows.signing,
      sealingKeys: windows.sealing,
      officers: [],
      natsUserKey: nats.publicKey,
      schemas: {},
      suites: [1],
      directory: {
        names: { en: agency },
        desks: [{ id: 'duty', names: { en: 'Duty desk' } }],
        duty: { phone: '+30 210 000 0000', hours: 'at all times' },
        timeZone: 'Europe/Athens',
        languages: ['en'],
        requestTypes: [],
        sizeLimits: { attachmentBytesMax: 1024 * 1024 },
      },
    },
    certificateKey: createPrivateKey(certificate.keyPem),
    certificatePem: certificate.pem,
  });
  const drafted = kinds.filter((kind) => !kindsAlwaysGranted.includes(kind));
  const member: Membership = {
    agency,
    names: { en: agency },
    roles: [...roles],
    publishes: drafted,
    receives: drafted,
    certificates: [certificateDigest(certificateDer(certificate.pem))],
    status: [{ state: 'active', fromMs: nowMs - 30 * dayMs }],
  };
  return { agency, natsSeed: nats.seed, messageKeys, statement, member };
}

/** One certificate each, under one key: what a trust list pins must differ. */
async function selfSigned(ids: readonly string[]): Promise<readonly Certificate[]> {
  const directory = await mkdtemp(join(tmpdir(), 'comity-bench-pki-'));
  const key = join(directory, 'key.pem');
  try {
    const curve = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'];
    await run('openssl', ['genpkey', ...curve, '-out', key]);
    const keyPem = await readFile(key, 'utf8');
    const made: Certificate[] = [];
    for (const id of ids) {
      const subject = ['-subj', `/CN=${id}`, '-days', '365', '-addext', 'basicConstraints=critical,CA:FALSE'];
      const { stdout } = await run('openssl', ['req', '-x509', '-key', key, ...subject]);
      made.push({ pem: stdout, keyPem });
    }
    return made;
  } finally {
    await rm(directory, { recursive: true });
  }
}
