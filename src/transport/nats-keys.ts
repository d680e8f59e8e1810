/** NATS user keys: what a gateway, the hub and its operator prove themselves to the server with. */
import { nkeys } from '@nats-io/transport-node';
import { utf8, utf8Text } from '../bytes.ts';
import { ComityError } from '../errors.ts';

export type NatsUserKey = Readonly<{ /** `SU…`, secret. */ seed: string /** `U…` */; publicKey: string }>;

export function createNatsUserKey(): NatsUserKey {
  const pair = nkeys.createUser();
  return { seed: utf8Text(pair.getSeed()), publicKey: pair.getPublicKey() };
}

/** Throws KEY_FILE_INVALID where the text is not the seed of a user key. */
export function publicKeyOfSeed(seed: string): string {
  if (seed.startsWith('SU')) {
    try {
      return nkeys.fromSeed(utf8(seed)).getPublicKey();
    } catch (cause) {
      throw new ComityError('KEY_FILE_INVALID', 'the NATS user seed does not decode', { cause });
    }
  }
  throw new ComityError('KEY_FILE_INVALID', 'the NATS user seed does not begin with `SU`');
}

/** Whether the text is a user's public key, its checksum included. */
export function isNatsUserKey(text: string): boolean {
  if (!/^U[A-Z2-7]{55}$/.test(text)) return false;
  try {
    // The server refuses a whole configuration for one checksum that is wrong.
    nkeys.fromPublic(text);
    return true;
  } catch {
    return false;
  }
}
