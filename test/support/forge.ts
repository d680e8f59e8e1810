/** Envelopes as an agency's own keys could make them, honest but for what a test changes. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { create } from '@bufbuild/protobuf';
import {
  assembleEnvelope,
  encodeHeader,
  type HeaderFields,
  type SectionPlain,
  sealSections,
  signBatch,
} from '../../src/envelope/index.ts';
import { CoverSchema } from '../../src/gen/comity/cover/v1/cover_pb.js';
import { systemRandom, uuidV7 } from '../../src/ids.ts';
import { createMessageKeys, keyId, leafDigest, type MessageKey, pairwiseKey } from '../../src/keys/index.ts';
import { limits } from '../../src/limits.ts';
import { type Draft, encodeCover, parseDraft, schemaDigest } from '../../src/schema/index.ts';
import { broadcastSubject, directedSubject } from '../../src/subjects.ts';
import { agencyId } from '../../src/types.ts';
import type { Federation } from './federation.ts';

export type Forged = Readonly<{ subject: string; bytes: Uint8Array; digest: Uint8Array; sequence: number }>;

export type ForgeOptions = Readonly<{
  sender: string;
  /** Absent: a broadcast sealed pairwise to `reader`. */
  to?: string;
  reader: string;
  nowMs: number;
  /** Header fields that are not as they should be. */
  header?: Partial<HeaderFields>;
  /** Signs instead of the sender's key in force. */
  signer?: MessageKey;
  kid?: string;
  draft?: Draft;
  /** Told the honest sections; returns what is sealed instead. */
  sections?: (sections: readonly SectionPlain[]) => readonly SectionPlain[];
}>;

/** Each forger keeps an epoch and its channels, so that what it makes hangs together. */
export function createForger(federation: Federation): (o: ForgeOptions) => Forged {
  const epoch = systemRandom.bytes(16);
  const heads = new Map<string, { sequence: number; digest: Uint8Array }>();
  return (o) => {
    const draft = o.draft ?? exampleDraft('seizure-minimal');
    const sender = agencyId(o.sender);
    const subject =
      o.header?.subject ??
      (o.to === undefined
        ? broadcastSubject(sender, draft.lane, draft.kind)
        : directedSubject(sender, agencyId(o.to), draft.lane, draft.kind));
    const last = heads.get(subject);
    const messageId = uuidV7(o.nowMs, systemRandom);
    const binding = { federationId: o.header?.federationId ?? federation.federationId, subject, messageId };
    const honest = sectionsOf(draft);
    const content = sealSections(
      {
        ...binding,
        sections: honest,
        groups: [{ key: pairOf(federation, o), fields: honest.map(({ field }) => field) }],
        open: [],
      },
      systemRandom,
    );
    const createdMs = o.header?.createdMs ?? o.nowMs;
    const header = encodeHeader({
      ...binding,
      environment: federation.environment,
      epoch,
      sequence: (last?.sequence ?? 0) + 1,
      previous: last?.digest ?? new Uint8Array(32),
      createdMs,
      deliverByMs: createdMs + (draft.lane === 'now' ? limits.deliverByNowMsMax : limits.deliverByMsMax),
      schema: draft.schema.name,
      schemaVersion: draft.schema.version,
      schemaDigest,
      trustVersion: 1,
      suite: 1,
      content,
      ...o.header,
    });
    const keys = o.signer ?? signingKeyAt(federation, o.sender, createdMs);
    const [signed] = signBatch({
      agency: sender,
      kid: o.kid ?? keys.kid,
      key: keys.privateKey,
      headers: [header],
    });
    if (signed === undefined) throw new TypeError('one header, one proof');
    const sequence = o.header?.sequence ?? (last?.sequence ?? 0) + 1;
    const digest = leafDigest(header);
    if (o.header?.sequence === undefined) heads.set(subject, { sequence, digest });
    return { subject, bytes: assembleEnvelope({ header, signed, content }), digest, sequence };
  };
}

export function exampleDraft(name: string, changes: object = {}): Draft {
  return parseDraft({ ...exampleJson(name), ...changes });
}

export function exampleJson(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(resolve(import.meta.dirname, `../../config/examples/${name}.json`), 'utf8'));
}

function sectionsOf(draft: Draft): readonly SectionPlain[] {
  return draft.schema.sections.map(({ field }) => ({
    field,
    salt: systemRandom.bytes(limits.saltBytes),
    bytes:
      field === 1
        ? encodeCover(
            create(CoverSchema, { ...draft.cover, officer: 'forger', reference: 'XX-FOR-2026-000001-1' }),
          )
        : (draft.sections.get(field) ?? new Uint8Array()),
  }));
}

export function signingKeyAt(federation: Federation, agency: string, atMs: number): MessageKey {
  const found = federation
    .agency(agency)
    .keys.find((key) => key.use === 'signing' && key.notBeforeMs <= atMs && atMs < key.notAfterMs);
  const fallback = federation.agency(agency).keys.find((key) => key.use === 'signing');
  const key = found ?? fallback;
  if (key === undefined) throw new TypeError(`${agency} has no signing key`);
  return key;
}

function pairOf(
  federation: Federation,
  o: ForgeOptions,
): Parameters<typeof sealSections>[0]['groups'][number]['key'] {
  const ours = createMessageKeys(federation.agency(o.sender).keys).sealingKeyAt(o.nowMs);
  const theirs = createMessageKeys(federation.agency(o.reader).keys)
    .publicWindows()
    .sealing.find((key) => key.notBeforeMs <= o.nowMs && o.nowMs < key.notAfterMs);
  const reader = createMessageKeys(federation.agency(o.reader).keys).sealingKeyAt(o.nowMs);
  if (ours === undefined || theirs === undefined || reader === undefined)
    throw new TypeError('no sealing keys are in force');
  const pair = { senderKid: ours.kid, recipientKid: reader.kid };
  const peerPublic = federation.book().sealingKeyAt(agencyId(o.reader), o.nowMs)?.key.publicKey;
  if (peerPublic === undefined) throw new TypeError('the reader has no key');
  const key = pairwiseKey({
    ownPrivate: ours.privateKey,
    peerPublic,
    federationId: federation.federationId,
    ...pair,
  });
  return { id: keyId(key), key, pair };
}
