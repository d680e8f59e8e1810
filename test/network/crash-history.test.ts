/** The checker of histories, with each kind of fault planted into a history that is sound. */
import { expect, test } from 'vitest';
import { type AgencyHistory, faultsOf, type History } from '../support/crash-history.ts';

const ids = ['m1', 'm2', 'm3', 'm4'];

function agencyHistory(agency: string, changes: Partial<AgencyHistory> = {}): AgencyHistory {
  const receives = agency !== 'gr.customs';
  return {
    agency,
    inbox: receives
      ? ids.map((id, index) => ({ id, from: 'gr.customs', channel: 'all', sequence: index + 5 }))
      : [],
    audited: { submitted: receives ? [] : ids, received: receives ? ids : [] },
    auditIntact: true,
    channelsWithGaps: [],
    unreceipted: [],
    quarantined: 0,
    wasKilled: false,
    ...changes,
  };
}

const submitted = ids.map((id) => ({
  from: 'gr.customs',
  key: `key of ${id}`,
  recipients: ['it.police', 'fr.heritage'],
  answers: [id],
}));

/** Sound but for what is changed at it.police. */
function withPolice(changes: Partial<AgencyHistory>): History {
  return {
    submitted,
    agencies: [
      agencyHistory('gr.customs'),
      agencyHistory('it.police', changes),
      agencyHistory('fr.heritage'),
    ],
  };
}

const { inbox } = agencyHistory('it.police');
const [first, second, ...rest] = inbox;
if (first === undefined || second === undefined) throw new TypeError('the inbox has messages');

test('a sound history has no fault', () => {
  expect(faultsOf(withPolice({}))).toEqual([]);
});

test('a second try under the same key that got the same answer is no fault', () => {
  const again = submitted.map((draft) => ({ ...draft, answers: [...draft.answers, ...draft.answers] }));
  expect(faultsOf({ ...withPolice({}), submitted: again })).toEqual([]);
});

test.each<[string, Partial<AgencyHistory>, RegExp]>([
  ['a message lost in the middle', { inbox: [first, ...rest] }, /arrived 0 times/],
  ['a message lost at the end', { inbox: inbox.slice(0, -1) }, /arrived 0 times/],
  ['a message stored twice', { inbox: [first, ...inbox] }, /arrived 2 times/],
  ['a position held twice', { inbox: [...inbox, { ...first, id: 'm9' }] }, /holds a position twice/],
  ['an inversion', { inbox: [second, first, ...rest] }, /out of order/],
  ['a phantom', { inbox: [...inbox, { ...first, id: 'm9', sequence: 9 }] }, /never answered to its caller/],
  ['a gap', { inbox: inbox.map((row, index) => ({ ...row, sequence: index * 2 })) }, /has a gap/],
  ['an audit record that lacks', { audited: { submitted: [], received: ids.slice(1) } }, /lacks m1/],
  ['an audit record twice', { audited: { submitted: [], received: [...ids, 'm1'] } }, /a message twice/],
  ['an audit record of nothing', { audited: { submitted: [], received: [...ids, 'm9'] } }, /has m9/],
  ['a broken audit chain', { auditIntact: false }, /does not verify/],
  ['an incomplete channel', { channelsWithGaps: ['all'] }, /all is incomplete/],
  ['a receipt that never came', { unreceipted: ['m1 gr.customs'] }, /no receipt for m1/],
  ['a message in quarantine', { quarantined: 1 }, /1 messages in quarantine/],
])('%s is a fault', (_name, changes, fault) => {
  expect(faultsOf(withPolice(changes)).join('\n')).toMatch(fault);
});

test('an inversion is none where the hub delivered again to a new process', () => {
  expect(faultsOf(withPolice({ inbox: [second, first, ...rest], wasKilled: true }))).toEqual([]);
});

test('a draft that was answered with two messages, and one never answered, are faults', () => {
  const [draft, ...others] = submitted;
  if (draft === undefined) throw new TypeError('there are drafts');
  const two = { ...withPolice({}), submitted: [{ ...draft, answers: ['m1', 'm9'] }, ...others] };
  expect(faultsOf(two)).toContain('gr.customs: key of m1 was answered with 2 messages');
  const none = { ...withPolice({}), submitted: [{ ...draft, answers: [] }, ...others] };
  expect(faultsOf(none)).toContain('gr.customs: key of m1 was never answered');
});
