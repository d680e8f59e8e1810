/** A heritage service flags the stolen objects of a register; everybody else holds every one of them. */
import type { MessageSummary, MessageView } from '../src/index.ts';
import { type Act, customs, heritage, liaison, police } from './story.ts';
import { seen } from './waiting.ts';

const rows = 400;
const register = 'agents/heritage/data/stolen-art.csv';

export const importObjects: Act = {
  name: 'import-objects',
  summary: 'a register of 400 stolen objects is imported and broadcast',
  async play(stage, { check, show }) {
    const { exit, output } = await stage.run('agents/heritage/import.ts', [
      register,
      '--as',
      heritage,
      '--directory',
      stage.running.federation.directory,
    ]);
    check(exit === 0 && output.includes(`imported ${rows} of ${rows} rows`), `${heritage} ${output.trim()}`);
    const flags = { kind: 'object', sender: heritage, direction: 'in' };
    for (const agency of [customs, police, liaison]) {
      const desk = stage.desk(agency);
      const held: MessageSummary[] = [];
      await seen(
        async () => held.push(...(await desk.messages(flags, held.at(-1)?.cursor ?? 0))),
        () => held.length >= rows,
      );
      const distinct = new Set(held.map(({ id }) => id)).size;
      const refused = (await desk.quarantine()).filter(({ sender }) => sender === heritage).length;
      check(
        distinct === rows && held.length === rows && refused === 0,
        `${agency} holds ${distinct} verified flags of ${rows}, ${refused} refused`,
      );
    }
    const found = await stage.desk(police).messages({ ...flags, search: 'Fort Malakoff' });
    const view = await stage.desk(police).message(found[0]?.id ?? '');
    const title = titleOf(view);
    check(
      found.length === 1 && title === 'Interior of Fort Malakoff',
      `a search at ${police} for “Fort Malakoff” finds ${found.length}: ${title}`,
    );
    show([`${view.reference} of ${view.from}: ${view.subject} #${view.sequence}`]);
  },
};

function titleOf({ sections }: MessageView): string {
  const content = sections.find(({ name }) => name === 'object')?.content;
  return (content as { title?: string } | undefined)?.title ?? '';
}
