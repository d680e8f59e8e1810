/** What arrived and was refused: codes and facts, never content. */
import { z } from 'zod';
import { limits } from '../limits.ts';
import { type Route, route } from './route.ts';
import { cursorInUrl, limitInUrl, pageShape, quarantinedShape } from './shapes.ts';

const queryShape = z.strictObject({
  before: cursorInUrl.optional().describe('older than this entry'),
  limit: limitInUrl.optional(),
});

export const quarantineRoutes: readonly Route[] = [
  route({
    id: 'listQuarantine',
    method: 'GET',
    path: '/v1/quarantine',
    access: 'operate',
    summary: 'Lists what was refused on arrival, newest first, each with its code',
    query: queryShape,
    answer: {
      status: 200,
      type: 'application/json',
      description: 'one page',
      shape: pageShape(quarantinedShape),
    },
    errors: [],
    handle: ({ gateway, query }) => gateway.quarantine(query.before, query.limit ?? limits.pageRowsDefault),
  }),
];
