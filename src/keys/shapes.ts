/** The pieces that signed JSON documents share: instants, digests, keys. */
import { z } from 'zod';
import { rfc3339 } from '../clock.ts';
import { isAgencyId } from '../types.ts';

const instantPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** RFC 3339 in UTC to the millisecond, in the one spelling that `rfc3339` writes; read as milliseconds. */
export const instantShape = z
  .string()
  .refine(
    (text) => instantPattern.test(text) && isInstant(text),
    'expected an instant such as 2026-01-31T12:00:00.000Z',
  )
  .transform((text) => Date.parse(text));

function isInstant(text: string): boolean {
  const timeMs = Date.parse(text);
  return !Number.isNaN(timeMs) && rfc3339(timeMs) === text;
}

export const versionShape = z.int().min(1);

export const sha256HexShape = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hexadecimal digits');

export const agencyShape = z
  .string()
  .refine((text) => isAgencyId(text), 'expected an agency such as gr.customs')
  .transform((text) => {
    if (!isAgencyId(text)) throw new TypeError('an agency id');
    return text;
  });

const coordinateShape = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'expected 32 bytes in base64url');

/** Whether the point lies on the curve is for `publicKeyOf` to say. */
export const ecPublicJwkShape = z.strictObject({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: coordinateShape,
  y: coordinateShape,
});

/** Words for people: bounded, without control or bidirectional control characters. */
export function textShape(charsMax: number) {
  return z
    .string()
    .min(1)
    .max(charsMax)
    .refine(
      (text) => !/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u.test(text),
      'control characters are refused',
    );
}

/** A short lower-case name: a role, a desk, an environment, a partition. */
export const tokenShape = z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, 'expected a short lower-case name');

/** BCP 47, as far as a federation needs it. */
export const languageShape = z
  .string()
  .regex(/^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$/, 'expected a language tag such as el or sr-Latn');

export const namesShape = z.record(languageShape, textShape(200));
