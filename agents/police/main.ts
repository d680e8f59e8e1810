/** Runs this agency's gateway: `node agents/police/main.ts --config FILE`. */
import { runAgent } from '../../src/index.ts';
import { profile } from './profile.ts';

process.exitCode = await runAgent(profile, process.argv.slice(2), process);
