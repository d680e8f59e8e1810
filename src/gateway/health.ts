/** What is wrong and what to do, in plain words; and the numbers for a dashboard. */
import { limits } from '../limits.ts';
import type { GatewayContext } from './context.ts';
import type { Health, HealthCheck, Metric } from './views.ts';

const dayMs = 24 * 3600 * 1000;

export type HealthFacts = Readonly<{
  /** Subject on which the hub or a peer showed a message of ours that this store does not know. */
  behind: string | undefined;
  started: boolean;
  counts: ReadonlyMap<string, number>;
}>;

export function health(context: GatewayContext, facts: HealthFacts): Health {
  const nowMs = context.clock.nowMs();
  const { trust, store, transport } = context;
  const peers = trust
    .members()
    .map(({ agency }) => agency)
    .filter((agency) => trust.statusAt(agency, nowMs) === 'active');
  const held = peers.filter((agency) => trust.statement(agency) !== undefined);
  const checks = [
    linkCheck(context),
    behindCheck(facts.behind),
    keyCheck(context, nowMs),
    trustCheck(context, nowMs),
    clockCheck(context),
    gapCheck(context),
    silenceCheck(context, nowMs),
  ];
  return {
    agency: context.agency,
    ready: facts.started && checks.every(({ state }) => state !== 'failing'),
    link: transport.state,
    trustVersion: trust.list().version,
    statements: held,
    missingStatements: peers.filter((agency) => !held.includes(agency)),
    waitingOutbox: store.outbox.unsent(),
    quarantined: store.quarantine.count(),
    parked: store.parking.summary().reduce((sum, { messages }) => sum + messages, 0),
    checks,
  };
}

function linkCheck({ transport }: GatewayContext): HealthCheck {
  if (transport.state === 'connected') return { id: 'link', state: 'ok', text: 'connected to the hub' };
  return {
    id: 'link',
    state: 'failing',
    text: `not connected to the hub (${transport.state}); what is sent waits in the outbox`,
    remedy: 'check the network and the hub; nothing is lost meanwhile',
  };
}

function behindCheck(subject: string | undefined): HealthCheck {
  if (subject === undefined)
    return { id: 'store', state: 'ok', text: 'the store knows everything that was sent from here' };
  return {
    id: 'store',
    state: 'failing',
    text: `the hub or a peer has messages of ours on ${subject} that this store does not know; sending has stopped`,
    remedy:
      'this store is an old copy, or a second gateway runs: stop the other one, or restore from the newest backup',
  };
}

/** Warnings 10, 5 and 2 days before the last listed key ends (docs/wire.md, Keys). */
function keyCheck({ keys }: GatewayContext, nowMs: number): HealthCheck {
  const days = Math.floor((keys.windowEndingMs() - nowMs) / dayMs);
  const remedy = 'run `comity keys roll` and publish the new statement';
  if (days < 0) return { id: 'keys', state: 'failing', text: 'no signing key is in force', remedy };
  if (days > 10) return { id: 'keys', state: 'ok', text: `message keys are listed for ${days} more days` };
  return {
    id: 'keys',
    state: days <= 2 ? 'failing' : 'warning',
    text: `the last listed message key ends in ${days} days`,
    remedy,
  };
}

function trustCheck({ trust }: GatewayContext, nowMs: number): HealthCheck {
  const expired = trust.expired(nowMs);
  if (expired === 'no')
    return { id: 'trust', state: 'ok', text: `trust list ${trust.list().version} is in force` };
  const remedy = 'ask the federation authorities for a new trust list';
  if (expired === 'grace')
    return {
      id: 'trust',
      state: 'warning',
      text: 'the trust list has expired; its grace is running',
      remedy,
    };
  return { id: 'trust', state: 'failing', text: 'the trust list has expired; sending has stopped', remedy };
}

function clockCheck({ transport }: GatewayContext): HealthCheck {
  const offsetMs = transport.clockOffsetMs;
  if (offsetMs === undefined || Math.abs(offsetMs) < limits.clockSkewMsMax / 2) {
    return { id: 'clock', state: 'ok', text: 'the clock agrees with the hub' };
  }
  const seconds = Math.round(offsetMs / 1000);
  return {
    id: 'clock',
    state: Math.abs(offsetMs) >= limits.clockSkewMsMax ? 'failing' : 'warning',
    text: `the clock differs from the hub's by ${seconds} s; peers refuse messages beyond ${limits.clockSkewMsMax / 1000} s`,
    remedy: 'synchronise the clock of this machine',
  };
}

function gapCheck({ store }: GatewayContext): HealthCheck {
  const open = store.positions.all().filter(({ gapSinceMs }) => gapSinceMs !== undefined);
  if (open.length === 0) return { id: 'gaps', state: 'ok', text: 'no channel has a gap' };
  return {
    id: 'gaps',
    state: 'warning',
    text: `${open.length} channels have gaps`,
    remedy: 'ask the senders to send again what is missing',
  };
}

/** Directed channels have no heartbeat: the sender alarms when no receipt comes. */
function silenceCheck({ store }: GatewayContext, nowMs: number): HealthCheck {
  const silent = store.receipts.silent().filter(({ oldestMs }) => nowMs - oldestMs > limits.receiptSilenceMs);
  if (silent.length === 0)
    return { id: 'silence', state: 'ok', text: 'every recipient has receipted in time' };
  const names = silent.map(({ agency }) => agency).join(', ');
  return {
    id: 'silence',
    state: 'warning',
    text: `no receipt for over 20 minutes from ${names}`,
    remedy: 'call their duty desk',
  };
}

export function metrics(context: GatewayContext, facts: HealthFacts): readonly Metric[] {
  const { store, trust, transport } = context;
  const gauge = (name: string, help: string, value: number): Metric => ({ name, help, type: 'gauge', value });
  return [
    gauge('comity_link_up', 'Whether the hub is connected.', transport.state === 'connected' ? 1 : 0),
    gauge('comity_outbox_waiting', 'Messages that the hub has not stored yet.', store.outbox.unsent()),
    gauge('comity_messages_stored', 'Messages in the store.', store.messages.count()),
    gauge('comity_quarantined', 'Messages in quarantine.', store.quarantine.count()),
    gauge(
      'comity_parked',
      'Messages that wait for a key, a statement or a list.',
      store.parking.summary().reduce((sum, { messages }) => sum + messages, 0),
    ),
    gauge('comity_trust_list_version', 'Version of the trust list in force.', trust.list().version),
    gauge(
      'comity_channels_with_gaps',
      'Channels in which something is missing.',
      store.positions.all().filter(({ gapSinceMs }) => gapSinceMs !== undefined).length,
    ),
    gauge(
      'comity_key_seconds_left',
      'Seconds until the last listed message key ends.',
      Math.round((context.keys.windowEndingMs() - context.clock.nowMs()) / 1000),
    ),
    ...[...facts.counts].map(
      ([verdict, value]): Metric => ({
        name: 'comity_inbound_total',
        help: 'Messages judged, by verdict.',
        type: 'counter',
        value,
        labels: { verdict },
      }),
    ),
  ];
}
