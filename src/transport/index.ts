/** The hub, and an agency's link to it. */
export { type CheckHubOptions, checkHub, type HubReport, inspectHub } from './check.ts';
export type { HubAddress } from './connect-options.ts';
export { type DevelopmentHub, type DevelopmentHubOptions, startDevelopmentHub } from './development-hub.ts';
export { type FindServerOptions, findServer, type ServerBinary } from './find-server.ts';
export { type HubServerOptions, hubConfig, isLoopback } from './hub-config.ts';
export { connectHubTools, type HubConnection, type HubToolOptions } from './hub-connection.ts';
export {
  type ConsumerStatus,
  type HubStatus,
  hubStatus,
  purgeSender,
  type SenderUse,
  type StreamStatus,
  senderUse,
} from './hub-status.ts';
export {
  type AgencyPlan,
  directoryStream,
  durablesOf,
  type HubLayout,
  type HubPlan,
  hubLayout,
  partitionsOf,
  streamOf,
} from './layout.ts';
export { whenConnected } from './link.ts';
export { type ConnectHubOptions, connectHub } from './nats.ts';
export { createNatsUserKey, isNatsUserKey, type NatsUserKey, publicKeyOfSeed } from './nats-keys.ts';
export { type Provisioned, type ProvisionOptions, provisionHub, storeBytesOf } from './provision.ts';
export { connectRaw, type RawClient, type RawMessage, type RawPublish } from './raw-client.ts';
export { logTail, type RunningServer, type RunServerOptions, runServer } from './server.ts';
export {
  type ApplyPlanOptions,
  applyPlan,
  type DirectoryEntry,
  followDirectory,
  publishTrust,
  readDirectory,
  reloadServer,
} from './watch.ts';
