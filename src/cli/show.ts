/** Shows one message with the sections that the officer may read, or gives its exact bytes. */
import { writeFileSync } from 'node:fs';
import type { MessageView, SectionView } from '../gateway/views.ts';
import { clientOf, connectionHelp, connectionOptions } from './connection.ts';
import { contentLines } from './content.ts';
import { visible } from './escape.ts';
import { only, text, type Verb } from './verb.ts';

export const show: Verb = {
  name: 'show',
  summary: 'shows a message: what it says, and which sections are closed to us',
  usage: ['ID [--as AGENCY]', 'ID --envelope FILE'],
  options: { ...connectionOptions, envelope: { type: 'string' } },
  optionHelp: [
    { name: '--envelope FILE', meaning: 'writes the exact bytes that were signed and sent' },
    ...connectionHelp,
  ],
  example: 'comity show 01890000-0000-7000-8000-000000000001 --as it.police',
  async run(call) {
    const id = encodeURIComponent(only(call.positionals, 'the id of a message'));
    const client = clientOf(call);
    const file = text(call.values, 'envelope');
    if (file !== undefined) {
      const bytes = await client.getBytes(`/v1/messages/${id}/envelope`);
      writeFileSync(file, bytes);
      call.show({ file, bytes: bytes.length }, () => [`wrote ${bytes.length} bytes to ${file}`]);
      return;
    }
    const view = await client.get<MessageView>(`/v1/messages/${id}`);
    call.show(view, () => messageLines(view));
  },
};

export function messageLines(view: MessageView): string[] {
  return [
    `${view.kind} ${visible(view.reference ?? view.id)}`,
    `  from ${visible(view.from)} to ${visible(view.to)}, ${view.lane} lane, ${visible(view.subject)} #${view.sequence}`,
    `  created ${visible(view.createdAt)}, here since ${visible(view.storedAt)}`,
    ...(view.inForceUntil === undefined ? [] : [`  in force until ${visible(view.inForceUntil)}`]),
    `  id ${visible(view.id)}`,
    `  digest ${visible(view.digest)}`,
    ...(view.flags.length === 0 ? [] : [`  remarks: ${view.flags.map(visible).join(', ')}`]),
    ...view.sections.flatMap(sectionLines),
    ...view.answers.map((id) => `answered by ${visible(id)}`),
  ];
}

const closed: Readonly<Record<'withheld' | 'absent' | 'denied', string>> = {
  withheld: 'not for this agency',
  absent: 'not given',
  denied: 'not for this officer',
};

function sectionLines(section: SectionView): string[] {
  const head = `${visible(section.name)} [${section.category}]`;
  if (section.state === 'read' || section.state === 'open') {
    const open = section.state === 'open' ? ' (in clear)' : '';
    return [`${head}${open}`, ...contentLines(section.content, '  ')];
  }
  const reasons = (section.reasons ?? []).map(
    ({ policy, text: words }) => `${visible(policy)}: ${visible(words)}`,
  );
  return [`${head} ${closed[section.state]}${reasons.length === 0 ? '' : ` (${reasons.join('; ')})`}`];
}
