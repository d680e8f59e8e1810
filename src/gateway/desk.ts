/** What officers see of what is stored: `read` policy decides before anything is listed, matched or counted. */
import { hex } from '../bytes.ts';
import { rfc3339 } from '../clock.ts';
import { ComityError, errorTable } from '../errors.ts';
import { limits } from '../limits.ts';
import { decodeSection, type Schema, schemaNamed } from '../schema/index.ts';
import type { ListedMessage, RecipientState, SectionRow } from '../store/port.ts';
import type { GatewayContext } from './context.ts';
import { askedBy } from './facts.ts';
import { allowedClasses, answersTo, mayKnow, mayRead, mayReadCover } from './may-read.ts';
import type {
  EventPage,
  EventView,
  MessageQuery,
  MessageSummary,
  MessageView,
  Officer,
  Page,
  QuarantineView,
  ReceiptsView,
  RecipientView,
  SectionView,
} from './views.ts';

export async function list(
  context: GatewayContext,
  query: MessageQuery,
  officer: Officer,
): Promise<Page<MessageSummary>> {
  const limit = Math.min(query.limit ?? limits.pageRowsDefault, limits.pageRowsMax);
  const { search, limit: _, ...filter } = query;
  const words = search === undefined ? undefined : searchWords(search);
  if (words !== undefined)
    context.audit.append({
      event: 'search.performed',
      ...askedBy(officer),
      secrets: { words: words.join(' ') },
    });
  const allowed = allowedClasses(context, officer);
  const rows = await context.search({ ...filter, allowed, ...(words === undefined ? {} : { words }) }, limit);
  const last = rows.at(-1);
  const items = rows
    .filter(({ facts }) => query.reference === undefined || mayReadCover(context, facts.id, officer))
    .map((row) => summaryOf(context, row, officer));
  return {
    items,
    ...(last === undefined || rows.length < limit ? {} : { next: last.cursor }),
  };
}

function searchWords(search: string): readonly string[] {
  if ([...search].length > limits.searchTextCharsMax)
    throw new ComityError('REQUEST_INVALID', 'the search is too long');
  const words = search.normalize('NFC').match(/[\p{L}\p{N}]+/gu) ?? [];
  if (words.length === 0 || words.length > limits.searchTokensMax) {
    throw new ComityError('REQUEST_INVALID', `a search has 1 to ${limits.searchTokensMax} words`);
  }
  return words;
}

export function show(context: GatewayContext, id: string, officer: Officer): MessageView {
  const listed = find(context, id, officer);
  const { facts } = listed;
  const schema = schemaNamed(facts.schema, versionOf(facts.schema));
  if (schema === undefined) throw new ComityError('SCHEMA_UNKNOWN');
  const sections = context.store.messages
    .sections(id)
    .map((row) => sectionView(context, officer, { row, schema }));
  context.audit.append({
    event: 'section.read',
    ...askedBy(officer),
    message: id,
    sections: sections.filter(({ content }) => content !== undefined).map(({ name }) => name),
    policyVersion: context.policy.version,
  });
  return {
    ...summaryOf(context, listed, officer),
    digest: hex(facts.digest),
    subject: facts.subject,
    epoch: hex(facts.epoch),
    sequence: facts.sequence,
    schema: facts.schema,
    deliverBy: rfc3339(facts.deliverByMs),
    sections,
    answers: answersTo(context, facts.digest, officer).map((answer) => answer.facts.id),
  };
}

/** NOT_FOUND also where the officer may read nothing of it: existence leaks too. */
function find(context: GatewayContext, id: string, officer: Officer): ListedMessage {
  const listed = context.store.messages.byId(id);
  if (listed === undefined || !mayKnow(context, id, officer))
    throw new ComityError('NOT_FOUND', `no message \`${id}\``);
  return listed;
}

type Row = Readonly<{ row: SectionRow; schema: Schema }>;

function sectionView(context: GatewayContext, officer: Officer, { row, schema }: Row): SectionView {
  const { field, category, state, bytes } = row;
  const name = schema.sections.find((section) => section.field === field)?.name ?? String(field);
  const decision = mayRead(context, officer, row.readClass);
  if (decision.effect !== 'allow')
    return { field, name, category, state: 'denied', reasons: decision.reasons };
  if (bytes === undefined) return { field, name, category, state };
  return { field, name, category, state, content: decodeSection(schema, bytes).json };
}

function versionOf(schema: string): number {
  return Number(/\.v(\d+)\./.exec(schema)?.[1] ?? 1);
}

function summaryOf(
  context: GatewayContext,
  { cursor, facts }: ListedMessage,
  officer: Officer,
): MessageSummary {
  const cover = mayReadCover(context, facts.id, officer);
  return {
    id: facts.id,
    cursor,
    direction: facts.direction,
    from: facts.sender,
    to: facts.to ?? 'all',
    kind: facts.kind,
    lane: facts.lane,
    ...(facts.reference === undefined || !cover ? {} : { reference: facts.reference }),
    createdAt: rfc3339(facts.createdMs),
    storedAt: rfc3339(facts.storedMs),
    ...(facts.inForceUntilMs === undefined || !cover ? {} : { inForceUntil: rfc3339(facts.inForceUntilMs) }),
    flags: facts.flags,
  };
}

