/** The keys that this gateway shares with one peer, derived once for each pair of sealing keys. */
import { ComityError } from '../errors.ts';
import { type KeyWindow, keyId, type MessageKeys, pairwiseKey, type SealKey } from '../keys/index.ts';
import { limits } from '../limits.ts';
import type { TrustBook } from '../trust/index.ts';
import type { AgencyId } from '../types.ts';

export interface PairKeys {
  /** For what we send to the peer at `atMs`. Errors: RECIPIENT_UNKNOWN, SIGNING_KEY_ENDED. */
  to(peer: AgencyId, atMs: number): SealKey;
  /** For what the peer sealed to us at `atMs`, by the keys whose windows hold that time. */
  fromAt(peer: AgencyId, atMs: number): Uint8Array | undefined;
  /** For a part that names both keys; undefined where it is not ours or the peer's key is not known. */
  fromNamed(
    peer: AgencyId,
    named: Readonly<{ senderKid: string; recipientKid: string }>,
  ): Uint8Array | undefined;
  /** Whether we ever held the sealing key of this id. */
  isOurs(kid: string): boolean;
}

export function createPairKeys(trust: TrustBook, keys: MessageKeys): PairKeys {
  const remembered = new Map<string, SealKey>();
  const remember = (name: string, derive: () => SealKey): SealKey => {
    const known = remembered.get(name);
    if (known !== undefined) return known;
    if (remembered.size >= limits.audienceMembersMax * 4) remembered.clear();
    const fresh = derive();
    remembered.set(name, fresh);
    return fresh;
  };
  const derive = (
    ownPrivate: Parameters<typeof pairwiseKey>[0]['ownPrivate'],
    peer: KeyWindow,
    pair: NonNullable<SealKey['pair']>,
  ): SealKey =>
    remember(`${pair.senderKid} ${pair.recipientKid}`, () => {
      const key = pairwiseKey({
        ownPrivate,
        peerPublic: peer.publicKey,
        federationId: trust.federationId,
        ...pair,
      });
      return { id: keyId(key), key, pair };
    });
  const sealingKeyOf = (peer: AgencyId, kid: string): KeyWindow | undefined =>
    trust.statement(peer)?.sealingKeys.find((window) => window.kid === kid);

  return {
    to(peer, atMs) {
      const theirs = trust.sealingKeyAt(peer, atMs)?.key;
      if (theirs === undefined) throw new ComityError('RECIPIENT_UNKNOWN', `no key of \`${peer}\` is known`);
      const ours = keys.sealingKeyAt(atMs);
      if (ours === undefined) throw new ComityError('SIGNING_KEY_ENDED', 'no sealing key is in force');
      return derive(ours.privateKey, theirs, { senderKid: ours.kid, recipientKid: theirs.kid });
    },
    fromAt(peer, atMs) {
      const theirs = trust.sealingKeyAt(peer, atMs)?.key;
      const ours = keys.sealingKeyAt(atMs);
      if (theirs === undefined || ours === undefined) return undefined;
      return derive(ours.privateKey, theirs, { senderKid: theirs.kid, recipientKid: ours.kid }).key;
    },
    fromNamed(peer, named) {
      const ours = keys.sealingKeyByKid(named.recipientKid);
      const theirs = sealingKeyOf(peer, named.senderKid);
      return ours === undefined || theirs === undefined ? undefined : derive(ours, theirs, named).key;
    },
    isOurs: (kid) => keys.sealingKeyByKid(kid) !== undefined,
  };
}
