export type { TokenHolder } from './bearer.ts';
export type { JsonSchema, OpenApiParts } from './openapi.ts';
export { createHttp, type Http, type HttpOptions } from './server.ts';
