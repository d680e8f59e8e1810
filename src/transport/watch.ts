/** The building blocks of `comity hub watch`: hear the directory, publish the trust list, apply a plan. */

import { rename, writeFile } from 'node:fs/promises';
import { AckPolicy, DeliverPolicy, ReplayPolicy } from '@nats-io/jetstream';
import { ComityError } from '../errors.ts';
import { limits } from '../limits.ts';
import { trustSubject } from '../subjects.ts';
import { type HubServerOptions, hubConfig } from './hub-config.ts';
import type { HubConnection } from './hub-connection.ts';
import { directoryStream, type HubLayout, type HubPlan, hubLayout } from './layout.ts';
import type { Following } from './port.ts';
import { type Provisioned, type ProvisionOptions, provisionHub } from './provision.ts';

export type DirectoryEntry = Readonly<{ subject: string; sequence: number; data: Uint8Array }>;

/**
 * Hands over the newest trust list and statements, and then each as it comes, in order and one at a
 * time. The bytes are as received: whoever hears them verifies them. Recovers by itself; after a
 * disconnect an entry may come twice. Stops with what `onEntry` throws, through `ended`.
 */
export async function followDirectory(
  hub: HubConnection,
  onEntry: (entry: DirectoryEntry) => Promise<void> | void,
): Promise<Following & { readonly ended: Promise<void> }> {
  const consumer = await hub.jetstream.consumers.get(directoryStream, {
    filter_subjects: [trustSubject, 'comity.*.*.statement'],
    deliver_policy: DeliverPolicy.LastPerSubject,
  });
  const messages = await consumer.consume({ max_messages: limits.pullMessagesMax });
  const ended = (async () => {
    for await (const { subject, seq, data } of messages) await onEntry({ subject, sequence: seq, data });
  })();
  ended.catch(() => {});
  return {
    ended,
    async stop() {
      await messages.close();
      await ended.catch(() => {});
    },
  };
}

/** Publishes a signed trust list or root as it stands. Throws HUB_REJECTED or HUB_UNREACHABLE. */
export async function publishTrust(hub: HubConnection, bytes: Uint8Array): Promise<{ sequence: number }> {
  try {
    const { seq } = await hub.jetstream.publish(trustSubject, bytes, { timeout: limits.publishTimeoutMs });
    return { sequence: seq };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'unknown';
    throw new ComityError('HUB_REJECTED', `the hub did not take the trust list: ${reason}`, { cause });
  }
}

/** The newest message on each trust and statement subject, without following. */
export async function readDirectory(hub: HubConnection): Promise<DirectoryEntry[]> {
  const entries: DirectoryEntry[] = [];
  const { manager, jetstream } = hub;
  const { name } = await manager.consumers.add(directoryStream, {
    filter_subjects: [trustSubject, 'comity.*.*.statement'],
    deliver_policy: DeliverPolicy.LastPerSubject,
    ack_policy: AckPolicy.None,
    replay_policy: ReplayPolicy.Instant,
    inactive_threshold: 30_000_000_000,
    mem_storage: true,
  });
  const consumer = await jetstream.consumers.get(directoryStream, name);
  let { num_pending: left } = await consumer.info();
  while (left > 0) {
    const message = await consumer.next({ expires: limits.hubApiTimeoutMs });
    if (message === null) break;
    entries.push({ subject: message.subject, sequence: message.seq, data: message.data });
    left = message.info.pending;
  }
  await consumer.delete();
  return entries;
}

export type ApplyPlanOptions = Readonly<{
  hub: HubConnection;
  /** A connection of account SYS to the server whose configuration file this is. */
  system: HubConnection;
  configFile: string;
  server: Omit<HubServerOptions, 'layout'>;
  plan: HubPlan;
  provision?: ProvisionOptions;
}>;

/**
 * Rewrites the accounts, reloads the server, and then provisions: what is withdrawn ends first, and
 * a newcomer's gateway asks again until its consumers are there.
 */
export async function applyPlan(options: ApplyPlanOptions): Promise<Provisioned> {
  const layout: HubLayout = hubLayout(options.plan);
  await replaceFile(options.configFile, hubConfig({ ...options.server, layout }));
  await reloadServer(options.system);
  return await provisionHub(options.hub, layout, options.provision);
}

/** Makes the server that SYS is connected to read its configuration again. Throws HUB_REFUSED with its words. */
export async function reloadServer(system: HubConnection): Promise<void> {
  const id = system.connection.info?.server_id;
  if (id === undefined) throw new ComityError('HUB_UNREACHABLE', 'the hub does not answer');
  const timeout = limits.publishTimeoutMs;
  const reply = await system.connection
    .request(`$SYS.REQ.SERVER.${id}.RELOAD`, '', { timeout })
    .catch((cause) => {
      throw new ComityError('HUB_UNREACHABLE', 'the hub did not answer the reload', { cause });
    });
  const { error } = reply.json<{ error?: { description?: string } }>();
  if (error !== undefined) {
    throw new ComityError(
      'HUB_REFUSED',
      `the hub refused its new configuration: ${error.description ?? 'no reason given'}`,
    );
  }
}

/** One hub tool writes at a time: the file is that of one server. */
async function replaceFile(path: string, text: string): Promise<void> {
  const fresh = `${path}.next`;
  await writeFile(fresh, text, { mode: 0o600 });
  await rename(fresh, path);
}
