/** What became of a message at each recipient, and an answer to it. */
import type { ReceiptsView } from '../src/index.ts';
import { same } from './sealing.ts';
import { type Act, customs, example, heritage, liaison, police } from './story.ts';
import { seen } from './waiting.ts';

export const receipts: Act = {
  name: 'receipts',
  summary: 'one line a recipient, and the answer of one of them',
  async play(stage, { check, show }) {
    const desk = stage.desk(customs);
    const { id, reference } = await stage.seizure();
    const arrived = await seen(
      () => desk.receipts(id),
      ({ recipients }) => recipients.every(({ state }) => state === 'arrived' || state === 'answered'),
    );
    const lines = arrived.recipients.map(({ agency }) => agency);
    check(
      same(lines, [police, liaison, heritage]) && statesOf(arrived).every(([, state]) => state !== 'sent'),
      `${reference} has one line an agency: ${statesOf(arrived)
        .map((pair) => pair.join(' '))
        .join(', ')}`,
    );
    const { digest } = await stage.desk(police).message(id);
    const response = example('response');
    const inReplyTo = { digest: Buffer.from(digest, 'hex').toString('base64'), messageId: id };
    const answer = await stage.desk(police).send({ ...response, cover: { ...response.cover, inReplyTo } });
    check(answer.recipients.length === 1, `${police} answers “in hand”: ${answer.reference} to ${customs}`);
    const answered = await seen(
      () => desk.receipts(id),
      ({ recipients }) => recipients.some(({ state }) => state === 'answered'),
    );
    const line = answered.recipients.find(({ agency }) => agency === police);
    check(
      line?.state === 'answered' && line.answers[0]?.status === 'RESPONSE_STATUS_IN_HAND',
      `${customs} sees ${police} as ${line?.state}: ${line?.answers.map(({ status }) => status).join()}`,
    );
    const { answers } = await desk.message(id);
    check(same(answers, [answer.id]), `${reference} names its answers: ${answers.length}, of ${police}`);
    const printed = await stage.run('src/comity.ts', [
      'receipts',
      id,
      '--as',
      customs,
      '--directory',
      stage.running.federation.directory,
    ]);
    const rows = printed.output.trim().split('\n');
    check(printed.exit === 0 && rows.length === 5, '`comity receipts` prints the same table');
    show(rows);
  },
};

function statesOf({ recipients }: ReceiptsView): [string, string][] {
  return recipients.map(({ agency, state }) => [agency, state]);
}
