/** Sends a watch file of consignments, one alert a row: `node agents/police/import.ts FILE.csv --as AGENCY`. */
import { runImport } from '../../src/index.ts';
import { shipmentDraft } from './mapping.ts';

process.exitCode = await runImport(shipmentDraft, process.argv.slice(2), process);
