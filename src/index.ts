/** The public door: what agents, the demonstration and tests stand on. */
export { defineProfile, type ProcessPort, runAgent } from './agent.ts';
export { type Clock, systemClock } from './clock.ts';
export {
  type AgencyPlanned,
  type Environment,
  type FederationPlan,
  processEnvironment,
  readClientSettings,
  readFederationPlan,
} from './config/index.ts';
export { type CsvRow, readCsv } from './csv.ts';
export { ComityError, type ErrorCode, errorTable } from './errors.ts';
export {
  createLocalFederation,
  type GatewayProcess,
  type LocalFederation,
  type LocalHub,
  type RunningFederation,
  startFederation,
  startGatewayProcess,
  startHub,
} from './federation/index.ts';
export type { Profile } from './gateway/index.ts';
export type * from './gateway/views.ts';
export { type Random, systemRandom } from './ids.ts';
export { type ImportPort, type Mapping, runImport } from './import.ts';
export { createLog, type Log, silentLog } from './log.ts';
export { type RunningGateway, type RunOptions, runGateway, startGateway } from './run.ts';
export { connectRaw, type RawClient, type RawMessage } from './transport/index.ts';
export { type AgencyId, agencyId, isAgencyId, type Kind, kinds, type Lane, lanes } from './types.ts';
