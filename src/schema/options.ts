/** What the proto files say through their options, read once from the descriptors. */
import { type DescField, type DescMessage, getOption, hasOption } from '@bufbuild/protobuf';
import {
  Category as CategoryOption,
  category,
  family,
  type Rules,
  rules,
} from '../gen/comity/options/v1/options_pb.js';
import { type Category, categories } from '../types.ts';

export type { Rules };

/** What the schema's option says of a payload message. */
export type FamilyFacts = Readonly<{ kind: string; title: string; answers: boolean }>;

// A memo of a pure function of the immutable descriptors: reading an option decodes it anew.
const memo = new WeakMap<DescField, Rules>();

export function rulesOf(field: DescField): Rules {
  const known = memo.get(field);
  if (known !== undefined) return known;
  const read = getOption(field, rules);
  memo.set(field, read);
  return read;
}

export function familyOf(message: DescMessage): FamilyFacts | undefined {
  if (!hasOption(message, family)) return undefined;
  const { kind, title, answers } = getOption(message, family);
  return { kind, title, answers };
}

/** The category of a top-level field; undefined where the proto file gives none. */
export function categoryOf(field: DescField): Category | undefined {
  const name = CategoryOption[getOption(field, category)];
  return categories.find((known) => known === name);
}
