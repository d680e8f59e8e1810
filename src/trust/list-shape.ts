/** The closed shape of a trust list's payload. */
import { z } from 'zod';
import {
  agencyShape,
  instantShape,
  namesShape,
  sha256HexShape,
  tokenShape,
  versionShape,
} from '../keys/index.ts';
import { limits } from '../limits.ts';
import { kinds } from '../types.ts';

const kindsShape = z.array(z.enum(kinds)).max(kinds.length);

const membershipShape = z.strictObject({
  agency: agencyShape,
  names: namesShape.default({}),
  roles: z.array(tokenShape).min(1).max(16),
  publishes: kindsShape,
  receives: kindsShape,
  certificates: z.array(sha256HexShape).max(16),
  status: z
    .array(z.strictObject({ state: z.enum(['active', 'suspended', 'revoked']), from: instantShape }))
    .min(1)
    .max(256),
});

const jurisdictionShape = z.string().regex(/^[a-z]{2}$/, 'expected a jurisdiction such as gr');

export const listPayloadShape = z.strictObject({
  version: versionShape,
  federation: sha256HexShape,
  environment: tokenShape,
  issued: instantShape,
  expires: instantShape,
  agencies: z.array(membershipShape).max(limits.agenciesMax),
  minimum: z.strictObject({
    schemas: z.record(z.string().max(200), versionShape),
    suites: z.array(z.int().min(1).max(255)).min(1).max(16),
  }),
  partitions: z.record(tokenShape, z.array(jurisdictionShape).max(1024)),
});

export type ListPayload = z.output<typeof listPayloadShape>;
