/** `npm run bench [-- NAME…] [--json]`: each benchmark's rows, as they are measured. */
import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { audience } from './audience.ts';
import { hub } from './hub.ts';
import { latency } from './latency.ts';
import { listing } from './listing.ts';
import { policy } from './policy.ts';
import { publish } from './publish.ts';
import { catchUp, receive } from './receive.ts';
import { type Bench, type Row, type Settings, tableHead, tableRow } from './row.ts';
import { start } from './start.ts';
import { verify } from './verify.ts';

const benches: Readonly<Record<string, Bench>> = {
  publish,
  receive,
  latency,
  audience,
  policy,
  verify,
  'catch-up': catchUp,
  hub,
  listing,
  start,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    missed: { type: 'string', default: '5000' },
    stored: { type: 'string', default: '20000' },
    'idle-seconds': { type: 'string', default: '62' },
    help: { type: 'boolean', default: false },
  },
});

const usage = `npm run bench -- [NAME…] [--json] [--missed N] [--stored N] [--idle-seconds N]

names: ${Object.keys(benches).join(' ')}
  --missed N        messages that catch-up takes (5,000; the promise is about 100,000)
  --stored N        messages in the larger store of listing (20,000; the promise is about 1,000,000)
  --idle-seconds N  how long hub watches idle gateways (62; pulls are renewed every 300)
`;

async function main(): Promise<void> {
  const unknown = positionals.filter((name) => !(name in benches));
  if (values.help || unknown.length > 0) {
    process.stdout.write(usage);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const settings: Settings = {
    missed: Number(values.missed),
    stored: Number(values.stored),
    idleSeconds: Number(values['idle-seconds']),
  };
  const rows: Row[] = [];
  if (!values.json) process.stdout.write(`${machine()}\n${tableHead()}\n`);
  for (const [name, bench] of Object.entries(benches)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    for await (const row of bench(settings)) {
      rows.push(row);
      if (!values.json) process.stdout.write(`${tableRow(row)}\n`);
    }
  }
  if (values.json) process.stdout.write(`${JSON.stringify({ machine: machine(), rows }, null, 2)}\n`);
}

function machine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  return `${availableParallelism()} cores, ${model}, Node ${process.versions.node}`;
}

await main();
