/** The officers file: who may ask this gateway for what, each by the digest of a token. */
import { z } from 'zod';
import { ComityError } from '../errors.ts';
import { type Officer, scopes } from '../gateway/views.ts';
import { limits } from '../limits.ts';
import { readYaml } from './files.ts';

/** An officer, or a service that acts for the officers that it lists. */
export type OfficerEntry = Readonly<{ officer: Officer; tokenSha256: string; actsFor?: readonly string[] }>;

const wordShape = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, {
  error: 'expected letters, digits, dots, dashes and underscores',
});

const officersShape = z.strictObject({
  officers: z
    .array(
      z.strictObject({
        pseudonym: wordShape,
        desk: wordShape,
        role: wordShape,
        scopes: z.array(z.enum(scopes)).min(1),
        tokenSha256: z.string().regex(/^[0-9a-f]{64}$/, { error: 'expected 64 hexadecimal digits' }),
        actsFor: z.array(wordShape).min(1).optional(),
      }),
    )
    .min(1)
    .max(limits.officersMax),
});

/** CONFIG_INVALID for a pseudonym or a token that stands twice, and for a service of unknown officers. */
export function readOfficers(path: string): readonly OfficerEntry[] {
  const { officers } = readYaml(path, officersShape);
  refuseTwice(
    path,
    officers.map(({ pseudonym }) => pseudonym),
  );
  refuseTwice(
    path,
    officers.map(({ tokenSha256 }) => tokenSha256),
  );
  const people = new Set(
    officers.filter(({ actsFor }) => actsFor === undefined).map(({ pseudonym }) => pseudonym),
  );
  for (const { pseudonym, actsFor = [] } of officers) {
    const unknown = actsFor.find((name) => !people.has(name));
    if (unknown === undefined) continue;
    throw new ComityError(
      'CONFIG_INVALID',
      `\`${path}\`: \`${pseudonym}\` acts for \`${unknown}\`, who is no officer`,
    );
  }
  return Object.freeze(
    officers.map(({ tokenSha256, actsFor, ...officer }) =>
      Object.freeze({
        officer: Object.freeze(officer),
        tokenSha256,
        ...(actsFor === undefined ? {} : { actsFor }),
      }),
    ),
  );
}

function refuseTwice(path: string, values: readonly string[]): void {
  const twice = values.find((value, index) => values.indexOf(value) !== index);
  if (twice !== undefined) throw new ComityError('CONFIG_INVALID', `\`${path}\`: \`${twice}\` stands twice`);
}
