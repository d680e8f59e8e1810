/** A federation in memory, made of real keys, certificates and signatures in some hundredths of a second. */
import { execFileSync } from 'node:child_process';
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nkeys } from '@nats-io/transport-node';
import { fromHex } from '../../src/bytes.ts';
import type { Clock } from '../../src/clock.ts';
import type { Random } from '../../src/ids.ts';
import {
  certificateDer,
  certificateDigest,
  createMessageKeys,
  generateMessageKeys,
  issueStatement,
  type MessageKey,
  type MessageKeys,
  mergeWindows,
  parseStatement,
  type StatementContent,
} from '../../src/keys/index.ts';
import { limits } from '../../src/limits.ts';
import { type Log, silentLog } from '../../src/log.ts';
import type { Versions } from '../../src/store/port.ts';
import {
  type AgencyState,
  type AuthorityKey,
  createAuthorityKey,
  createMemoryVersions,
  createTrustBook,
  createTrustList,
  foundFederation,
  isPinned,
  type ListChanges,
  type Membership,
  nextTrustList,
  pinTrust,
  signTrustList,
  type TrustBook,
  type TrustList,
} from '../../src/trust/index.ts';
import {
  type AgencyId,
  agencyId,
  jurisdictionOf,
  type Kind,
  kinds,
  kindsAlwaysGranted,
  nameOf,
} from '../../src/types.ts';
import { seededRandom } from './random.ts';

const dayMs = 24 * 60 * 60 * 1000;
/** A Tuesday; message key windows start on Thursdays. */
export const defaultNowMs = Date.UTC(2027, 2, 9, 10);

export type AgencySpec = Readonly<{
  id: string;
  roles?: readonly string[];
  publishes?: readonly Kind[];
  receives?: readonly Kind[];
  /** Besides active from 30 days before `nowMs`. */
  states?: readonly Readonly<{ state: AgencyState; fromMs: number }>[];
}>;

export type AgencyFixture = Readonly<{
  id: AgencyId;
  certPem: string;
  keyPem: string;
  certificateKey: KeyObject;
  /** Lower-case hexadecimal: what the list pins. */
  certificateDigest: string;
  keys: readonly MessageKey[];
  messageKeys: MessageKeys;
  /** Compact JWS, version 1. */
  statement: string;
  natsSeed: string;
  natsUserKey: string;
  /** Signs a next statement; what is not given stays as in version 1. Past windows are carried along. */
  nextStatement(
    changes?: Partial<StatementContent> & Readonly<{ certPem?: string; keyPem?: string }>,
  ): string;
}>;

export type Federation = Readonly<{
  firstRoot: Uint8Array;
  federationId: Uint8Array;
  federationIdHex: string;
  environment: string;
  nowMs: number;
  authorities: readonly AuthorityKey[];
  /** The signed list, version 1. */
  list: Uint8Array;
  trustList: TrustList;
  agencies: ReadonlyMap<AgencyId, AgencyFixture>;
  agency(id: string): AgencyFixture;
  /** The next version of the newest list that this federation signed; it becomes the newest. */
  signList(changes?: Partial<ListChanges>): Uint8Array;
  /** A trust book pinned to this federation that has applied the newest list and every statement. */
  book(o?: Readonly<{ versions?: Versions; clock?: Clock; log?: Log; empty?: boolean }>): TrustBook;
}>;

/** The five of the demonstration. xa.former is revoked a day before `nowMs`. */
function defaultAgencies(nowMs: number): AgencySpec[] {
  return [
    { id: 'gr.customs', roles: ['customs'] },
    { id: 'it.police', roles: ['police'] },
    { id: 'fr.heritage', roles: ['heritage'] },
    { id: 'de.liaison', roles: ['liaison'] },
    { id: 'xa.former', roles: ['police'], states: [{ state: 'revoked', fromMs: nowMs - dayMs }] },
  ];
}

