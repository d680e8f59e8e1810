/** What an authority's change file says: who joins, and whose state changes. */
import { execFile } from 'node:child_process';
import { z } from 'zod';
import { besides, readYaml } from '../config/index.ts';
import { suiteKnown } from '../envelope/index.ts';
import { ComityError } from '../errors.ts';
import { type CommandRunner, certificateDer, certificateDigest, verifyChain } from '../keys/index.ts';
import { type Membership, type TrustList, withState } from '../trust/index.ts';
import { agencyId, kinds } from '../types.ts';
import { readText } from './input.ts';

const agencyShape = z.string().transform(agencyId);

const changesShape = z.strictObject({
  expiresDays: z.int().min(1).max(3650).default(365),
  members: z
    .array(
      z.strictObject({
        agency: agencyShape,
        names: z.record(z.string(), z.string()).default({}),
        roles: z.array(z.string()).min(1),
        publishes: z.array(z.enum(kinds)),
        receives: z.array(z.enum(kinds)),
        /** PEM; the chain is verified by OpenSSL up to the root before its digest is pinned. */
        certificate: z.string(),
        intermediates: z.string().optional(),
        root: z.string(),
      }),
    )
    .default([]),
  states: z
    .array(
      z.strictObject({
        agency: agencyShape,
        state: z.enum(['active', 'suspended', 'revoked']),
        from: z.iso.datetime().optional(),
      }),
    )
    .default([]),
  minimum: z
    .strictObject({ schemas: z.record(z.string(), z.int()), suites: z.array(z.int()).min(1) })
    .default({ schemas: {}, suites: [suiteKnown] }),
  partitions: z.record(z.string(), z.array(z.string())).optional(),
});

export type TrustChanges = Readonly<{
  expiresDays: number;
  members: readonly Membership[];
  minimum: TrustList['minimum'];
  partitions?: TrustList['partitions'];
}>;

/** CERTIFICATE_REFUSED where a newcomer's chain does not hold. */
export async function readChanges(file: string, previous: TrustList, nowMs: number): Promise<TrustChanges> {
  const { members, states, expiresDays, minimum, partitions } = readYaml(file, changesShape);
  const at = besides(file);
  const joined: Membership[] = [];
  for (const { certificate, intermediates, root, ...facts } of members) {
    await verifyChain({
      run: runCommand,
      certificateFile: at(certificate),
      ...(intermediates === undefined ? {} : { intermediatesFile: at(intermediates) }),
      rootFile: at(root),
      atMs: nowMs,
    });
    const known = previous.agencies.find(({ agency }) => agency === facts.agency);
    const digest = certificateDigest(certificateDer(readText(at(certificate))));
    joined.push({
      ...facts,
      certificates: [...new Set([...(known?.certificates ?? []), digest])],
      status: known?.status ?? [{ state: 'active', fromMs: nowMs }],
    });
  }
  const changed = states.map(({ agency, state, from }) =>
    withState(previous, agency, { state, fromMs: from === undefined ? nowMs : Date.parse(from) }),
  );
  refuseTwice([...joined, ...changed]);
  return {
    expiresDays,
    members: [...joined, ...changed],
    minimum,
    ...(partitions === undefined ? {} : { partitions }),
  };
}

function refuseTwice(members: readonly Membership[]): void {
  const ids = members.map(({ agency }) => agency);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined)
    throw new ComityError('CONFIG_INVALID', `\`${twice}\` is changed twice in one list`);
}

const runCommand: CommandRunner = (command, argv) =>
  new Promise((resolve, reject) => {
    execFile(command, [...argv], (error, stdout, stderr) => {
      const code = error?.code ?? 0;
      if (typeof code === 'number') resolve({ exitCode: code, stdout, stderr });
      else
        reject(
          new ComityError('CONFIG_INVALID', `\`${command}\` cannot be run: is it installed?`, {
            cause: error,
          }),
        );
    });
  });
