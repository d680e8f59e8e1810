/** Several gateways in one process over a real hub, each with a real store: the very code of production. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../src/clock.ts';
import { hubPlanOf } from '../../src/gateway/index.ts';
import type { Officer } from '../../src/gateway/views.ts';
import { type DevelopmentHub, startDevelopmentHub } from '../../src/transport/index.ts';
import { agencyId } from '../../src/types.ts';
import { type AgencySpec, type Federation, makeFederation } from './federation.ts';
import { type Node, type NodeParts, type StartOptions, shiftingClock, startNode } from './gateway-node.ts';
import { natsServerBinary } from './nats.ts';

export { type Node, type ShiftingClock, type StartOptions, shiftingClock } from './gateway-node.ts';

export const officer: Officer = {
  pseudonym: 'officer-17',
  desk: 'duty',
  role: 'investigator',
  scopes: ['draft', 'send', 'approve', 'read', 'operate', 'audit'],
};

export interface Network {
  readonly federation: Federation;
  readonly hub: DevelopmentHub;
  readonly nodes: ReadonlyMap<string, Node>;
  node(agency: string): Node;
  /** Starts (again) the gateway of an agency on its store. */
  start(agency: string, o?: StartOptions): Promise<Node>;
  stop(): Promise<void>;
}

export type NetworkOptions = Readonly<{
  agencies?: readonly (AgencySpec | string)[];
  /** Agencies whose gateways are not started. */
  down?: readonly string[];
  clock?: Clock;
  weeks?: number;
  federation?: Federation;
}>;

export async function startNetwork(o: NetworkOptions = {}): Promise<Network> {
  const clock = o.clock ?? shiftingClock();
  const directory = await mkdtemp(join(tmpdir(), 'comity-network-'));
  const federation =
    o.federation ??
    makeFederation({
      nowMs: clock.nowMs(),
      ...(o.agencies === undefined ? {} : { agencies: o.agencies }),
      ...(o.weeks === undefined ? {} : { weeks: o.weeks }),
    });
  const book = federation.book({ clock });
  const hub = await startDevelopmentHub({
    binary: await natsServerBinary(),
    directory: join(directory, 'hub'),
    plan: hubPlanOf(book, clock.nowMs()),
    clock,
  });
  const nodes = new Map<string, Node>();
  const start = async (agency: string, options: StartOptions = {}): Promise<Node> => {
    const node = await startNode({
      ...partsOf(federation, agency),
      servers: hub.servers,
      directory: options.directory ?? join(directory, agency),
      clock: options.clock ?? clock,
      options,
    });
    nodes.set(agency, node);
    return node;
  };
  for (const agency of federation.agencies.keys()) {
    const active = book.statusAt(agency, clock.nowMs()) === 'active';
    if (active && !(o.down ?? []).includes(agency)) await start(agency);
  }
  await Promise.all(
    [...nodes.values()].map((node) =>
      node.until(() => node.gateway.health().missingStatements.length === (o.down ?? []).length),
    ),
  );
  return {
    federation,
    hub,
    nodes,
    node(agency) {
      const found = nodes.get(agency);
      if (found === undefined) throw new TypeError(`${agency} is not running`);
      return found;
    },
    start,
    async stop() {
      await Promise.all([...nodes.values()].map((node) => node.stop()));
      await hub.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** What of a federation one agency brings to its gateway. */
export function partsOf(
  federation: Federation,
  agency: string,
): Omit<NodeParts, 'servers' | 'directory' | 'clock' | 'options'> {
  const { natsSeed, messageKeys, statement } = federation.agency(agency);
  const { firstRoot, federationIdHex, list } = federation;
  return { agency: agencyId(agency), firstRoot, federationIdHex, list, natsSeed, messageKeys, statement };
}