export function makeFederation(
  o: Readonly<{
    agencies?: readonly (AgencySpec | string)[];
    nowMs?: number;
    environment?: string;
    seed?: string;
    /** Authorities and how many of them sign; 2 of 3. */
    authorities?: number;
    threshold?: number;
    /** Windows from the one that holds `nowMs`. */
    weeks?: number;
  }> = {},
): Federation {
  const nowMs = o.nowMs ?? defaultNowMs;
  const random = seededRandom(o.seed ?? 'federation');
  const environment = o.environment ?? 'test';
  const authorities = Array.from({ length: o.authorities ?? 3 }, () => createAuthorityKey(random));
  const { firstRoot, federationId } = foundFederation({
    name: 'Test federation',
    environment,
    nowMs,
    authorities: authorities.map((key, index) => ({ name: `Authority ${index + 1}`, key })),
    threshold: o.threshold ?? Math.min(2, authorities.length),
  });
  const specs = (o.agencies ?? defaultAgencies(nowMs)).map((spec) =>
    typeof spec === 'string' ? { id: spec } : spec,
  );
  const made = specs.map((spec) => makeAgency(spec, { nowMs, federationId, random, weeks: o.weeks ?? 6 }));
  const agencies = new Map(made.map(({ agency }) => [agency.id, agency]));
  let newest: TrustList = {
    version: 1,
    federationId: fromHex(federationId),
    environment,
    issuedMs: nowMs,
    expiresMs: nowMs + 90 * dayMs,
    agencies: made.map(({ member }) => member),
    minimum: { schemas: {}, suites: [1] },
    partitions: partitionsOf(made.map(({ agency }) => agency.id)),
  };
  const trustList = newest;
  const list = signTrustList(createTrustList(newest), authorities);
  let newestBytes = list;
  return {
    firstRoot,
    federationId: fromHex(federationId),
    federationIdHex: federationId,
    environment,
    nowMs,
    authorities,
    list,
    trustList,
    agencies,
    agency(id) {
      const found = agencies.get(agencyId(id));
      if (found === undefined) throw new TypeError(`no agency \`${id}\` in this federation`);
      return found;
    },
    signList(changes = {}) {
      newest = nextTrustList(newest, {
        issuedMs: nowMs,
        expiresMs: nowMs + 90 * dayMs,
        ...changes,
      });
      newestBytes = signTrustList(createTrustList(newest), authorities);
      return newestBytes;
    },
    book(options = {}) {
      const versions = options.versions ?? createMemoryVersions();
      const pin = { firstRoot, pinnedFederationId: federationId, versions };
      if (!isPinned(versions)) pinTrust(pin);
      const clock = options.clock ?? fixedClock(nowMs);
      const book = createTrustBook({ ...pin, clock, log: options.log ?? silentLog });
      if (options.empty === true) return book;
      book.applyList(newestBytes);
      for (const agency of agencies.values()) book.applyStatement(agency.id, agency.statement);
      return book;
    },
  };
}

/** A clock that stands still; `after` never runs. */
export function fixedClock(nowMs: number): Clock {
  return { nowMs: () => nowMs, after: () => () => {} };
}

/** A certificate of the test PKI by its file name, or a new self-signed one for an agency that has none there. */
export function readPki(name: string): { certPem: string; keyPem: string } {
  const path = (end: string) => join(import.meta.dirname, 'pki', `${name}.${end}.pem`);
  if (existsSync(path('cert'))) {
    return { certPem: readFileSync(path('cert'), 'utf8'), keyPem: readFileSync(path('key'), 'utf8') };
  }
  return selfSigned(name);
}

