/** The words of a message, for search. */
import type { DescMessage, Message } from '@bufbuild/protobuf';
import { visitFields } from './visit.ts';

/** Every text in the message, one a line: names, codes and their labels, numbers; no bytes, no enum names. */
export function wordsOf(desc: DescMessage, message: Message): string {
  const words: string[] = [];
  visitFields(desc, message, (_field, value) => {
    if (typeof value === 'string' && value !== '') words.push(value);
  });
  return words.join('\n');
}
