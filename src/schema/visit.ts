/** Every value of a message in field order. */
import type { DescField, DescMessage, Message } from '@bufbuild/protobuf';
import { isMessage } from '@bufbuild/protobuf';
import { isReflectList, isReflectMessage, reflect } from '@bufbuild/protobuf/reflect';

/** A scalar, an enum number or a message, and the field that it stands in. */
export type Visit = (field: DescField, value: unknown, path: string) => void;

/** Calls `visit` for each field that is given, lists item by item, a message before its own fields. */
export function visitFields(desc: DescMessage, message: Message, visit: Visit): void {
  visitMessage(desc, message, { path: '', visit });
}

function visitMessage(desc: DescMessage, message: Message, o: { path: string; visit: Visit }): void {
  const reflected = reflect(desc, message);
  for (const field of reflected.sortedFields) {
    if (!reflected.isSet(field) || field.fieldKind === 'map') continue;
    const value = reflected.get(field);
    const path = o.path === '' ? field.jsonName : `${o.path}.${field.jsonName}`;
    if (isReflectList(value)) {
      let index = 0;
      for (const item of value) visitValue(field, item, { path: `${path}[${index++}]`, visit: o.visit });
    } else {
      visitValue(field, value, { path, visit: o.visit });
    }
  }
}

function visitValue(field: DescField, value: unknown, o: { path: string; visit: Visit }): void {
  const plain = isReflectMessage(value) ? value.message : value;
  o.visit(field, plain, o.path);
  if (field.message !== undefined && isMessage(plain)) visitMessage(field.message, plain, o);
}
