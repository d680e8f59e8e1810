/**
 * What the hub holds, derived from a plain description of the federation: accounts, streams and
 * durables (docs/wire.md, The hub). Pure: the configuration, provisioning, the gateways and the
 * tests all read the same derivation.
 */
import { ComityError } from '../errors.ts';
import { limits } from '../limits.ts';
import { beatSubject, parseSubject, statementSubject, trustSubject } from '../subjects.ts';
import {
  type AgencyId,
  jurisdictionOf,
  type Kind,
  kinds,
  kindsAlwaysGranted,
  type Lane,
  lanes,
  nameOf,
} from '../types.ts';
import type { DurableName } from './port.ts';

export type AgencyPlan = Readonly<{
  agency: AgencyId;
  publishes: readonly Kind[];
  receives: readonly Kind[];
  /** Public NATS user keys (`U…`): the current one, and the one before for `limits.natsKeyOverlapMs`. */
  natsUserKeys: readonly string[];
  status: 'active' | 'suspended' | 'revoked';
  /** Over its quota: everything but its statement is withdrawn until the hub's operator relents. */
  overQuota?: boolean;
}>;

export type HubPlan = Readonly<{
  agencies: readonly AgencyPlan[];
  /** Partition to jurisdictions, as the trust list cuts them. Jurisdictions it leaves out get their own. */
  partitions?: Readonly<Record<string, readonly string[]>>;
}>;

/** A service that HUB exports to one agency's account: the subject at the hub and inside the account. */
export type Service = Readonly<{ subject: string; local: string; streams: boolean }>;
export type AccountPlan = Readonly<{
  agency: AgencyId;
  name: string;
  natsUserKeys: readonly string[];
  services: readonly Service[];
}>;
export type StreamPlan = Readonly<{
  name: string;
  form: 'all' | 'mailbox' | 'blob' | 'directory';
  subjects: readonly string[];
}>;
export type ConsumerPlan = DurableName & Readonly<{ agency: AgencyId; filters: readonly string[] }>;
export type HubLayout = Readonly<{
  accounts: readonly AccountPlan[];
  streams: readonly StreamPlan[];
  consumers: readonly ConsumerPlan[];
}>;

/** `$JS.API` inside an account means its own JetStream, so the hub's is imported under this name. */
export const apiPrefix = 'JS.hub';
export const directoryStream = 'DIRECTORY';

const kindsInStreams = kinds.filter((kind) => kind !== 'blob');
const partitionPattern = /^[a-z][a-z0-9-]{0,30}$/;

/** Throws CONFIG_INVALID for partitions that overlap or have unusable names. */
export function hubLayout(plan: HubPlan): HubLayout {
  const partitions = partitionsOf(plan);
  const present = plan.agencies.filter((agency) => agency.status !== 'revoked');
  return {
    accounts: plan.agencies.filter((agency) => agency.status === 'active').map(accountOf),
    // A mailbox stays until its content has aged out, whatever becomes of its owner.
    streams: [...partitionStreams(partitions), ...plan.agencies.map(mailboxOf), directory],
    consumers: present.flatMap((agency) => consumersOf(agency, partitions)),
  };
}

/** The stream that holds a subject; undefined where it is none of ours. */
export function streamOf(subject: string, plan: HubPlan): string | undefined {
  const parsed = parseSubject(subject);
  if (parsed === undefined) return undefined;
  if (parsed.form !== 'message') return directoryStream;
  if (parsed.kind !== 'blob' && parsed.to !== undefined) return mailboxName(parsed.to);
  const jurisdiction = jurisdictionOf(parsed.sender);
  for (const [name, jurisdictions] of partitionsOf(plan)) {
    if (jurisdictions.includes(jurisdiction)) return `${parsed.kind === 'blob' ? 'BLOB' : 'ALL'}_${name}`;
  }
  return undefined;
}

