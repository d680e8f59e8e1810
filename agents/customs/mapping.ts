/** A row of a customs office's seizure register as a seizure notice. What the register does not know is left out. */
import type { CsvRow } from '../../src/index.ts';

/** The register's own groups; any other is sent as `OTHER`, with its word kept in the description. */
const groups: Readonly<Record<string, string>> = {
  drugs: 'GOODS_GROUP_DRUGS',
  weapons: 'GOODS_GROUP_FIREARMS_AMMUNITION',
  wildlife: 'GOODS_GROUP_WILDLIFE_FAUNA',
  antiquities: 'GOODS_GROUP_CULTURAL_GOODS',
  cash: 'GOODS_GROUP_CURRENCY',
};

/** Columns: register_no, date, country, unlocode, office, group, goods, hs, quantity, unit. */
export function seizureDraft(row: CsvRow): unknown {
  const { register_no: ownCase = '', date = '', country = '', unlocode = '', office = '' } = row;
  return {
    kind: 'seizure',
    lane: 'day',
    to: 'all',
    cover: {
      handling: { tlp: 'TLP_AMBER', pap: 'PAP_GREEN' },
      purposes: ['PURPOSE_DETECTION', 'PURPOSE_CUSTOMS_RISK_MANAGEMENT'],
      legalBasis: [{ scheme: 'naples-ii', code: '17' }],
      ...given('ownCase', ownCase),
    },
    payload: {
      situation: {
        seized: { at: date },
        place: { country, ...given('unlocode', unlocode) },
        legalAction: 'LEGAL_ACTION_SEIZED',
        ...given('office', office),
      },
      goods: { items: [itemOf(row)] },
    },
  };
}

function itemOf(row: CsvRow) {
  const { group = '', goods = '', hs = '', quantity = '', unit = '' } = row;
  const known = groups[group];
  const description = known === undefined && group !== '' ? `${group}: ${goods}` : goods;
  return {
    group: known ?? 'GOODS_GROUP_OTHER',
    ...(description === '' ? {} : { description: { text: description } }),
    ...(hs === '' ? {} : { commodity: { scheme: 'hs', version: '2022', code: hs } }),
    ...quantityOf(quantity, unit),
  };
}

/** That something was seized and not counted is said, and not left to be guessed. */
function quantityOf(reportedValue: string, unit: string) {
  if (reportedValue === '') return { quantity: { unknown: 'UNKNOWN_REASON_NOT_KNOWN' } };
  const isNumber = /^[0-9]{1,24}(\.[0-9]{1,12})?$/.test(reportedValue);
  return {
    quantity: {
      ...(isNumber ? { value: reportedValue } : {}),
      ...(unit === '' ? {} : { unit: { scheme: 'un-rec-20', code: unit } }),
      reportedValue,
    },
  };
}

function given(name: string, value: string): Record<string, string> {
  return value === '' ? {} : { [name]: value };
}
