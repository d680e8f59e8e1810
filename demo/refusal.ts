/** A draft that policy does not let go: who says so, why, and that nothing left. */
import { type Act, customs, example, police, type Stage } from './story.ts';

const policy = 'victims-not-to-customs-or-heritage';

export const refusal: Act = {
  name: 'refusal',
  summary: 'policy refuses a draft that would give a victim’s data to customs',
  async play(stage, { check, show }) {
    const desk = stage.desk(police);
    const before = await traces(stage);
    const answer = await desk.offer(withVictim());
    if (answer.taken) return check(false, `${police} sent a victim’s data to ${customs}`);
    const { status, code, reasons = [] } = answer.refusal;
    check(
      status === 403 && code === 'POLICY_REFUSED' && reasons.some((reason) => reason.policy === policy),
      `a victim’s data for ${customs} are refused: ${status} ${code} by ${reasons.map((one) => one.policy).join(', ')}`,
    );
    show(reasons.map(({ text }) => text));
    const after = await traces(stage);
    check(
      JSON.stringify(after) === JSON.stringify(before),
      `nothing left: ${after.sent - before.sent} messages kept, ${after.waiting} waiting, ${after.atHub - before.atHub} at the hub`,
    );
    const { victims: _, ...payload } = withVictim().payload;
    const without = await desk.preview({ ...withVictim(), payload });
    check(without.decision === 'allow', `the same draft without the victim: ${without.decision}`);
  },
};

function withVictim() {
  const draft = example('seizure-minimal');
  const names = [{ asWritten: 'Maria Esempio', kind: 'NAME_KIND_LEGAL' }];
  return {
    ...draft,
    to: { agencies: [customs] },
    cover: { ...draft.cover, purposes: ['PURPOSE_INVESTIGATION'] },
    payload: { ...draft.payload, victims: { persons: [{ category: 'PERSON_CATEGORY_VICTIM', names }] } },
  };
}

/** Where a message would show that left all the same. */
async function traces(stage: Stage) {
  const desk = stage.desk(police);
  const { manager } = stage.hub.hub.hub;
  const filter = { subjects_filter: `comity.${police}.to.${customs}.*.seizure` };
  const { state } = await manager.streams.info('TO_gr_customs', filter);
  return {
    sent: (await desk.messages({ direction: 'out', kind: 'seizure' })).length,
    waiting: (await desk.health()).waitingOutbox,
    atHub: Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0),
  };
}
