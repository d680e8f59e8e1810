/** Local federations: what to make (config/local-federation.yaml), and what was made (.comity/federation.json). */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { ComityError } from '../errors.ts';
import { type AgencyId, agencyId, isAgencyId, kinds } from '../types.ts';
import { besides, readYaml } from './files.ts';

const agencyShape = z
  .string()
  .refine(isAgencyId, { error: 'expected an agency such as gr.customs' })
  .transform(agencyId);
const portShape = z.int().min(0).max(65_535);

const planShape = z.strictObject({
  name: z.string().min(1).max(100),
  environment: z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, { error: 'expected a word such as development' }),
  authorities: z.int().min(1).max(32),
  threshold: z.int().min(1).max(32),
  hubPort: portShape,
  policy: z.string().min(1),
  agencies: z
    .array(
      z.strictObject({
        agency: agencyShape,
        /** Folder under `agents/` whose profile it runs. */
        agent: z.string().regex(/^[a-z][a-z-]*$/, { error: 'expected the name of a folder under agents/' }),
        names: z.record(z.string(), z.string()),
        roles: z.array(z.string()).min(1),
        publishes: z.array(z.enum(kinds)),
        receives: z.array(z.enum(kinds)),
        port: portShape,
        policy: z.string().min(1).optional(),
        languages: z.array(z.string()).min(1),
        timeZone: z.string(),
      }),
    )
    .min(1)
    .max(64),
});
export type FederationPlan = z.output<typeof planShape>;
export type AgencyPlanned = FederationPlan['agencies'][number];

/** CONFIG_INVALID. Policy files are resolved against the file's folder. */
export function readFederationPlan(file: string): FederationPlan {
  const plan = readYaml(file, planShape);
  const at = besides(file);
  if (plan.threshold > plan.authorities) {
    throw new ComityError('CONFIG_INVALID', `\`${file}\`: \`threshold\`: more than there are authorities`);
  }
  const agencies = plan.agencies.map((planned) => ({
    ...planned,
    ...(planned.policy === undefined ? {} : { policy: at(planned.policy) }),
  }));
  return Object.freeze({ ...plan, policy: at(plan.policy), agencies });
}

const madeShape = z.strictObject({
  format: z.literal('comity-federation-1'),
  agencies: z
    .array(z.strictObject({ agency: agencyShape, url: z.url(), tokenFile: z.string().min(1) }))
    .min(1),
});

export const federationFileName = 'federation.json';

export type Reachable = Readonly<{ agency: AgencyId; url: string; tokenFile: string }>;

/** The gateways of the local federation kept in a folder; undefined where there is none. */
export function readLocalGateways(directory: string): readonly Reachable[] | undefined {
  const file = join(directory, federationFileName);
  if (!existsSync(file)) return undefined;
  const at = besides(file);
  return readYaml(file, madeShape).agencies.map((one) => ({ ...one, tokenFile: at(one.tokenFile) }));
}
