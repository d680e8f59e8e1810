import { describe, expect, it } from 'vitest';
import { errorTable } from '../../../src/errors.ts';
import { createDouble, httpOn } from './double.ts';

type Operation = {
  operationId: string;
  security?: unknown[];
  requestBody?: unknown;
  responses: Record<string, { description: string; content: Record<string, { schema: unknown }> }>;
};
type Document = {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, unknown> };
};

const http = httpOn(createDouble());
const document = http.document as unknown as Document;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    name: `${method.toUpperCase()} ${path}`,
    operation,
  })),
);

describe('the OpenAPI document', () => {
  it('is served, and is of version 3.1', async () => {
    const answer = await http.inject({ method: 'GET', url: '/v1/openapi.json' });
    expect(answer.json()).toEqual(JSON.parse(JSON.stringify(document)));
    expect(document.openapi).toBe('3.1.0');
  });

  it('shows every route that is registered, and no other', () => {
    expect(operations.map(({ name }) => name).sort()).toEqual([...http.registered()].sort());
    expect(http.registered()).toContain('GET /v1/messages/{id}/envelope');
  });

  it.each(operations)('$name names its error codes', ({ operation }) => {
    const codes = Object.entries(operation.responses).flatMap(([status, { content }]) =>
      Object.entries(content).flatMap(([type, { schema }]) => {
        if (type !== 'application/problem+json') return [];
        const [, { properties }] = (
          schema as { allOf: [unknown, { properties: { code: { enum: string[] } } }] }
        ).allOf;
        return properties.code.enum.map((code) => [Number(status), code] as const);
      }),
    );
    expect(codes.map(([, code]) => code)).toContain('INTERNAL');
    for (const [status, code] of codes) {
      expect(errorTable[code as keyof typeof errorTable].http).toBe(status);
    }
    const open = JSON.stringify(operation.security) !== JSON.stringify([{ token: [] }]);
    expect(open || codes.some(([, code]) => code === 'TOKEN_MISSING')).toBe(true);
  });

  it('has one id for each operation, and resolves every reference of its own', () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const references = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g)];
    expect(references.length).toBeGreaterThan(0);
    for (const [, name] of references) expect(Object.keys(document.components.schemas)).toContain(name);
  });

  it('keeps each draft a resource of its own', () => {
    expect(document.components.schemas['Draft-object']).toMatchObject({
      $id: 'urn:comity:schema:draft:object',
    });
    expect(document.components.schemas['Draft']).toEqual({
      oneOf: [{ $ref: '#/components/schemas/Draft-object' }],
    });
  });
});
