/** Zod schemas for single values, derived from a field's type and rules. Each gives at most one problem a value. */
import { type DescEnum, ScalarType } from '@bufbuild/protobuf';
import * as z from 'zod';
import type { Rules } from './options.ts';

/** A check's sentence, or undefined where the value is fine. */
type Check<T> = (value: T) => string | undefined;

const integerRanges = new Map<ScalarType, readonly [number, number]>([
  [ScalarType.UINT32, [0, 0xffff_ffff]],
  [ScalarType.FIXED32, [0, 0xffff_ffff]],
  [ScalarType.INT32, [-0x8000_0000, 0x7fff_ffff]],
  [ScalarType.SINT32, [-0x8000_0000, 0x7fff_ffff]],
  [ScalarType.SFIXED32, [-0x8000_0000, 0x7fff_ffff]],
]);

const longRanges = new Map<ScalarType, readonly [bigint, bigint]>([
  [ScalarType.UINT64, [0n, 2n ** 64n - 1n]],
  [ScalarType.FIXED64, [0n, 2n ** 64n - 1n]],
  [ScalarType.INT64, [-(2n ** 63n), 2n ** 63n - 1n]],
  [ScalarType.SINT64, [-(2n ** 63n), 2n ** 63n - 1n]],
  [ScalarType.SFIXED64, [-(2n ** 63n), 2n ** 63n - 1n]],
]);

/** Says what is expected, or that a value must be given. */
export function expecting(what: string): { error: (issue: { input?: unknown }) => string } {
  return { error: ({ input }) => (input === undefined ? 'must be given' : `must be ${what}`) };
}

export function deriveScalar(type: ScalarType, rules: Rules): z.ZodType {
  if (type === ScalarType.STRING) return deriveString(rules);
  if (type === ScalarType.BYTES) return deriveBytes(rules);
  if (type === ScalarType.BOOL) return z.boolean(expecting('true or false'));
  const integers = integerRanges.get(type);
  if (integers !== undefined) return deriveInteger(integers, rules);
  const longs = longRanges.get(type);
  if (longs !== undefined) return deriveLong(longs);
  throw new TypeError(`no validator for ${ScalarType[type]}: decimals are strings`);
}

/** The names of an enum but its zero value, which says nothing that leaving the field out does not. */
export function deriveEnum(desc: DescEnum): z.ZodType {
  const names = desc.values.filter(({ number }) => number !== 0).map(({ name }) => name);
  return z.enum(names, expecting(`one of ${names.map((name) => `\`${name}\``).join(', ')}`));
}

/** ProtoJSON of google.protobuf.Timestamp. */
export function deriveTimestamp(): z.ZodType {
  const form = '\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,9})?(Z|[+-]\\d{2}:\\d{2})';
  const what = 'a time with its offset (RFC 3339), such as 2026-03-14T06:40:00Z';
  const matches = new RegExp(`^${form}$`);
  return text(what, (value) => (matches.test(value) && isRealTime(value) ? undefined : `must be ${what}`), {
    format: 'date-time',
  });
}

/** False for the 30th of February, which Date rolls over, and for a time that is none. */
export function isRealTime(value: string): boolean {
  const [year = 0, month = 1, day = 1] = value.slice(0, 10).split('-').map(Number);
  const date = new Date(Date.UTC(2000, 0, 1));
  date.setUTCFullYear(year, month - 1, day);
  const real = year > 0 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return real && (value.length <= 10 || !Number.isNaN(Date.parse(value)));
}

function deriveString(rules: Rules): z.ZodType {
  const { minLength, maxLength, pattern, patternName, date } = rules;
  const matches = pattern === '' ? undefined : new RegExp(`^(?:${pattern})$`, 'u');
  const least = Math.max(1, minLength);
  const check: Check<string> = (value) => {
    if (value === '') return 'is empty; leave it out or give it';
    if (!value.isWellFormed() || /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufeff]/.test(value)) {
      return 'has characters that no text may have: controls, lone surrogates or a byte order mark';
    }
    if ([...value.slice(0, 2 * least)].length < least) return `must have at least ${least} characters`;
    if (maxLength > 0 && value.length > maxLength && [...value].length > maxLength) {
      return `must have at most ${maxLength} characters`;
    }
    if (matches?.test(value) === false) return `must be ${patternName || `of the form ${pattern}`}`;
    if (date && !isRealTime(value)) return 'must be a date that the calendar has';
    return undefined;
  };
  return text('text', check, {
    minLength: least,
    ...(maxLength > 0 ? { maxLength } : {}),
    ...(matches === undefined ? {} : { pattern: matches.source }),
  });
}

function deriveBytes({ minLength, maxLength }: Rules): z.ZodType {
  const check: Check<string> = (value) => {
    const bytes = Buffer.from(value, 'base64');
    if (value === '') return 'is empty; leave it out or give it';
    if (bytes.toString('base64') !== value) return 'must be base64 (with padding)';
    if (bytes.length < minLength) return `must have at least ${minLength} bytes`;
    if (maxLength > 0 && bytes.length > maxLength) return `must have at most ${maxLength} bytes`;
    return undefined;
  };
  return text('base64', check, {
    contentEncoding: 'base64',
    ...(maxLength > 0 ? { maxLength: Math.ceil(maxLength / 3) * 4 } : {}),
  });
}

function deriveInteger([lowest, highest]: readonly [number, number], rules: Rules): z.ZodType {
  const least = Math.max(lowest, rules.minimum ?? lowest);
  const most = Math.min(highest, rules.maximum ?? highest);
  const what = `a whole number from ${least} to ${most}`;
  return z
    .int(expecting(what))
    .min(least, { error: `must be ${what}` })
    .max(most, { error: `must be ${what}` });
}

function deriveLong([least, most]: readonly [bigint, bigint]): z.ZodType {
  const what = `a whole number from ${least} to ${most}, written as a string`;
  const check: Check<string> = (value) => {
    const inRange = /^(0|-?[1-9][0-9]{0,19})$/.test(value) && BigInt(value) >= least && BigInt(value) <= most;
    return inRange ? undefined : `must be ${what}`;
  };
  return text(what, check, { pattern: '^(0|-?[1-9][0-9]{0,19})$' });
}

function text(what: string, check: Check<string>, meta: Record<string, unknown>): z.ZodType {
  return z
    .string(expecting(what))
    .check((context) => {
      const message = check(context.value);
      if (message !== undefined) {
        context.issues.push({ code: 'custom', input: context.value, message, continue: true });
      }
    })
    .meta(meta);
}
