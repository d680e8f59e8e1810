/** What a validator found, as paths and sentences. */
import type { DescMessage } from '@bufbuild/protobuf';
import type * as z from 'zod';
import type { Problem } from '../errors.ts';
import { categoryOf, rulesOf } from './options.ts';

/** Where the members of a JSON value are described; undefined outside the messages. */
export type Describe = (path: readonly PropertyKey[]) => DescMessage | undefined;

export function problemsOf(issues: readonly z.core.$ZodIssue[], describe: Describe): Problem[] {
  return issues.flatMap((issue) => {
    if (issue.code !== 'unrecognized_keys') return [{ path: pathText(issue.path), message: issue.message }];
    return issue.keys.map((key) => ({
      path: pathText([...issue.path, key]),
      message: aboutUnknown(describe(issue.path), key),
    }));
  });
}

/** `payload.goods.items[0].quantity.value` */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}

/** The message whose members stand at `path` below `desc`. */
export function messageAt(desc: DescMessage, path: readonly PropertyKey[]): DescMessage | undefined {
  let at: DescMessage | undefined = desc;
  for (const part of path) {
    if (typeof part === 'number') continue;
    at = at?.fields.find((field) => field.jsonName === part)?.message;
  }
  return at;
}

function aboutUnknown(desc: DescMessage | undefined, key: string): string {
  const field = desc?.fields.find(({ jsonName, name }) => jsonName === key || name === key);
  if (field !== undefined && rulesOf(field).byGateway) return 'is set by the gateway; leave it out';
  if (field !== undefined) return `is not known here; write it \`${field.jsonName}\``;
  const near = desc?.fields.find(({ jsonName }) => jsonName.toLowerCase() === key.toLowerCase());
  if (near !== undefined) return `is not known here; write it \`${near.jsonName}\``;
  const known = desc?.fields
    .filter((one) => !rulesOf(one).byGateway && categoryOf(one) !== 'COVER')
    .map(({ jsonName }) => `\`${jsonName}\``);
  if (known === undefined || known.length === 0 || known.length > 16) return 'is not known here';
  return `is not known here; known are ${known.join(', ')}`;
}
