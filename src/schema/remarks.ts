/** What is kept though it is not as expected; said, never dropped. */
import { type DescField, type DescMessage, isMessage, type Message } from '@bufbuild/protobuf';
import { CodeSchema } from '../gen/comity/common/v1/code_pb.js';
import type { Refusal } from '../gen/comity/options/v1/options_pb.js';
import { limits } from '../limits.ts';
import { remarkOnCode } from './code-schemes.ts';
import { rulesOf } from './options.ts';
import { fieldValue, visitFields } from './visit.ts';

/**
 * One sentence for each, at most `remarksMax`: codes of another scheme or unknown in theirs, unknown enum
 * numbers, text that is not in normal form C, what is missing, what belongs in another section.
 */
export function remarksOn(desc: DescMessage, message: Message): string[] {
  const remarks: string[] = [];
  const say = (path: string, what: string) => {
    if (remarks.length < limits.remarksMax) remarks.push(path === '' ? what : `${path}: ${what}`);
  };
  sayMissing({ desc, message, path: '', say });
  visitFields(desc, message, (field, value, path) => {
    const what = remarkOn(field, value);
    if (what !== undefined) say(path, what);
    if (field.message !== undefined && isMessage(value)) {
      sayMissing({ desc: field.message, message: value, path, say });
    }
  });
  return remarks;
}

function remarkOn(field: DescField, value: unknown): string | undefined {
  const rules = rulesOf(field);
  if (typeof value === 'string') {
    return value.normalize('NFC') === value ? undefined : 'the text is not in Unicode normal form C';
  }
  if (typeof value === 'number' && field.enum !== undefined) {
    return field.enum.value[value] === undefined ? `the value ${value} is not known here` : undefined;
  }
  if (isMessage(value, CodeSchema)) return remarkOnCode(value, rules.scheme);
  if (!isMessage(value) || rules.refuse === undefined) return undefined;
  const refused = refusedValue(field, value, rules.refuse);
  return refused === undefined ? undefined : `\`${refused}\` belongs under \`${rules.refuse.instead}\``;
}

function sayMissing(o: {
  desc: DescMessage;
  message: Message;
  path: string;
  say: (path: string, what: string) => void;
}): void {
  for (const field of o.desc.fields) {
    const { required, byGateway } = rulesOf(field);
    if (!required || byGateway || isGiven(fieldValue(field, o.message))) continue;
    o.say(o.path, `\`${field.jsonName}\` is missing`);
  }
}

function isGiven(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== '' && value !== 0;
}

function refusedValue(field: DescField, value: Message, refuse: Refusal): string | undefined {
  const member = field.message?.fields.find(({ jsonName }) => jsonName === refuse.member);
  if (member?.fieldKind !== 'enum') return undefined;
  const name = member.enum.value[Number(fieldValue(member, value))]?.name;
  return name !== undefined && refuse.values.includes(name) ? name : undefined;
}
