/** The OpenAPI 3.1 document: derived from the routes, the error table and the schemas of drafts. */
import { z } from 'zod';
import { type ErrorCode, errorTable } from '../errors.ts';
import { problemShape, problemType } from './problem.ts';
import { errorsOf, type HeaderFact, type Route } from './route.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

export type OpenApiParts = Readonly<{
  version: string;
  /** JSON Schema (2020-12) of a draft, for each kind that officers draft. */
  drafts: Readonly<Record<string, JsonSchema>>;
}>;

export function openApiDocument(routes: readonly Route[], parts: OpenApiParts): JsonSchema {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = paths[route.path] ?? {};
    path[route.method.toLowerCase()] = operationOf(route);
    paths[route.path] = path;
  }
  return {
    openapi: '3.1.0',
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    info: {
      title: 'Comity gateway',
      version: parts.version,
      description: 'What an agency asks of its own gateway. Every error is a problem with a stable code.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: { Problem: schemaOf(problemShape, 'output'), ...draftSchemas(parts.drafts) },
    },
  };
}

/** Each draft is a resource of its own, so that references inside it stay inside it. */
function draftSchemas(drafts: OpenApiParts['drafts']): Record<string, JsonSchema> {
  const named = Object.entries(drafts).map(([kind, schema]): [string, JsonSchema] => [
    `Draft-${kind}`,
    { $id: `urn:comity:schema:draft:${kind}`, ...schema },
  ]);
  const choices = named.map(([name]) => ({ $ref: `#/components/schemas/${name}` }));
  return {
    Draft: choices.length === 0 ? { type: 'object' } : { oneOf: choices },
    ...Object.fromEntries(named),
  };
}

function operationOf(route: Route): JsonSchema {
  const parameters = [
    ...parametersOf('path', route.params),
    ...parametersOf('query', route.query),
    ...(route.headers ?? []).map(headerParameter),
  ];
  return {
    operationId: route.id,
    summary: route.summary,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(route.body === undefined ? {} : { requestBody: requestBodyOf(route) }),
    responses: { ...answerOf(route), ...problemsOf(errorsOf(route)) },
    ...(route.access === 'open' ? { security: route.id === 'checkLiveness' ? [{}, { token: [] }] : [] } : {}),
    ...(route.access === 'open' ? {} : { security: [{ token: [] }] }),
    ...(route.access === 'open' || route.access === 'token' ? {} : { 'x-scope': route.access }),
  };
}

function parametersOf(place: 'path' | 'query', shape: z.ZodType | undefined): JsonSchema[] {
  if (shape === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(shape, 'input') as {
    properties?: Record<string, JsonSchema>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: place,
    required: required.includes(name),
    schema,
  }));
}

function headerParameter({ name, description, shape }: HeaderFact): JsonSchema {
  return { name, in: 'header', required: false, description, schema: schemaOf(shape, 'input') };
}

function requestBodyOf(route: Route): JsonSchema {
  const schema =
    route.bodySchema === undefined
      ? schemaOf(route.body ?? z.unknown(), 'input')
      : { $ref: `#/components/schemas/${route.bodySchema}` };
  return { required: true, content: { 'application/json': { schema } } };
}

function answerOf({ answer }: Route): Record<string, JsonSchema> {
  const schema = answer.shape === undefined ? { type: 'string' } : schemaOf(answer.shape, 'output');
  return {
    [String(answer.status)]: { description: answer.description, content: { [answer.type]: { schema } } },
  };
}

/** One response for each status, naming the codes that have it. */
function problemsOf(codes: readonly ErrorCode[]): Record<string, JsonSchema> {
  const byStatus = Map.groupBy(codes, (code) => String(errorTable[code].http));
  return Object.fromEntries(
    [...byStatus].map(([status, list]) => [
      status,
      {
        description: list.map((code) => `${code}: ${errorTable[code].meaning}`).join('; '),
        content: {
          [problemType]: {
            schema: {
              allOf: [{ $ref: '#/components/schemas/Problem' }, { properties: { code: { enum: list } } }],
            },
          },
        },
      },
    ]),
  );
}

function schemaOf(shape: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(shape, { io, unrepresentable: 'any' });
  return schema;
}
