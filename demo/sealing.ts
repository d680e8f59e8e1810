/** One broadcast, and a view of its own for each recipient. */
import type { AgencyId, MessageView, Preview, PreviewRecipient } from '../src/index.ts';
import { type Act, customs, example, heritage, liaison, police, type Stage } from './story.ts';
import { seen } from './waiting.ts';

const receivers = [police, liaison, heritage];

export const sealing: Act = {
  name: 'sealing',
  summary: 'each receiver of a seizure opens the sections that policy gives it, and no other',
  async play(stage, { check, show }) {
    const preview = await stage.desk(customs).preview(example('seizure'));
    const listed = preview.recipients.map(({ agency }) => agency);
    check(
      preview.decision === 'allow' && receivers.every((agency) => listed.includes(agency)),
      `${customs} previews the seizure: ${preview.decision}, for ${listed.join(', ')}`,
    );
    show(tableOf(preview));
    const persons = readersOf(preview, 'persons');
    const sources = readersOf(preview, 'sources');
    check(
      same(persons, [liaison, police]) && same(sources, [police]),
      `policy gives the persons to ${persons.join(' and ')}, the sources to ${sources.join(' and ')} alone`,
    );
    const { id, reference } = await stage.seizure();
    for (const recipient of preview.recipients) {
      const view = await seen(
        () => stage.desk(recipient.agency).message(id),
        () => true,
      );
      const { read, closed, differing } = compare(recipient, view);
      check(
        differing.length === 0,
        `${recipient.agency}’s own view of ${reference} agrees: reads ${read}, ${closed} closed to it` +
          (differing.length === 0 ? '' : `; differs in ${differing.join(', ')}`),
      );
    }
    const hits = await searchFor(stage, 'SOURCE-EXAMPLE-7');
    check(
      same(hits, [police]),
      `a search for the source’s pseudonym finds it at ${hits.join(', ') || 'none'} alone`,
    );
  },
};

function tableOf({ recipients }: Preview): string[] {
  const [first] = recipients;
  const header = ['section', 'category', ...recipients.map(({ agency }) => agency)];
  const rows = (first?.sections ?? []).map(({ field, name, category, present }) => [
    present ? name : `${name} (not given)`,
    category,
    ...recipients.map(({ sections }) =>
      sections.find((one) => one.field === field)?.reads ? 'reads it' : '·',
    ),
  ]);
  const widths = header.map((_, column) =>
    Math.max(...[header, ...rows].map((row) => (row[column] ?? '').length)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [...[header, ...rows].map(line), '· sees only that a message exists'];
}

function readersOf({ recipients }: Preview, section: string): AgencyId[] {
  return recipients
    .filter(({ sections }) => sections.some(({ name, reads }) => name === section && reads))
    .map(({ agency }) => agency)
    .sort();
}

/** What the receiver sees of each section is what the sender was told: also of one that was not given. */
function compare({ sections }: PreviewRecipient, view: MessageView) {
  const differing = sections.filter(({ field, reads, present }) => {
    const wanted = reads ? (present ? 'read' : 'absent') : 'withheld';
    const own = view.sections.find((section) => section.field === field);
    return own?.state !== wanted || (own.content !== undefined) !== (wanted === 'read');
  });
  const count = (state: string) => view.sections.filter((section) => section.state === state).length;
  return { read: count('read'), closed: count('withheld'), differing: differing.map(({ name }) => name) };
}

async function searchFor(stage: Stage, search: string): Promise<AgencyId[]> {
  const found: AgencyId[] = [];
  for (const agency of receivers) {
    if ((await stage.desk(agency).messages({ search, sender: customs })).length > 0) found.push(agency);
  }
  return found;
}

export function same(a: readonly string[], b: readonly string[]): boolean {
  return JSON.stringify([...a].sort()) === JSON.stringify([...b].sort());
}
