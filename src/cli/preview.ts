/** Who would read which section of a draft, before anything leaves. */
import { type ErrorCode, errorTable } from '../errors.ts';
import type { Preview, PreviewRecipient, PreviewSection } from '../gateway/views.ts';
import { clientOf, connectionHelp, connectionOptions } from './connection.ts';
import { readDraftFile } from './draft-file.ts';
import { visible } from './escape.ts';
import { tableLines } from './table.ts';
import { only, type Verb } from './verb.ts';

export const preview: Verb = {
  name: 'preview',
  summary: 'shows who would read which section of a draft, without sending it',
  usage: ['DRAFT.json [--as AGENCY]'],
  options: connectionOptions,
  optionHelp: connectionHelp,
  example: 'comity preview config/examples/seizure.json --as gr.customs',
  async run(call) {
    const draft = readDraftFile(only(call.positionals, 'a draft file'));
    const view = await clientOf(call).post<Preview>('/v1/previews', draft);
    call.show(view, () => previewLines(view));
    return view.decision === 'allow' ? 0 : errorTable[refusal(view)].exit;
  },
};

function refusal(view: Preview): ErrorCode {
  return view.decision === 'owed' ? 'OBLIGATION_OWED' : 'POLICY_REFUSED';
}

export function previewLines(view: Preview): string[] {
  return [
    `${view.kind} on the ${view.lane} lane: ${decisionWords(view)}`,
    ...view.reasons.map(({ policy, text }) => `  ${visible(policy)}: ${visible(text)}`),
    '',
    ...recipientTable(view.recipients),
    ...refusalLines(view.recipients),
    ...view.warnings.map(({ id, text }) => `warning ${visible(id)}: ${visible(text)}`),
  ];
}

function decisionWords({ decision, obligations }: Preview): string {
  if (decision === 'allow') return 'may be sent';
  if (decision === 'deny') return 'may not be sent';
  return `may be sent once fulfilled: ${obligations.map(visible).join(', ')}`;
}

/** One line an agency, one column a section: what it reads, and what is closed to it. */
export function recipientTable(recipients: readonly PreviewRecipient[]): string[] {
  const names = [...new Set(recipients.flatMap(({ sections }) => sections.map(({ name }) => name)))];
  const rows = recipients.map((recipient) => [
    recipient.agency,
    recipient.sees,
    ...(recipient.keys === 'ready' ? [''] : [recipient.keys === 'none' ? 'no keys yet' : 'old key']),
    ...names.map((name) => cellOf(recipient.sections.find((section) => section.name === name))),
  ]);
  return tableLines(['agency', 'sees', 'keys', ...names], rows);
}

function cellOf(section: PreviewSection | undefined): string {
  if (section === undefined) return '';
  if (!section.present) return '.';
  return section.reads ? 'reads' : '-';
}

/** Each reason once, with the agencies and sections that it closes. */
function refusalLines(recipients: readonly PreviewRecipient[]): string[] {
  const closed = new Map<string, string[]>();
  for (const { agency, sections } of recipients) {
    for (const { name, present, reads, reasons } of sections) {
      if (reads || !present) continue;
      for (const { policy, text } of reasons) {
        const line = `${visible(policy)}: ${visible(text)}`;
        closed.set(line, [...(closed.get(line) ?? []), `${agency} ${visible(name)}`]);
      }
    }
  }
  const lines = [...closed].map(([reason, where]) => `  ${reason} (${where.join('; ')})`);
  return lines.length === 0 ? [] : ['', 'not read, because of', ...lines];
}
