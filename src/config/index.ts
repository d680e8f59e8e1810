export {
  type ClientSettings,
  type Environment,
  processEnvironment,
  readClientSettings,
} from './environment.ts';
export { besides, readConfigFile, readConfigText, readYaml } from './files.ts';
export {
  type GatewayConfig,
  type GatewaySecrets,
  loadGatewayConfig,
  type PolicyText,
} from './gateway-config.ts';
export { type HubToolsConfig, type HubToolsSecrets, loadHubConfig } from './hub-config.ts';
export {
  type AgencyPlanned,
  type FederationPlan,
  federationFileName,
  type Reachable,
  readFederationPlan,
  readLocalGateways,
} from './local-federation.ts';
export { type OfficerEntry, readOfficers } from './officers.ts';
export { type Secret, secret } from './secret.ts';
