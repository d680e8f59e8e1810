/** Messages for the store's tests. */
import { createHash } from 'node:crypto';
import { systemRandom, uuidText, uuidV7 } from '../../../src/ids.ts';
import type { NewMessage, OpenedStore, SectionRow } from '../../../src/store/index.ts';
import { agencyId } from '../../../src/types.ts';

export const greece = agencyId('gr.customs');
export const italy = agencyId('it.police');
export const france = agencyId('fr.heritage');
export const startMs = Date.UTC(2026, 0, 5);

export function digest(text: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(text).digest());
}

export function messageId(): string {
  return uuidText(uuidV7(startMs, systemRandom));
}

export const epoch = new Uint8Array(16).fill(1);

export function section(field: number, o: Partial<SectionRow> = {}): SectionRow {
  return {
    field,
    category: field === 1 ? 'COVER' : 'GOODS',
    state: 'read',
    bytes: new TextEncoder().encode(`section ${field}`),
    text: `words of ${field}`,
    readClass: `{"class":"${field}"}`,
    ...o,
  };
}

export type MessageOptions = Omit<Partial<NewMessage>, 'facts'> & { facts?: Partial<NewMessage['facts']> };

let numbered = 0;

export function message(o: MessageOptions = {}): NewMessage {
  numbered += 1;
  const id = o.facts?.id ?? messageId();
  return {
    facts: {
      id,
      direction: 'in',
      digest: digest(id),
      sender: greece,
      subject: 'comity.gr.customs.all.day.seizure',
      epoch,
      sequence: numbered,
      kind: 'seizure',
      lane: 'day',
      schema: 'comity.seizure.v1.SeizureNotice',
      createdMs: startMs,
      deliverByMs: startMs + 1_000,
      storedMs: startMs + 5,
      flags: [],
      ...o.facts,
    },
    header: o.header ?? new TextEncoder().encode(`header ${id}`),
    envelope: o.envelope ?? new TextEncoder().encode(`envelope ${id}`),
    sections: o.sections ?? [section(1), section(2)],
  };
}

/** Ids of every read class. */
export function allClasses(store: OpenedStore): readonly number[] {
  return store.messages.readClasses().map(({ id }) => id);
}
