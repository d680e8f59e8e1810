/** The gateway's API: every resource's routes behind one door that checks who asks and what is sent. */
import {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  type InjectOptions,
  type LightMyRequestResponse,
} from 'fastify';
import type { z } from 'zod';
import type { Clock } from '../clock.ts';
import { ComityError, type Problem } from '../errors.ts';
import type { GatewayApi, Officer } from '../gateway/views.ts';
import { parseStrictJson } from '../keys/index.ts';
import { limits } from '../limits.ts';
import { type Log, placeOf } from '../log.ts';
import { type Bearers, createBearers, type TokenHolder } from './bearer.ts';
import { isJsonContentType } from './content-type.ts';
import { createEventStreams } from './events.ts';
import { healthRoutes } from './health.ts';
import { messageRoutes } from './messages.ts';
import { metricsRoutes } from './metrics.ts';
import { type JsonSchema, type OpenApiParts, openApiDocument } from './openapi.ts';
import { previewRoutes } from './previews.ts';
import { errorOfServer, sendProblem } from './problem.ts';
import { quarantineRoutes } from './quarantine.ts';
import { type Route, route } from './route.ts';

export type HttpOptions = Readonly<{
  gateway: GatewayApi;
  officers: readonly TokenHolder[];
  clock: Clock;
  log: Log;
  openApi: OpenApiParts;
}>;

export interface Http {
  /** Resolves with the URL. PORT_TAKEN names the port; 0 lets the system choose one. */
  listen(o: Readonly<{ host: string; port: number }>): Promise<string>;
  /** Ends the followers, lets requests under way finish, and takes no more. */
  close(): Promise<void>;
  inject(request: InjectOptions): Promise<LightMyRequestResponse>;
  /** What the server answers to: method and path, as OpenAPI writes it. */
  registered(): readonly string[];
  readonly document: JsonSchema;
}

export function createHttp(options: HttpOptions): Http {
  const events = createEventStreams(options.clock);
  const routes: Route[] = [
    ...previewRoutes,
    ...messageRoutes,
    ...events.routes,
    ...quarantineRoutes,
    ...healthRoutes,
    ...metricsRoutes,
  ];
  routes.push(openApiRoute(() => document));
  const document = openApiDocument(routes, options.openApi);
  const app = createApp(options.log);
  const registered = noteRoutes(app);
  const bearers = createBearers(options.officers);
  for (const one of routes) register(app, one, { gateway: options.gateway, bearers });
  refuseTheRest(app, routes);
  app.addHook('preClose', async () => events.end());
  return {
    listen: (o) => listen(app, o),
    close: () => app.close(),
    inject: (request) => app.inject(request),
    registered: () => [...registered],
    document,
  };
}

function createApp(log: Log): FastifyInstance {
  const app = fastify({
    logger: false,
    exposeHeadRoutes: false,
    bodyLimit: limits.requestBodyBytesMax,
    requestTimeout: limits.requestTimeoutMs,
    routerOptions: { ignoreTrailingSlash: false, caseSensitive: true },
    forceCloseConnections: 'idle',
    return503OnClosing: true,
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
    if (request.url.length > limits.requestUrlBytesMax) {
      throw new ComityError('REQUEST_INVALID', 'the URL exceeds its bound');
    }
  });
  // The pattern, never the URL: a search would put its words into the log.
  app.addHook('onResponse', async (request, reply) => {
    log.info('http.answered', {
      method: request.method,
      route: request.routeOptions.url ?? 'unknown',
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
    });
  });
  app.setErrorHandler((error, _request, reply) => {
    const ours = errorOfServer(error);
    if (ours.code === 'INTERNAL') log.error('http.failed', { place: placeOf(ours) });
    return sendProblem(reply, ours);
  });
  return app;
}

function noteRoutes(app: FastifyInstance): Set<string> {
  const registered = new Set<string>();
  app.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) registered.add(`${one} ${url.replaceAll(/:([a-z]+)/g, '{$1}')}`);
  });
  return registered;
}

