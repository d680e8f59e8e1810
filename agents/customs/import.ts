/** Sends a register of seizures, one notice a row: `node agents/customs/import.ts FILE.csv --as AGENCY`. */
import { runImport } from '../../src/index.ts';
import { seizureDraft } from './mapping.ts';

process.exitCode = await runImport(seizureDraft, process.argv.slice(2), process);
