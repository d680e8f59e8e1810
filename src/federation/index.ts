/** Whole federations on one machine, and what keeps a hub in step with its trust list. */
export { type LocalHub, type StartHubOptions, startHub } from './hub.ts';
export { type HubBookOptions, openHubBook, unlessOlder } from './hub-book.ts';
export { type HubWatch, type WatchHubOptions, watchHub } from './hub-watch.ts';
export {
  createLocalFederation,
  type LocalAgency,
  type LocalFederation,
} from './local.ts';
export type { LocalFederationOptions } from './make.ts';
export type { AgencyPlaces, Places } from './places.ts';
export { type GatewayProcess, type StartGatewayOptions, startGatewayProcess } from './process.ts';
export { type RunningFederation, type StartFederationOptions, startFederation } from './running.ts';
