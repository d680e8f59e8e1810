/** The gateway of one agency. */
export { type Arrow, arrows, type GatewayContext, type Profile } from './context.ts';
export { createGateway, type Gateway } from './gateway.ts';
export { type HubView, hubPlanOf, hubViewOf } from './hub-view.ts';
export { createPairKeys, type PairKeys } from './pair-keys.ts';
