/** A gateway as a process, from its start to a ready API, on an empty store; with node's own share beside it. */
import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { systemClock } from '../src/clock.ts';
import { processEnvironment, readFederationPlan } from '../src/config/index.ts';
import { createLocalFederation, startGatewayProcess, startHub } from '../src/federation/index.ts';
import { systemRandom } from '../src/ids.ts';
import { inFolder } from './gateways.ts';
import { median } from './measure.ts';
import type { Row } from './row.ts';

const root = resolve(import.meta.dirname, '..');

export async function* start(): AsyncGenerator<Row> {
  const { times } = await inFolder(async (directory) => {
    const federation = await createLocalFederation({
      directory: join(directory, 'federation'),
      plan: readFederationPlan(join(root, 'config/local-federation.yaml')),
      clock: systemClock,
      random: systemRandom,
    });
    const hub = await startHub({
      federation,
      clock: systemClock,
      natsServer: process.env['NATS_SERVER'],
      searchPath: process.env['PATH'],
      cacheDirectory: join(root, '.cache/nats'),
    });
    const measured: number[] = [];
    try {
      // Each on a store that never was.
      for (const { planned } of federation.agencies) {
        const begun = performance.now();
        const gateway = await startGatewayProcess({
          federation,
          agency: planned.agency,
          hubServer: hub.server,
          port: 0,
          env: processEnvironment(),
          clock: systemClock,
        });
        measured.push(performance.now() - begun);
        await gateway.stop();
      }
    } finally {
      await hub.stop();
    }
    return { times: measured };
  });
  const bare = performance.now();
  execFileSync(process.execPath, ['-e', '0']);
  yield {
    bench: 'start',
    what: 'gateway start to ready, empty store, from the sources',
    value: median(times) / 1000,
    unit: 's',
    peer: (performance.now() - bare) / 1000,
    aim: '≤ 1 s compiled',
    note: 'peer: node starting and doing nothing',
  };
}
