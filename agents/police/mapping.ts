/** A row of a police watch file as a shipment alert: a consignment to look out for, and what is asked. */
import type { CsvRow } from '../../src/index.ts';

const asked: Readonly<Record<string, string>> = {
  report: 'REQUESTED_ACTION_LET_PASS_AND_REPORT',
  documents: 'REQUESTED_ACTION_DOCUMENT_CHECK',
  scan: 'REQUESTED_ACTION_SCAN',
  inspect: 'REQUESTED_ACTION_INSPECT',
  hold: 'REQUESTED_ACTION_HOLD',
};

/** Columns: case, container, vessel, eta, port, action, until, ground, flag. */
export function shipmentDraft(row: CsvRow): unknown {
  const { case: ownCase = '', eta = '', port = '', action = '', until = '', ground = '', flag = '' } = row;
  return {
    kind: 'shipment',
    // Whoever reads it has to act before the consignment is gone.
    lane: action === 'hold' ? 'now' : 'day',
    to: 'all',
    cover: {
      handling: { tlp: 'TLP_AMBER', pap: 'PAP_AMBER', onward: 'ONWARD_SAME_JURISDICTION' },
      purposes: ['PURPOSE_DETECTION', 'PURPOSE_INVESTIGATION'],
      legalBasis: [{ scheme: 'untoc', code: '18(4)' }],
      ...(ownCase === '' ? {} : { ownCase }),
      ...(until === '' ? {} : { inForceUntil: `${until}T23:59:59Z` }),
    },
    payload: {
      conveyance: {
        conveyances: [conveyanceOf(row)],
        ...(eta === '' ? {} : { expectedArrival: { at: eta } }),
        ...(port === '' ? {} : { expectedAt: { country: port.slice(0, 2), unlocode: port } }),
      },
      action: {
        actions: [asked[action] ?? 'REQUESTED_ACTION_INFORM_ONLY'],
        ...(until === '' ? {} : { notAfter: { at: until } }),
      },
      grounds: {
        ...(flag === '' ? {} : { indicators: [{ scheme: 'comity-red-flag', code: flag }] }),
        ...(ground === '' ? {} : { text: { text: ground } }),
        assertion: { basis: 'BASIS_ASSESSMENT' },
      },
    },
  };
}

function conveyanceOf({ container = '', vessel = '' }: CsvRow) {
  return {
    mode: 'TRANSPORT_MODE_MARITIME',
    ...(vessel === '' ? {} : { vessel: { name: vessel } }),
    ...(container === '' ? {} : { containers: [{ number: container }] }),
  };
}
