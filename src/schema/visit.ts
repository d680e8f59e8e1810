/** Every value of a message in field order. */
import type { DescField, DescMessage, Message } from '@bufbuild/protobuf';

/** A scalar, an enum number or a message, and the field that it stands in. `path` is of JSON names. */
export type Visit = (field: DescField, value: unknown, path: string) => void;

/** Calls `visit` for each field that is given, lists item by item, a message before its own fields. */
export function visitFields(desc: DescMessage, message: Message, visit: Visit): void {
  visitMessage(desc, message, { path: '', visit });
}

/** The value of a field as the generated types hold it; undefined where it is not given. */
export function fieldValue(field: DescField, message: Message): unknown {
  const values: Readonly<Record<string, unknown>> = message as Message & Record<string, unknown>;
  if (field.oneof === undefined) return values[field.localName];
  const choice = values[field.oneof.localName] as { case?: string; value?: unknown };
  return choice.case === field.localName ? choice.value : undefined;
}

type At = { path: string; visit: Visit };

function visitMessage(desc: DescMessage, message: Message, at: At): void {
  for (const field of desc.fields) {
    const value = fieldValue(field, message);
    if (value === undefined) continue;
    const path = at.path === '' ? field.jsonName : `${at.path}.${field.jsonName}`;
    if (field.fieldKind !== 'list') visitValue(field, value, { path, visit: at.visit });
    else if (Array.isArray(value)) {
      value.forEach((item, index) => {
        visitValue(field, item, { path: `${path}[${index}]`, visit: at.visit });
      });
    }
  }
}

function visitValue(field: DescField, value: unknown, at: At): void {
  if (field.fieldKind === 'enum' && value === 0) return;
  at.visit(field, value, at.path);
  if (field.message !== undefined) visitMessage(field.message, value as Message, at);
}
