/** What would happen to a draft: who would read what, and why not. Nothing is kept. */
import { z } from 'zod';
import { type Route, route } from './route.ts';
import { previewShape } from './shapes.ts';

export const previewRoutes: readonly Route[] = [
  route({
    id: 'previewDraft',
    method: 'POST',
    path: '/v1/previews',
    access: 'draft',
    summary: 'Says who would read which section of a draft, without sending it',
    body: z.unknown(),
    bodySchema: 'Draft',
    answer: { status: 200, type: 'application/json', description: 'each recipient', shape: previewShape },
    errors: ['DRAFT_INVALID', 'RECIPIENT_UNKNOWN'],
    handle: ({ gateway, officer, body }) => gateway.preview(body, officer),
  }),
];