/** The durables that one agency's gateway follows. */
export function durablesOf(agency: AgencyId, plan: HubPlan): DurableName[] {
  const found = plan.agencies.find((candidate) => candidate.agency === agency);
  if (found === undefined || found.status === 'revoked') return [];
  return consumersOf(found, partitionsOf(plan)).map(({ stream, durable, lane }) => ({
    stream,
    durable,
    lane,
  }));
}

export function accountName(agency: AgencyId): string {
  return `A_${underscored(agency)}`;
}

/** `<jurisdiction>_<agency>_<lane>`: one name on every stream, so that one grant covers them all. */
export function durableName(agency: AgencyId, lane: DurableName['lane']): string {
  return `${underscored(agency)}_${lane}`;
}

export function mailboxName(agency: AgencyId): string {
  return `TO_${underscored(agency)}`;
}

/** Every partition with its jurisdictions, both sorted. */
export function partitionsOf(plan: HubPlan): [string, readonly string[]][] {
  const present = new Set(plan.agencies.map(({ agency }) => jurisdictionOf(agency)));
  const named = Object.entries(plan.partitions ?? {}).map(
    ([name, jurisdictions]): [string, readonly string[]] => [name, [...jurisdictions].sort()],
  );
  const taken = new Set<string>();
  for (const [name, jurisdictions] of named) checkPartition(name, jurisdictions, taken);
  const rest = [...present].filter((jurisdiction) => !taken.has(jurisdiction)).sort();
  const own = named.length > 0 ? rest.map(alone) : defaultPartitions(rest, plan.agencies.length);
  const all = [...named, ...own].sort(([a], [b]) => (a < b ? -1 : 1));
  if (new Set(all.map(([name]) => name)).size === all.length) return all;
  throw new ComityError('CONFIG_INVALID', 'a partition has the name of a jurisdiction that is not in it');
}

function checkPartition(name: string, jurisdictions: readonly string[], taken: Set<string>): void {
  if (!partitionPattern.test(name)) {
    throw new ComityError('CONFIG_INVALID', `\`${name}\` cannot name a partition`);
  }
  for (const jurisdiction of jurisdictions) {
    if (taken.has(jurisdiction)) {
      throw new ComityError('CONFIG_INVALID', `\`${jurisdiction}\` is in more than one partition`);
    }
    taken.add(jurisdiction);
  }
}

/** One a jurisdiction where that keeps the hub under its consumers, else as many as do. */
function defaultPartitions(jurisdictions: readonly string[], agencies: number): [string, string[]][] {
  const most = Math.floor((limits.hubConsumersMax / Math.max(agencies, 1) - consumersFixed) / consumersEach);
  if (jurisdictions.length <= most) return jurisdictions.map(alone);
  const count = Math.max(most, 1);
  const bins = Array.from({ length: count }, (_, index): [string, string[]] => [`p${index + 1}`, []]);
  // By name and not by rank: a newcomer moves nobody else.
  for (const jurisdiction of jurisdictions) bins[numberOf(jurisdiction) % count]?.[1].push(jurisdiction);
  return bins.filter(([, members]) => members.length > 0);
}

const consumersFixed = lanes.length + 1;
const consumersEach = lanes.length + 1;

function alone(jurisdiction: string): [string, string[]] {
  return [jurisdiction, [jurisdiction]];
}

function numberOf(jurisdiction: string): number {
  return (jurisdiction.charCodeAt(0) - 97) * 26 + jurisdiction.charCodeAt(1) - 97;
}

function partitionStreams(partitions: readonly [string, readonly string[]][]): StreamPlan[] {
  return partitions.flatMap(([name, jurisdictions]): StreamPlan[] => [
    {
      name: `ALL_${name}`,
      form: 'all',
      subjects: jurisdictions.flatMap((j) => kindsInStreams.map((kind) => `comity.${j}.*.all.*.${kind}`)),
    },
    {
      name: `BLOB_${name}`,
      form: 'blob',
      subjects: jurisdictions.flatMap((j) => [`comity.${j}.*.all.*.blob`, `comity.${j}.*.to.*.*.*.blob`]),
    },
  ]);
}

