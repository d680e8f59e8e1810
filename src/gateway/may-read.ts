/** What `read` policy lets an officer know of: asked before anything is listed, counted, told or opened. */
import { requestOfReadClass } from '../policy/index.ts';
import type { ListedMessage, SectionRow } from '../store/port.ts';
import type { GatewayContext } from './context.ts';
import { officerFacts } from './facts.ts';
import { coverField } from './release.ts';
import type { Officer } from './views.ts';

/** The read classes that policy lets this officer read; there are few, and the engine remembers its answers. */
export function allowedClasses(context: GatewayContext, officer: Officer): readonly number[] {
  return context.store.messages
    .readClasses()
    .filter(({ facts }) => mayRead(context, officer, facts).effect === 'allow')
    .map(({ id }) => id);
}

export function mayRead(
  context: GatewayContext,
  officer: Officer,
  readClass: string,
): ReturnType<GatewayContext['policy']['decide']> {
  return context.policy.decide(
    requestOfReadClass(readClass, officerFacts(context, officer), context.clock.nowMs()),
  );
}

/** Whether policy lets the officer know of the message: by its cover, or a section that has content. */
export function mayKnow(context: GatewayContext, id: string, officer: Officer): boolean {
  return context.store.messages
    .sectionClasses(id)
    .some(
      ({ field, state, readClass }) =>
        (field === coverField || hasContent(state)) &&
        mayRead(context, officer, readClass).effect === 'allow',
    );
}

/** What the cover says stands in a list too: the reference, and how long the message is in force. */
export function mayReadCover(context: GatewayContext, id: string, officer: Officer): boolean {
  return context.store.messages
    .sectionClasses(id)
    .some(
      ({ field, readClass }) =>
        field === coverField && mayRead(context, officer, readClass).effect === 'allow',
    );
}

function hasContent(state: SectionRow['state']): boolean {
  return state === 'read' || state === 'open';
}

/** Answers that the officer may know of: an answer's existence is one. */
export function answersTo(
  context: GatewayContext,
  digest: Uint8Array,
  officer: Officer,
): readonly ListedMessage[] {
  return context.store.messages.answersTo(digest).filter(({ facts }) => mayKnow(context, facts.id, officer));
}
