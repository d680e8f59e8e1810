/** What both pipelines are given. Everything that touches the world is a port; there is no module-level state. */
import type { AuditLog } from '../audit/index.ts';
import type { Clock } from '../clock.ts';
import type { Random } from '../ids.ts';
import type { MessageKeys } from '../keys/index.ts';
import type { Log } from '../log.ts';
import type { PolicyEngine } from '../policy/index.ts';
import type { ListedMessage, MessageFilter, Store } from '../store/port.ts';

import type { Transport } from '../transport/port.ts';
import type { TrustBook } from '../trust/index.ts';
import type { AgencyId, Kind } from '../types.ts';
import type { HubView } from './hub-view.ts';
import type { PairKeys } from './pair-keys.ts';

/** The arrows of both pipelines, in order; a process may die at each (ARCHITECTURE.md, Crash points). */
export const arrows = [
  'outbound.validated',
  'outbound.decided',
  'outbound.sealed',
  'outbound.written',
  'outbound.committed',
  'outbound.published',
  'outbound.marked',
  'inbound.delivered',
  'inbound.verified',
  'inbound.opened',
  'inbound.written',
  'inbound.committed',
  'inbound.acknowledged',
  'inbound.receipted',
] as const;
export type Arrow = (typeof arrows)[number];

/** What an agency's profile lets its gateway do: narrower than the trust list, never wider. */
export type Profile = Readonly<{ title: string; sends: readonly Kind[]; takes: readonly Kind[] }>;

export type GatewayContext = Readonly<{
  agency: AgencyId;
  profile: Profile;
  store: Store;
  /** Lists and searches off the pipelines' thread, so that a slow query never delays a message. */
  search: (filter: MessageFilter, limit: number) => Promise<readonly ListedMessage[]>;
  trust: TrustBook;
  keys: MessageKeys;
  pairs: PairKeys;
  policy: PolicyEngine;
  audit: AuditLog;
  transport: Transport;
  /** Streams and durables by the newest trust list. */
  layout: () => HubView;
  clock: Clock;
  random: Random;
  log: Log;
  /** Told at each arrow; production passes a function that does nothing. */
  reached: (arrow: Arrow) => void;
}>;
