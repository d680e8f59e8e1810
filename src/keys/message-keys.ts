/** The private message keys of one gateway: one signing and one sealing key a week. */
import { createECDH, createPrivateKey, type KeyObject } from 'node:crypto';
import { base64url } from '../bytes.ts';
import type { Random } from '../ids.ts';
import { limits } from '../limits.ts';
import type { EcPublicJwk } from './es256.ts';
import { thumbprint } from './es256.ts';
import {
  type PublicWindow,
  type PublicWindows,
  sealingWindowAt,
  windowAt,
  windowStart,
} from './key-windows.ts';

export type KeyUse = 'signing' | 'sealing';

export type MessageKey = PublicWindow & Readonly<{ use: KeyUse; kid: string; privateKey: KeyObject }>;

export interface MessageKeys {
  /** Undefined where no window holds the time: SIGNING_KEY_ENDED is the caller's to say. */
  signingKeyAt(timeMs: number): MessageKey | undefined;
  /** With the grace of `limits.sealingKeyGraceMs` after the last window. */
  sealingKeyAt(
    timeMs: number,
  ): Readonly<{ kid: string; privateKey: KeyObject; publicJwk: EcPublicJwk; grace: boolean }> | undefined;
  /** Also past keys, as long as they are kept. */
  sealingKeyByKid(kid: string): KeyObject | undefined;
  /** End of the last signing window; 0 where there is none. */
  windowEndingMs(): number;
  /** What a statement lists. */
  publicWindows(): PublicWindows;
}

/** Message keys held in memory. */
export function createMessageKeys(keys: readonly MessageKey[]): MessageKeys {
  const ascending = [...keys].sort((a, b) => a.notBeforeMs - b.notBeforeMs);
  const signing = ascending.filter((key) => key.use === 'signing');
  const sealing = ascending.filter((key) => key.use === 'sealing');
  const sealingByKid = new Map(sealing.map((key) => [key.kid, key.privateKey]));
  return Object.freeze({
    signingKeyAt: (timeMs: number) => windowAt(signing, timeMs),
    sealingKeyAt(timeMs: number) {
      const found = sealingWindowAt(sealing, timeMs);
      if (found === undefined) return undefined;
      const { kid, privateKey, jwk } = found.key;
      return { kid, privateKey, publicJwk: jwk, grace: found.grace };
    },
    sealingKeyByKid: (kid: string) => sealingByKid.get(kid),
    windowEndingMs: () => signing.at(-1)?.notAfterMs ?? 0,
    publicWindows: () => ({ signing: signing.map(publicWindow), sealing: sealing.map(publicWindow) }),
  });
}

/** Draws one signing and one sealing key for each of `weeks` windows, the first holding `fromMs`. */
export function generateMessageKeys(
  o: Readonly<{ fromMs: number; weeks: number; random: Random }>,
): MessageKey[] {
  return windowsFrom(o.fromMs, o.weeks).flatMap((window) => [
    generateMessageKey('signing', window, o.random),
    generateMessageKey('sealing', window, o.random),
  ]);
}

export function generateMessageKey(
  use: KeyUse,
  window: Readonly<{ notBeforeMs: number; notAfterMs: number }>,
  random: Random,
): MessageKey {
  const { privateKey, jwk } = generateEcKey(random);
  return Object.freeze({ use, kid: thumbprint(jwk), jwk, privateKey, ...window });
}

/** Windows that a ceremony covers: the one that holds `fromMs` and at most `limits.keyWindowsAheadMax` ahead. */
export function windowsFrom(fromMs: number, weeks: number): { notBeforeMs: number; notAfterMs: number }[] {
  if (!Number.isInteger(weeks) || weeks < 1 || weeks > limits.keyWindowsAheadMax + 1) {
    throw new TypeError(`weeks is 1 to ${limits.keyWindowsAheadMax + 1}`);
  }
  const start = windowStart(fromMs);
  return Array.from({ length: weeks }, (_, week) => ({
    notBeforeMs: start + week * limits.keyWindowMs,
    notAfterMs: start + (week + 1) * limits.keyWindowMs,
  }));
}

/** A P-256 key from the given randomness: `random` must be cryptographic outside of tests. */
export function generateEcKey(random: Random): { privateKey: KeyObject; jwk: EcPublicJwk } {
  const ecdh = createECDH('prime256v1');
  for (;;) {
    const d = random.bytes(32);
    try {
      ecdh.setPrivateKey(d);
    } catch {
      continue; // zero or not below the group order: draw again (FIPS 186-5 A.2.2)
    }
    const point = Uint8Array.from(ecdh.getPublicKey());
    const jwk: EcPublicJwk = {
      kty: 'EC',
      crv: 'P-256',
      x: base64url(point.subarray(1, 33)),
      y: base64url(point.subarray(33)),
    };
    return { privateKey: createPrivateKey({ key: { ...jwk, d: base64url(d) }, format: 'jwk' }), jwk };
  }
}

function publicWindow({ jwk, notBeforeMs, notAfterMs }: MessageKey): PublicWindow {
  return { jwk, notBeforeMs, notAfterMs };
}
