/** What is kept though it is not as expected; said, never dropped. */
import { type DescField, type DescMessage, isMessage, type Message } from '@bufbuild/protobuf';
import { CodeSchema } from '../gen/comity/common/v1/code_pb.js';
import type { Refusal } from '../gen/comity/options/v1/options_pb.js';
import { limits } from '../limits.ts';
import { remarkOnCode } from './code-schemes.ts';
import { rulesOf } from './options.ts';
import { fieldValue, visitFields } from './visit.ts';

/** One sentence for each, at most `remarksMax`: codes of another scheme or unknown in theirs, unknown enum numbers. */
export function remarksOn(desc: DescMessage, message: Message): string[] {
  const remarks: string[] = [];
  const say = (path: string, what: string) => {
    if (remarks.length < limits.remarksMax) remarks.push(`${path}: ${what}`);
  };
  visitFields(desc, message, (field, value, path) => {
    const rules = rulesOf(field);
    if (isMessage(value, CodeSchema)) {
      const remark = remarkOnCode(value, rules.scheme);
      if (remark !== undefined) say(path, remark);
    } else if (typeof value === 'number' && field.enum !== undefined) {
      if (field.enum.value[value] === undefined) say(path, `the value ${value} is not known here`);
    } else if (isMessage(value) && rules.refuse !== undefined) {
      const refused = refusedValue(field, value, rules.refuse);
      if (refused !== undefined) say(path, `\`${refused}\` belongs under \`${rules.refuse.instead}\``);
    }
  });
  return remarks;
}

function refusedValue(field: DescField, value: Message, refuse: Refusal): string | undefined {
  const member = field.message?.fields.find(({ jsonName }) => jsonName === refuse.member);
  if (member?.fieldKind !== 'enum') return undefined;
  const name = member.enum.value[Number(fieldValue(member, { ...value }))]?.name;
  return name !== undefined && refuse.values.includes(name) ? name : undefined;
}