/** One line a recipient, whatever the number of copies. Errors: NOT_FOUND also for messages of others. */
export function receipts(context: GatewayContext, id: string, officer: Officer): ReceiptsView {
  const { facts } = find(context, id, officer);
  if (facts.direction !== 'out') throw new ComityError('NOT_FOUND', `\`${id}\` was not sent from here`);
  const copies = facts.distribution === undefined ? [] : context.store.messages.copies(facts.distribution);
  const first = copies[0]?.facts.id ?? id;
  const answers = (copies.length === 0 ? [facts] : copies.map((copy) => copy.facts)).flatMap(({ digest }) =>
    answersTo(context, digest, officer),
  );
  const schema = schemaNamed(facts.schema, versionOf(facts.schema));
  const recipients = context.store.receipts
    .recipients(first)
    .map((state) => recipientView(context, { state, answers, schema, officer }));
  const named = facts.reference !== undefined && mayReadCover(context, id, officer);
  return { id: first, ...(named ? { reference: facts.reference } : {}), recipients };
}

type Receiving = Readonly<{
  state: RecipientState;
  answers: readonly ListedMessage[];
  schema: Schema | undefined;
  officer: Officer;
}>;

function recipientView(
  context: GatewayContext,
  { state, answers, schema, officer }: Receiving,
): RecipientView {
  const own = answers.filter(({ facts }) => facts.sender === state.agency);
  return {
    agency: state.agency,
    state: own.length > 0 ? 'answered' : state.state,
    ...(state.code === undefined ? {} : { code: state.code }),
    since: rfc3339(state.sinceMs),
    sections: state.fields.map(
      (field) => schema?.sections.find((section) => section.field === field)?.name ?? String(field),
    ),
    answers: own.map((answer) => ({
      id: answer.facts.id,
      status: statusOf(context, answer, officer),
      at: rfc3339(answer.facts.createdMs),
    })),
  };
}

/** The status that a response gives, where the officer may read it. */
function statusOf(context: GatewayContext, { facts }: ListedMessage, officer: Officer): string {
  const schema = schemaNamed(facts.schema, versionOf(facts.schema));
  if (schema === undefined) return 'UNKNOWN';
  const views = context.store.messages
    .sections(facts.id)
    .map((row) => sectionView(context, officer, { row, schema }));
  for (const { name, content } of views) {
    const status = (content as { status?: unknown } | undefined)?.status;
    if (typeof status !== 'string') continue;
    context.audit.append({
      event: 'section.read',
      ...askedBy(officer),
      message: facts.id,
      sections: [name],
      policyVersion: context.policy.version,
    });
    return status;
  }
  return 'UNKNOWN';
}

/** The exact bytes, for a court or another system; NOT_FOUND also where a section lies open that the officer may not read. */
export function envelope(context: GatewayContext, id: string, officer: Officer): Uint8Array {
  const { facts } = find(context, id, officer);
  const closed = context.store.messages
    .sectionClasses(id)
    .some(
      ({ state, readClass }) => state === 'open' && mayRead(context, officer, readClass).effect !== 'allow',
    );
  if (closed) throw new ComityError('NOT_FOUND', `the envelope of \`${id}\` shows more than you may read`);
  const bytes = context.store.messages.envelope(facts.id);
  if (bytes === undefined) throw new ComityError('NOT_FOUND', `the envelope of \`${id}\` was erased`);
  context.audit.append({
    event: 'envelope.exported',
    ...askedBy(officer),
    message: id,
    digest: hex(facts.digest),
  });
  return bytes;
}

export function quarantine(
  context: GatewayContext,
  before: number | undefined,
  limit: number,
): Page<QuarantineView> {
  const most = Math.min(limit, limits.pageRowsMax);
  const rows = context.store.quarantine.page(before, most);
  const last = rows.at(-1);
  const items = rows.map(
    ({ id, atMs, code, subject, sender, bytes, reasons }): QuarantineView => ({
      id,
      at: rfc3339(atMs),
      code,
      meaning: errorTable[code].meaning,
      duty: errorTable[code].duty,
      subject,
      ...(sender === undefined ? {} : { sender }),
      bytes,
      reasons,
    }),
  );
  return { items, ...(last === undefined || rows.length < most ? {} : { next: last.id }) };
}

/** Events after one, without those of messages that the officer may not know of. */
export function eventsFor(
  context: GatewayContext,
  officer: Officer,
  { after, limit }: Readonly<{ after: number; limit: number }>,
): EventPage {
  const rows = context.store.events.after(after, limit);
  const events = rows
    .filter(({ message }) => message === undefined || mayKnow(context, message, officer))
    .map((row): EventView => {
      const { atMs, facts, ...event } = row;
      const { reference, ...others } = facts;
      const named = reference !== undefined && row.message !== undefined;
      const shown = named && mayReadCover(context, row.message, officer) ? facts : others;
      return { ...event, facts: shown, at: rfc3339(atMs) };
    });
  return { events, upTo: rows.at(-1)?.id ?? after };
}
