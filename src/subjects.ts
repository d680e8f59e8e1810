/** NATS subjects, partitioned by jurisdiction (docs/wire.md, Subjects). */
import { type AgencyId, isAgencyId, isKind, isLane, type Kind, type Lane } from './types.ts';

export const trustSubject = 'comity.trust';

/** What a subject says. `to` is absent on a broadcast. */
export type MessageSubject = Readonly<{
  form: 'message';
  sender: AgencyId;
  to?: AgencyId;
  lane: Lane;
  kind: Kind;
}>;
export type BeatSubject = Readonly<{ form: 'beat'; sender: AgencyId; kind: Kind }>;
export type StatementSubject = Readonly<{ form: 'statement'; sender: AgencyId }>;
export type Subject = MessageSubject | BeatSubject | StatementSubject | Readonly<{ form: 'trust' }>;

export function broadcastSubject(sender: AgencyId, lane: Lane, kind: Kind): string {
  return `comity.${sender}.all.${lane}.${kind}`;
}

export function directedSubject(sender: AgencyId, to: AgencyId, lane: Lane, kind: Kind): string {
  return `comity.${sender}.to.${to}.${lane}.${kind}`;
}

export function beatSubject(sender: AgencyId, kind: Kind): string {
  return `comity.${sender}.beat.${kind}`;
}

export function statementSubject(sender: AgencyId): string {
  return `comity.${sender}.statement`;
}

/** Reads a subject; undefined where it is none of ours. */
export function parseSubject(text: string): Subject | undefined {
  if (text === trustSubject) return { form: 'trust' };
  const tokens = text.split('.');
  const sender = `${tokens[1]}.${tokens[2]}`;
  if (tokens[0] !== 'comity' || !isAgencyId(sender)) return undefined;
  const rest = tokens.slice(4);
  if (tokens[3] === 'statement' && rest.length === 0) return { form: 'statement', sender };
  if (tokens[3] === 'beat') return parseBeat(sender, rest);
  if (tokens[3] === 'all') return parseMessage(sender, undefined, rest);
  if (tokens[3] !== 'to') return undefined;
  const to = `${rest[0]}.${rest[1]}`;
  return isAgencyId(to) ? parseMessage(sender, to, rest.slice(2)) : undefined;
}

function parseBeat(sender: AgencyId, rest: readonly string[]): BeatSubject | undefined {
  const [kind = '', ...more] = rest;
  return isKind(kind) && more.length === 0 ? { form: 'beat', sender, kind } : undefined;
}

function parseMessage(
  sender: AgencyId,
  to: AgencyId | undefined,
  rest: readonly string[],
): MessageSubject | undefined {
  const [lane = '', kind = '', ...more] = rest;
  if (!isLane(lane) || !isKind(kind) || more.length > 0) return undefined;
  return { form: 'message', sender, lane, kind, ...(to === undefined ? {} : { to }) };
}