type Door = Readonly<{ gateway: GatewayApi; bearers: Bearers }>;

const nobody: Officer = Object.freeze({ pseudonym: '', desk: '', role: '', scopes: [] });

function register(app: FastifyInstance, one: Route, { gateway, bearers }: Door): void {
  const officers = new WeakMap<FastifyRequest, Officer>();
  app.route({
    method: one.method,
    url: one.path.replaceAll(/\{([a-z]+)\}/g, ':$1'),
    // Before the body is read: nothing is parsed for a stranger.
    onRequest: async (request) => {
      officers.set(request, admit(one, request, bearers));
      if (one.method === 'POST' && !isJsonContentType(request.headers['content-type'])) {
        throw new ComityError('CONTENT_TYPE_REFUSED');
      }
    },
    handler: async (request, reply) => {
      const result = await one.handle({
        gateway,
        officer: officers.get(request) ?? nobody,
        params: parsed(one.params, request.params),
        query: parsed(one.query, request.query),
        body: one.body === undefined ? undefined : parsed(one.body, bodyOf(request)),
        header: (name) => headerOf(request, name),
        request,
        reply,
      });
      return reply.sent ? reply : answer(one, reply, result);
    },
  });
}

function admit(one: Route, request: FastifyRequest, bearers: Bearers): Officer {
  const { authorization } = request.headers;
  if (one.access === 'open' && authorization === undefined) return nobody;
  const officer = bearers.officerOf(authorization, headerOf(request, 'comity-on-behalf-of'));
  if (one.access !== 'open' && one.access !== 'token' && !officer.scopes.includes(one.access)) {
    throw new ComityError('SCOPE_MISSING', `the officer lacks the scope \`${one.access}\``);
  }
  return officer;
}

function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

function bodyOf(request: FastifyRequest): unknown {
  if (!(request.body instanceof Uint8Array)) {
    throw new ComityError('REQUEST_INVALID', 'the request has no body');
  }
  return parseStrictJson(request.body, 'REQUEST_INVALID');
}

function parsed(shape: z.ZodType | undefined, value: unknown): unknown {
  if (shape === undefined) return undefined;
  const read = shape.safeParse(value);
  if (read.success) return read.data;
  const problems: Problem[] = read.error.issues.map(({ path, message }) => ({
    path: path.map(String).join('.'),
    message,
  }));
  throw new ComityError('REQUEST_INVALID', 'the request is not as expected', { problems });
}

function answer({ answer: { status, type } }: Route, reply: FastifyReply, result: unknown): FastifyReply {
  const payload = type === 'application/json' ? JSON.stringify(result) : result;
  return reply.code(status).type(type).send(payload);
}

function openApiRoute(document: () => JsonSchema): Route {
  return route({
    id: 'readOpenApi',
    method: 'GET',
    path: '/v1/openapi.json',
    access: 'open',
    summary: 'Gives this document',
    answer: { status: 200, type: 'application/json', description: 'an OpenAPI 3.1 document' },
    errors: [],
    handle: document,
  });
}

/** 404 for what is not there, 405 with the methods for what is. */
function refuseTheRest(app: FastifyInstance, routes: readonly Route[]): void {
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0] ?? '';
    const allowed = routes.filter((one) => matches(one.path, path)).map(({ method }) => method);
    if (allowed.length === 0) return sendProblem(reply, new ComityError('NOT_FOUND'));
    reply.header('allow', allowed.join(', '));
    return sendProblem(reply, new ComityError('METHOD_NOT_ALLOWED'));
  });
}

function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split('/');
  const given = path.split('/');
  return (
    wanted.length === given.length &&
    wanted.every((part, index) => (part.startsWith('{') ? given[index] !== '' : part === given[index]))
  );
}

async function listen(app: FastifyInstance, o: Readonly<{ host: string; port: number }>): Promise<string> {
  try {
    return await app.listen({ host: o.host, port: o.port });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
      throw new ComityError('PORT_TAKEN', `port ${o.port} of ${o.host} is in use`, { cause: error });
    }
    throw error;
  }
}