function mailboxOf({ agency }: AgencyPlan): StreamPlan {
  return {
    name: mailboxName(agency),
    form: 'mailbox',
    subjects: kindsInStreams.map((kind) => `comity.*.*.to.${agency}.*.${kind}`),
  };
}

const directory: StreamPlan = Object.freeze({
  name: directoryStream,
  form: 'directory',
  subjects: [trustSubject, 'comity.*.*.statement', 'comity.*.*.beat.*'],
});

function consumersOf(plan: AgencyPlan, partitions: readonly [string, readonly string[]][]): ConsumerPlan[] {
  const { agency } = plan;
  const taken = kindsInStreams.filter((kind) => granted(plan.receives).has(kind));
  const consumer = (stream: string, lane: DurableName['lane'], filters: string[]): ConsumerPlan => ({
    agency,
    stream,
    lane,
    durable: durableName(agency, lane),
    filters,
  });
  const each = (lane: Lane, head: string) => taken.map((kind) => `${head}.${lane}.${kind}`);
  return [
    ...lanes.map((lane) => consumer(mailboxName(agency), lane, each(lane, `comity.*.*.to.${agency}`))),
    ...partitions.flatMap(([name, jurisdictions]) => [
      ...lanes.map((lane) =>
        consumer(
          `ALL_${name}`,
          lane,
          jurisdictions.flatMap((j) => each(lane, `comity.${j}.*.all`)),
        ),
      ),
      consumer(
        `BLOB_${name}`,
        'blob',
        jurisdictions.flatMap((j) => [`comity.${j}.*.all.*.blob`, `comity.${j}.*.to.${agency}.*.blob`]),
      ),
    ]),
    consumer(directoryStream, 'directory', ['comity.>']),
  ];
}

function accountOf(plan: AgencyPlan): AccountPlan {
  const { agency, natsUserKeys } = plan;
  const same = (subject: string): Service => ({ subject, local: subject, streams: false });
  const api = (call: string, streams = false): Service => ({
    subject: `$JS.API.${call}`,
    local: `${apiPrefix}.${call}`,
    streams,
  });
  const durables = [...lanes, 'blob', 'directory'] as const;
  return {
    agency,
    name: accountName(agency),
    natsUserKeys,
    services: [
      ...publishSubjects(plan).map(same),
      ...durables.flatMap((lane) => {
        const durable = durableName(agency, lane);
        return [
          api(`CONSUMER.MSG.NEXT.*.${durable}`, true),
          api(`CONSUMER.INFO.*.${durable}`),
          same(`$JS.ACK.*.${durable}.>`),
          same(`$JS.ACK.${ackDomain}.*.*.${durable}.>`),
        ];
      }),
      api(`DIRECT.GET.*.comity.${agency}.>`),
    ],
  };
}

/**
 * The first token of the longer form of an acknowledgement, literally. A wildcard there would also
 * match the shorter form, `$JS.ACK.<stream>.<consumer>.<delivered>.<sequence>…`, with another
 * agency's stream and consumer; no stream has this name.
 */
const ackDomain = '_';

function publishSubjects(plan: AgencyPlan): string[] {
  const { agency } = plan;
  if (plan.overQuota === true) return [statementSubject(agency)];
  const publishes = [...granted(plan.publishes)];
  return [
    ...lanes.flatMap((lane) =>
      publishes.flatMap((kind) => [
        `comity.${agency}.all.${lane}.${kind}`,
        `comity.${agency}.to.*.*.${lane}.${kind}`,
      ]),
    ),
    ...publishes.map((kind) => beatSubject(agency, kind)),
    statementSubject(agency),
  ];
}

function granted(listed: readonly Kind[]): Set<Kind> {
  return new Set([...listed, ...kindsAlwaysGranted]);
}

function underscored(agency: AgencyId): string {
  return `${jurisdictionOf(agency)}_${nameOf(agency)}`;
}
