/** Sends a register of stolen objects, one flag a row: `node agents/heritage/import.ts FILE.csv --as AGENCY`. */
import { runImport } from '../../src/index.ts';
import { objectDraft } from './mapping.ts';

process.exitCode = await runImport(objectDraft, process.argv.slice(2), process);
