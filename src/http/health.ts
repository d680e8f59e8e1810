/** Whether the gateway lives, for anyone; how it is, for those with a token. */
import { z } from 'zod';
import { type Route, route } from './route.ts';
import { healthShape, livenessShape } from './shapes.ts';

export const healthRoutes: readonly Route[] = [
  route({
    id: 'checkLiveness',
    method: 'GET',
    path: '/v1/health',
    access: 'open',
    summary: 'Says that the process answers; with a token, how the gateway is and what would mend it',
    answer: {
      status: 200,
      type: 'application/json',
      description: 'alive; with a token the details, whatever they say',
      shape: z.union([livenessShape, healthShape]),
    },
    errors: ['TOKEN_UNKNOWN', 'SCOPE_MISSING'],
    handle: ({ gateway, header }) =>
      header('authorization') === undefined ? { alive: true } : gateway.health(),
  }),
];
