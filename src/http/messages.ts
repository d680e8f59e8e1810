/** Messages: sending one, finding those that are here, and what became of each. */
import { z } from 'zod';
import { ComityError } from '../errors.ts';
import type { MessageQuery, Submission } from '../gateway/views.ts';
import { limits } from '../limits.ts';
import { type Call, type Route, route } from './route.ts';
import {
  messageIdShape,
  messageQueryShape,
  messageShape,
  pageShape,
  receiptsShape,
  submissionShape,
  summaryShape,
} from './shapes.ts';

const json = 'application/json';
const idParams = z.strictObject({ id: messageIdShape });

// Visible ASCII: the key is compared byte by byte and stands in no other syntax.
const idempotencyKeyShape = z
  .string()
  .max(limits.idempotencyKeyCharsMax)
  .regex(/^[\x21-\x7e]+$/);

export const messageRoutes: readonly Route[] = [
  route({
    id: 'sendMessage',
    method: 'POST',
    path: '/v1/messages',
    access: 'send',
    summary: 'Sends a draft: when it answers, the message is durable here and leaves as soon as it can',
    headers: [
      {
        name: 'Idempotency-Key',
        description: 'the same key with the same draft is one message, within two days',
        shape: idempotencyKeyShape,
      },
    ],
    body: z.unknown(),
    bodySchema: 'Draft',
    answer: { status: 202, type: json, description: 'the message and its copies', shape: submissionShape },
    errors: [
      'BACK_PRESSURE',
      'DRAFT_INVALID',
      'DRAFT_TOO_LARGE',
      'GATEWAY_STOPPING',
      'IDEMPOTENCY_KEY_REUSED',
      'OBLIGATION_OWED',
      'POLICY_NOT_PERMITTED',
      'POLICY_REFUSED',
      'RECIPIENT_UNKNOWN',
      'SIGNING_KEY_ENDED',
      'STORE_FAILED',
      'STORE_FULL',
    ],
    handle: send,
  }),
  route({
    id: 'listMessages',
    method: 'GET',
    path: '/v1/messages',
    access: 'read',
    summary:
      'Lists messages, newest first, or oldest first after a cursor; searches what the officer may read',
    query: messageQueryShape,
    answer: { status: 200, type: json, description: 'one page', shape: pageShape(summaryShape) },
    errors: [],
    handle: ({ gateway, officer, query }) => gateway.list(given(query), officer),
  }),
  route({
    id: 'showMessage',
    method: 'GET',
    path: '/v1/messages/{id}',
    access: 'read',
    summary: 'Shows a message with the sections that the officer may read',
    params: idParams,
    answer: { status: 200, type: json, description: 'the message', shape: messageShape },
    errors: ['NOT_FOUND'],
    handle: ({ gateway, officer, params }) => gateway.show(params.id, officer),
  }),
  route({
    id: 'showReceipts',
    method: 'GET',
    path: '/v1/messages/{id}/receipts',
    access: 'read',
    summary: 'Shows what became of an own message at each recipient',
    params: idParams,
    answer: { status: 200, type: json, description: 'one line an agency', shape: receiptsShape },
    errors: ['NOT_FOUND'],
    handle: ({ gateway, officer, params }) => gateway.receipts(params.id, officer),
  }),
  route({
    id: 'readEnvelope',
    method: 'GET',
    path: '/v1/messages/{id}/envelope',
    access: 'read',
    summary: 'Gives the exact bytes that were signed and sent',
    params: idParams,
    answer: { status: 200, type: 'application/octet-stream', description: 'a serialised Envelope' },
    errors: ['NOT_FOUND'],
    handle: ({ gateway, officer, params }) => Buffer.from(gateway.envelope(params.id, officer)),
  }),
];

async function send({ gateway, officer, body, header, reply }: Call<unknown, unknown, unknown>) {
  const key = header('idempotency-key');
  if (key !== undefined && !idempotencyKeyShape.safeParse(key).success) {
    const message = `expected 1 to ${limits.idempotencyKeyCharsMax} visible ASCII characters`;
    throw new ComityError('REQUEST_INVALID', 'the idempotency key is malformed', {
      problems: [{ path: 'Idempotency-Key', message }],
    });
  }
  const submission: Submission = await gateway.submit(body, officer, key);
  reply.header('location', `/v1/messages/${submission.id}`);
  return submission;
}

/** Without the members that were not given. */
function given(query: z.output<typeof messageQueryShape>): MessageQuery {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined));
}
