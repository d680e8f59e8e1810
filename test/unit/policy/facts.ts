import type { AgencyFacts, MessageFacts, OfficerFacts, SectionFacts } from '../../../src/policy/index.ts';
import type { Category } from '../../../src/types.ts';

export const agency = (id: string, ...roles: string[]): AgencyFacts => ({
  id,
  jurisdiction: id.slice(0, 2),
  roles,
});

export const grCustoms = agency('gr.customs', 'customs');
export const itPolice = agency('it.police', 'police');

export const message: MessageFacts = {
  kind: 'seizure',
  lane: 'day',
  environment: 'live',
  directed: false,
  purposes: ['INVESTIGATION'],
  legalBasis: ['eu:2016/680'],
  offences: ['iccs:1003'],
  handling: { tlp: 'AMBER', pap: 'AMBER', codes: ['europol:H0'], onward: 'UNSPECIFIED', releaseTo: [] },
  categories: ['COVER', 'GOODS'],
  recipientRoles: [],
  unknownFields: false,
};

export const section = (category: Category): SectionFacts => ({ ...message, category, section: 'section' });

export const officerOf = (of: AgencyFacts, role = 'officer'): OfficerFacts => ({
  pseudonym: 'k-114',
  role,
  desk: 'duty',
  agency: of,
});

export const nowMs = Date.parse('2026-03-01T10:20:30Z');
