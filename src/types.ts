/** The shared vocabulary: what an agency, a lane and a kind are called. */
import { ComityError } from './errors.ts';

/** `<jurisdiction>.<name>`, for example `gr.customs`. */
export type AgencyId = string & { readonly __agency: never };

export const lanes = ['now', 'day', 'bulk'] as const;
/** now: act at once; day: the usual; bulk: imports, never notifies by itself. */
export type Lane = (typeof lanes)[number];

export const kinds = [
  'seizure',
  'red-flag',
  'object',
  'shipment',
  'request',
  'response',
  'note',
  'receipt',
  'control',
  'blob',
] as const;
/** The kind token of a subject. */
export type Kind = (typeof kinds)[number];

/** Kinds that every agency may publish and receive, whatever the trust list grants. */
export const kindsAlwaysGranted: readonly Kind[] = ['receipt', 'control', 'response', 'note', 'blob'];

/** Kinds that gateways send of themselves; no officer drafts them. */
export const kindsOfGateways: readonly Kind[] = ['receipt', 'control', 'blob'];

/** The data category of a section; declared in the proto files. */
export const categories = [
  'COVER',
  'SITUATION',
  'GOODS',
  'OBJECT',
  'ROUTE',
  'CONVEYANCE',
  'PERSON',
  'VICTIM',
  'SOURCE',
  'NARRATIVE',
  'EVIDENCE',
  'LEGAL',
  'GATEWAY',
] as const;
export type Category = (typeof categories)[number];

const agencyPattern = /^[a-z]{2}\.[a-z][a-z0-9-]{0,30}$/;
/** Destination tokens that no agency may take: reserved for task forces and the mailbox marker. */
const namesReserved = new Set(['group']);

export function isAgencyId(text: string): text is AgencyId {
  return agencyPattern.test(text) && !namesReserved.has(text.slice(3));
}

export function agencyId(text: string): AgencyId {
  if (!isAgencyId(text)) {
    throw new ComityError(
      'REQUEST_INVALID',
      `\`${text}\` is not an agency: expected a jurisdiction and a name such as gr.customs`,
    );
  }
  return text;
}

export function jurisdictionOf(agency: AgencyId): string {
  return agency.slice(0, 2);
}

export function nameOf(agency: AgencyId): string {
  return agency.slice(3);
}

export function isLane(text: string): text is Lane {
  return (lanes as readonly string[]).includes(text);
}

export function isKind(text: string): text is Kind {
  return (kinds as readonly string[]).includes(text);
}