function selfSigned(name: string): { certPem: string; keyPem: string } {
  const directory = mkdtempSync(join(tmpdir(), 'comity-pki-'));
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  const facts = [
    '-subj',
    `/O=Comity development/CN=${name}`,
    '-days',
    '36500',
    '-addext',
    'basicConstraints=critical,CA:FALSE',
  ];
  try {
    execFileSync('openssl', ['req', '-x509', '-nodes', ...curve, '-keyout', key, '-out', cert, ...facts], {
      stdio: 'ignore',
    });
    return { certPem: readFileSync(cert, 'utf8'), keyPem: readFileSync(key, 'utf8') };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function makeAgency(
  spec: AgencySpec,
  o: Readonly<{ nowMs: number; federationId: string; random: Random; weeks: number }>,
): { agency: AgencyFixture; member: Membership } {
  const id = agencyId(spec.id);
  const { certPem, keyPem } = readPki(id);
  const certificateKey = createPrivateKey(keyPem);
  // Said before a state that the agency fell into: what it says afterwards would not count.
  const wantedMs = Math.min(o.nowMs, ...(spec.states ?? []).map(({ fromMs }) => fromMs - dayMs));
  // A certificate that was just made may begin a second after `nowMs` was read, within the skew accepted.
  const validFromMs = Date.parse(new X509Certificate(certPem).validFrom);
  const issuedMs =
    validFromMs - wantedMs < limits.clockSkewMsMax ? Math.max(wantedMs, validFromMs) : wantedMs;
  const keys = generateMessageKeys({ fromMs: issuedMs, weeks: o.weeks, random: o.random });
  const messageKeys = createMessageKeys(keys);
  const nats = nkeys.createUser();
  const windows = messageKeys.publicWindows();
  const content: StatementContent = {
    agency: id,
    federationId: o.federationId,
    version: 1,
    issuedMs,
    signingKeys: windows.signing,
    sealingKeys: windows.sealing,
    officers: [],
    natsUserKey: nats.getPublicKey(),
    schemas: {},
    suites: [1],
    directory: directoryOf(id),
  };
  const certificate = certificateDigest(certificateDer(certPem));
  const statement = issueStatement({ content, certificateKey, certificatePem: certPem });
  const agency: AgencyFixture = {
    id,
    certPem,
    keyPem,
    certificateKey,
    certificateDigest: certificate,
    keys,
    messageKeys,
    statement,
    natsSeed: Buffer.from(nats.getSeed()).toString('ascii'),
    natsUserKey: nats.getPublicKey(),
    nextStatement(changes = {}) {
      const { certPem: pem = certPem, keyPem: key = keyPem, ...rest } = changes;
      const before = parseStatement(statement);
      const next = { ...content, version: 2, ...rest };
      const merged = {
        ...next,
        signingKeys: mergeWindows(before.signingKeys, next.signingKeys),
        sealingKeys: mergeWindows(before.sealingKeys, next.sealingKeys),
      };
      return issueStatement({ content: merged, certificateKey: createPrivateKey(key), certificatePem: pem });
    },
  };
  return { agency, member: memberOf(spec, { certificate, nowMs: o.nowMs }) };
}

function memberOf(spec: AgencySpec, o: Readonly<{ certificate: string; nowMs: number }>): Membership {
  const drafted = kinds.filter((kind) => !kindsAlwaysGranted.includes(kind));
  const role = nameOf(agencyId(spec.id));
  return {
    agency: agencyId(spec.id),
    names: { en: spec.id },
    roles: spec.roles ?? [
      ['customs', 'police', 'heritage', 'liaison'].find((known) => role.startsWith(known)) ?? 'police',
    ],
    publishes: spec.publishes ?? drafted,
    receives: spec.receives ?? drafted,
    certificates: [o.certificate],
    status: [{ state: 'active', fromMs: o.nowMs - 30 * dayMs }, ...(spec.states ?? [])],
  };
}

function directoryOf(id: AgencyId): StatementContent['directory'] {
  return {
    names: { en: id },
    desks: [{ id: 'duty', names: { en: 'Duty desk' } }],
    duty: { phone: '+30 210 000 0000', hours: 'at all times' },
    timeZone: 'Europe/Athens',
    languages: ['en'],
    requestTypes: [],
    sizeLimits: { attachmentBytesMax: 100 * limits.requestBodyBytesMax },
  };
}

function partitionsOf(ids: readonly AgencyId[]): Record<string, string[]> {
  return { main: [...new Set(ids.map(jurisdictionOf))] };
}
