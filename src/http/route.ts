/** What a resource says of each of its routes: the server registers it, the OpenAPI document shows it. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { ErrorCode } from '../errors.ts';
import type { GatewayApi, Officer, Scope } from '../gateway/views.ts';

/** What a handler is given: parsed values only, and the officer where the route needs one. */
export type Call<P, Q, B> = Readonly<{
  gateway: GatewayApi;
  officer: Officer;
  params: P;
  query: Q;
  body: B;
  header: (name: string) => string | undefined;
  request: FastifyRequest;
  reply: FastifyReply;
}>;

export type Answer = Readonly<{ status: number; type: string; description: string; shape?: z.ZodType }>;

/** Who may call: `open` for all; `token` for every officer; else officers with the scope. */
export type Access = 'open' | 'token' | Scope;

export type HeaderFact = Readonly<{ name: string; description: string; shape: z.ZodType }>;

export type Route = Readonly<{
  id: string;
  method: 'GET' | 'POST';
  /** As in OpenAPI: `/v1/messages/{id}`. */
  path: string;
  access: Access;
  summary: string;
  params?: z.ZodType;
  query?: z.ZodType;
  headers?: readonly HeaderFact[];
  /** The body's shape as the server checks it; `bodySchema` names a component that says more. */
  body?: z.ZodType;
  bodySchema?: string;
  answer: Answer;
  /** Codes beyond those that every route of its kind has. */
  errors: readonly ErrorCode[];
  handle: (call: Call<unknown, unknown, unknown>) => Promise<unknown> | unknown;
}>;

type Typed<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> = Omit<
  Route,
  'params' | 'query' | 'body' | 'handle'
> &
  Readonly<{
    params?: P;
    query?: Q;
    body?: B;
    handle: (call: Call<z.output<P>, z.output<Q>, z.output<B>>) => Promise<unknown> | unknown;
  }>;

/** Ties the types of a handler to the shapes that the server parses for it. */
export function route<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType>(
  typed: Typed<P, Q, B>,
): Route {
  return typed as unknown as Route;
}

/** The codes that a route can answer with, those of its kind included, in the order of the table. */
export function errorsOf(route: Route): ErrorCode[] {
  const codes = new Set<ErrorCode>(['INTERNAL', ...route.errors]);
  if (route.access !== 'open') codes.add('TOKEN_MISSING').add('TOKEN_UNKNOWN');
  if (route.access !== 'open' && route.access !== 'token') codes.add('SCOPE_MISSING');
  if (route.params !== undefined || route.query !== undefined) codes.add('REQUEST_INVALID');
  if (route.method === 'POST') {
    codes.add('REQUEST_INVALID').add('REQUEST_TOO_LARGE').add('CONTENT_TYPE_REFUSED');
  }
  return [...codes].sort();
}
