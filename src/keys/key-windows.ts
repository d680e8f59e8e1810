/** Message keys by their windows: which one is in force when. */
import type { KeyObject } from 'node:crypto';
import { limits } from '../limits.ts';
import type { EcPublicJwk } from './es256.ts';

/** A public key in force from `notBeforeMs` to just before `notAfterMs`. */
export type PublicWindow = Readonly<{ jwk: EcPublicJwk; notBeforeMs: number; notAfterMs: number }>;

export type KeyWindow = PublicWindow & Readonly<{ kid: string; publicKey: KeyObject }>;

/** Public windows of one agency, ascending, without overlap. */
export type PublicWindows = Readonly<{
  signing: readonly PublicWindow[];
  sealing: readonly PublicWindow[];
}>;

type Window = Readonly<{ notBeforeMs: number; notAfterMs: number }>;

/** Windows start at multiples of `limits.keyWindowMs` since 1970. */
export function windowStart(timeMs: number): number {
  return timeMs - (timeMs % limits.keyWindowMs);
}

/** The window that holds the time. The end is outside. */
export function windowAt<T extends Window>(windows: readonly T[], timeMs: number): T | undefined {
  return windows.findLast((window) => window.notBeforeMs <= timeMs && timeMs < window.notAfterMs);
}

/**
 * The sealing key for the time; after the last listed window the last key serves for
 * `limits.sealingKeyGraceMs` more, and `grace` says so. Signing has no such grace.
 */
export function sealingWindowAt<T extends Window>(
  windows: readonly T[],
  timeMs: number,
): Readonly<{ key: T; grace: boolean }> | undefined {
  const key = windowAt(windows, timeMs);
  if (key !== undefined) return { key, grace: false };
  const last = windows.at(-1);
  if (last === undefined || timeMs < last.notAfterMs) return undefined;
  return timeMs < last.notAfterMs + limits.sealingKeyGraceMs ? { key: last, grace: true } : undefined;
}

/**
 * The windows that a next statement lists: every past one of the previous statement, then the
 * current ones. A key that stands in both is listed as `current` has it.
 */
export function mergeWindows(
  previous: readonly PublicWindow[],
  current: readonly PublicWindow[],
): PublicWindow[] {
  const byPoint = new Map(
    [...previous, ...current].map((window) => [`${window.jwk.x}.${window.jwk.y}`, window]),
  );
  return [...byPoint.values()]
    .map(({ jwk, notBeforeMs, notAfterMs }) => ({ jwk, notBeforeMs, notAfterMs }))
    .sort((a, b) => a.notBeforeMs - b.notBeforeMs);
}
