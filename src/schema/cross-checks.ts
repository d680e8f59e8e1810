/** What one value alone cannot tell: choices, and entries that belong somewhere else. */
import type { DescField, DescMessage } from '@bufbuild/protobuf';
import type { Problem } from '../errors.ts';
import { isRecord } from './json-values.ts';
import { rulesOf } from './options.ts';

/** Tolerates values of any shape: what is misshapen is reported by the validator. */
export function crossChecks(desc: DescMessage, json: unknown, path: string): Problem[] {
  if (!isRecord(json)) return [];
  return [
    ...desc.oneofs.flatMap((oneof) => checkChoice(oneof.fields, json, path)),
    ...desc.fields.flatMap((field) => checkField(field, json, path)),
  ];
}

function checkChoice(fields: readonly DescField[], json: Record<string, unknown>, path: string): Problem[] {
  const given = fields.filter((field) => json[field.jsonName] !== undefined).map(({ jsonName }) => jsonName);
  if (given.length < 2) return [];
  return [{ path, message: `takes only one of ${given.map((name) => `\`${name}\``).join(', ')}` }];
}

function checkField(field: DescField, json: Record<string, unknown>, path: string): Problem[] {
  const { message } = field;
  const value = Object.hasOwn(json, field.jsonName) ? json[field.jsonName] : undefined;
  if (message === undefined || value === undefined) return [];
  const at = `${path}.${field.jsonName}`;
  if (field.fieldKind !== 'list') return checkEntry(field, message, { value, at });
  if (!Array.isArray(value)) return [];
  return value.flatMap((entry, index) => checkEntry(field, message, { value: entry, at: `${at}[${index}]` }));
}

function checkEntry(
  field: DescField,
  message: DescMessage,
  entry: { value: unknown; at: string },
): Problem[] {
  return [...refused(field, entry), ...crossChecks(message, entry.value, entry.at)];
}

function refused(field: DescField, { value, at }: { value: unknown; at: string }): Problem[] {
  const { refuse } = rulesOf(field);
  if (refuse === undefined || !isRecord(value)) return [];
  const member = value[refuse.member];
  if (typeof member !== 'string' || !refuse.values.includes(member)) return [];
  return [
    {
      path: `${at}.${refuse.member}`,
      message: `\`${member}\` does not belong here; give this entry under \`payload.${refuse.instead}\``,
    },
  ];
}
