/** The closed shape of an agency statement's payload. */
import { z } from 'zod';
import { limits } from '../limits.ts';
import {
  agencyShape,
  ecPublicJwkShape,
  instantShape,
  languageShape,
  namesShape,
  sha256HexShape,
  textShape,
  tokenShape,
  versionShape,
} from './shapes.ts';

const windowShape = z.strictObject({ jwk: ecPublicJwkShape, from: instantShape, to: instantShape });

const officerShape = z.strictObject({
  pseudonym: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'expected a pseudonym'),
  desk: tokenShape,
  role: tokenShape,
  jwk: ecPublicJwkShape,
  from: instantShape,
  to: instantShape.optional(),
});

const directoryShape = z.strictObject({
  /** By language. */
  names: namesShape,
  desks: z.array(z.strictObject({ id: tokenShape, names: namesShape })).max(64),
  duty: z.strictObject({ phone: textShape(64), hours: textShape(200) }).optional(),
  /** IANA name. */
  timeZone: z
    .string()
    .regex(/^[A-Za-z]+(\/[A-Za-z0-9_+-]+){0,2}$/, 'expected a time zone such as Europe/Athens'),
  languages: z.array(languageShape).max(64),
  /** Types of assistance request that the agency takes. */
  requestTypes: z.array(textShape(64)).max(64),
  sizeLimits: z.strictObject({
    attachmentBytesMax: z.int().min(0).optional(),
    messagesPerDayMax: z.int().min(0).optional(),
  }),
});

const schemaNameShape = z
  .string()
  .regex(/^[a-z][a-z0-9_.]*\.v[0-9]+\.[A-Z][A-Za-z0-9]*$/, 'expected a schema name');

export const statementPayloadShape = z.strictObject({
  agency: agencyShape,
  federation: sha256HexShape,
  version: versionShape,
  issued: instantShape,
  /** Base64 of the DER: the certificate travels with what it signed, the trust list pins its digest. */
  certificate: z.string().max(2 * limits.certificateBytesMax),
  signing: z.array(windowShape).min(1),
  sealing: z.array(windowShape).min(1),
  officers: z.array(officerShape).max(limits.officersListedMax),
  nats: z.string().regex(/^U[A-Z2-7]{55}$/, 'expected a NATS user key'),
  schemas: z.record(schemaNameShape, z.array(versionShape).min(1).max(16)),
  suites: z.array(z.int().min(1).max(255)).min(1).max(16),
  directory: directoryShape,
});

export type StatementPayload = z.output<typeof statementPayloadShape>;
export type ListedOfficer = StatementPayload['officers'][number];
export type Directory = Readonly<StatementPayload['directory']>;
