import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ComityError, type ErrorCode, errorTable } from '../../../src/errors.ts';
import type { Http } from '../../../src/http/index.ts';
import { problemShape } from '../../../src/http/problem.ts';
import * as shapes from '../../../src/http/shapes.ts';
import { limits } from '../../../src/limits.ts';
import { silentLog } from '../../../src/log.ts';
import { bearer, createDouble, httpOn, messageId, tokens } from './double.ts';

let double: ReturnType<typeof createDouble>;
let http: Http;
beforeEach(() => {
  double = createDouble();
  http = httpOn(double);
});
afterEach(() => http.close());

const get = (url: string, token: string | undefined = tokens.all, headers: Record<string, string> = {}) =>
  http.inject({ method: 'GET', url, headers: { ...(token ? bearer(token) : {}), ...headers } });
const post = (url: string, body: unknown, token = tokens.all, headers: Record<string, string> = {}) =>
  http.inject({
    method: 'POST',
    url,
    headers: { ...bearer(token), 'content-type': 'application/json', ...headers },
    payload: typeof body === 'string' ? body : JSON.stringify(body),
  });

describe('resources', () => {
  it('answer by their shapes', async () => {
    const answers = [
      [await post('/v1/previews', {}), 200, shapes.previewShape],
      [await post('/v1/messages', {}), 202, shapes.submissionShape],
      [await get('/v1/messages'), 200, shapes.pageShape(shapes.summaryShape)],
      [await get(`/v1/messages/${messageId}`), 200, shapes.messageShape],
      [await get(`/v1/messages/${messageId}/receipts`), 200, shapes.receiptsShape],
      [await get('/v1/quarantine'), 200, shapes.pageShape(shapes.quarantinedShape)],
      [await get('/v1/health'), 200, shapes.healthShape],
      [await get('/v1/health', ''), 200, shapes.livenessShape],
    ] as const;
    for (const [answer, status, shape] of answers) {
      expect(answer.statusCode).toBe(status);
      expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
      shape.parse(answer.json());
    }
  });

  it('names the message that was sent', async () => {
    const answer = await post('/v1/messages', { a: 1 }, tokens.all, { 'idempotency-key': 'k-1' });
    expect(answer.headers.location).toBe(`/v1/messages/${messageId}`);
    expect(double.calls[0]).toMatchObject({ call: 'submit', arguments: [{ a: 1 }, 'k-1'] });
  });

  it.each(['', 'a b', 'ä', 'x'.repeat(limits.idempotencyKeyCharsMax + 1), '\u007f'])(
    'refuses the idempotency key %j',
    async (key) => {
      const answer = await post('/v1/messages', {}, tokens.all, { 'idempotency-key': key });
      expect(answer.json().code).toBe('REQUEST_INVALID');
      expect(double.calls).toEqual([]);
    },
  );

  it('gives the exact bytes of an envelope', async () => {
    const answer = await get(`/v1/messages/${messageId}/envelope`);
    expect(answer.headers['content-type']).toBe('application/octet-stream');
    expect([...answer.rawPayload]).toEqual([0, 255, 10, 13, 128]);
  });

  it('hands filters on as numbers and words', async () => {
    await get(
      '/v1/messages?kind=object&lane=bulk&direction=in&sender=it.police&search=red%20dog&after=0&limit=200',
    );
    expect(double.calls[0]?.arguments).toEqual([
      {
        kind: 'object',
        lane: 'bulk',
        direction: 'in',
        sender: 'it.police',
        search: 'red dog',
        after: 0,
        limit: 200,
      },
    ]);
  });

  it.each([
    'kind=seizures',
    'kind=object&kind=object',
    'lane=',
    'unknown=1',
    'limit=0',
    'limit=201',
    'limit=01',
    'limit=1e1',
    'limit=-1',
    'after=1.5',
    'after=99999999999999999',
    'after=1&before=2',
    'sender=customs',
    'sender=gr.group',
    'search=',
    `search=${'x'.repeat(limits.searchTextCharsMax + 1)}`,
    '__proto__=1',
  ])('refuses ?%s with a path', async (query) => {
    const answer = await get(`/v1/messages?${query}`);
    expect(answer.json()).toMatchObject({ code: 'REQUEST_INVALID', status: 400 });
    expect(answer.json().problems.length).toBeGreaterThan(0);
    expect(double.calls).toEqual([]);
  });

  it('writes metrics grouped by name', async () => {
    const answer = await get('/metrics');
    expect(answer.body).toBe(
      [
        '# HELP comity_messages_total messages',
        '# TYPE comity_messages_total counter',
        'comity_messages_total{lane="day"} 3',
        'comity_messages_total{lane="a\\"\\n\\\\"} 4',
        '# HELP comity_outbox rows "waiting"\\\\\\n',
        '# TYPE comity_outbox gauge',
        'comity_outbox 1',
        '',
      ].join('\n'),
    );
  });
});

describe('who asks', () => {
  const guarded = () => http.registered().filter((one) => !/\/v1\/(health|openapi\.json)$/.test(one));

  it('every other resource needs a token', async () => {
    expect(guarded().length).toBeGreaterThanOrEqual(9);
    for (const one of guarded()) {
      const [method, path] = one.split(' ') as ['GET' | 'POST', string];
      const url = path.replace('{id}', messageId);
      const without = await http.inject({ method, url });
      expect([one, without.statusCode, without.json().code]).toEqual([one, 401, 'TOKEN_MISSING']);
      expect(without.headers['www-authenticate']).toBe('Bearer realm="comity"');
      const wrong = await http.inject({ method, url, headers: bearer('guess') });
      expect([one, wrong.json().code]).toEqual([one, 'TOKEN_UNKNOWN']);
    }
    expect(double.calls).toEqual([]);
  });

  it('a reader reads, and does nothing else', async () => {
    expect((await get('/v1/messages', tokens.reader)).statusCode).toBe(200);
    for (const answer of [
      await post('/v1/previews', {}, tokens.reader),
      await post('/v1/messages', {}, tokens.reader),
      await get('/v1/quarantine', tokens.reader),
      await get('/metrics', tokens.reader),
    ]) {
      expect([answer.statusCode, answer.json().code]).toEqual([403, 'SCOPE_MISSING']);
    }
    expect(double.calls.map(({ call }) => call)).toEqual(['list']);
  });

  it('a service acts for the officers it lists, within both scopes', async () => {
    expect((await get('/v1/messages', tokens.service)).json().code).toBe('SCOPE_MISSING');
    const named = { 'comity-on-behalf-of': 'officer-1' };
    expect((await get('/v1/messages', tokens.service, named)).statusCode).toBe(200);
    expect(double.calls[0]?.officer).toMatchObject({
      pseudonym: 'officer-1',
      scopes: ['draft', 'read'],
      service: 'case-system',
    });
    expect((await post('/v1/messages', {}, tokens.service, named)).json().code).toBe('SCOPE_MISSING');
    const other = { 'comity-on-behalf-of': 'reader-1' };
    expect((await get('/v1/messages', tokens.service, other)).json().code).toBe('SCOPE_MISSING');
    expect((await get('/v1/messages', tokens.all, named)).json().code).toBe('SCOPE_MISSING');
  });

  it.each([
    'Basic dG9rZW4=',
    'Bearer',
    'Bearer ',
    'Bearer a b',
    `Bearer  ${tokens.all}`,
    tokens.all,
    'Bearer é',
  ])('refuses the header %j', async (authorization) => {
    const answer = await http.inject({ method: 'GET', url: '/v1/messages', headers: { authorization } });
    expect(answer.json().code).toBe('TOKEN_UNKNOWN');
  });

  it('health shows its details to a known token alone', async () => {
    expect((await get('/v1/health', '')).json()).toEqual({ alive: true });
    expect((await get('/v1/health', 'guess')).json().code).toBe('TOKEN_UNKNOWN');
    expect((await get('/v1/health', tokens.reader)).json().agency).toBe('gr.customs');
  });
});

describe('what is sent', () => {
  it.each([
    ['', 'REQUEST_INVALID'],
    ['{', 'REQUEST_INVALID'],
    ['{"a":1,"a":2}', 'REQUEST_INVALID'],
    ['{"__proto__":{}}', 'REQUEST_INVALID'],
    [`${'['.repeat(10_000)}${']'.repeat(10_000)}`, 'REQUEST_INVALID'],
    [`"${'x'.repeat(limits.requestBodyBytesMax)}"`, 'REQUEST_TOO_LARGE'],
  ])('refuses the body %#', async (body, code) => {
    const answer = await post('/v1/messages', body);
    expect(answer.json().code).toBe(code);
    expect(double.calls).toEqual([]);
  });

  it('refuses bytes that are not UTF-8', async () => {
    const answer = await http.inject({
      method: 'POST',
      url: '/v1/previews',
      headers: { ...bearer(tokens.all), 'content-type': 'application/json' },
      payload: Buffer.from([0x22, 0xff, 0x22]),
    });
    expect(answer.json().code).toBe('REQUEST_INVALID');
  });

  it('takes a body at the bound', async () => {
    const body = `"${'x'.repeat(limits.requestBodyBytesMax - 2)}"`;
    expect((await post('/v1/previews', body)).statusCode).toBe(200);
  });
});

describe('problems', () => {
  it('say 404 for what is not there, and 405 with the methods for what is', async () => {
    for (const url of [
      '/',
      '/v1',
      '/v1/message',
      '/v1/messages/',
      '/V1/messages',
      '/v1/messages/x/y',
      '/v1//messages',
    ]) {
      const answer = await get(url);
      expect([url, answer.statusCode]).toEqual([url, url === '/v1/messages/' ? 400 : 404]);
    }
    const wrong = await http.inject({ method: 'DELETE', url: `/v1/messages/${messageId}` });
    expect([wrong.statusCode, wrong.json().code, wrong.headers['allow']]).toEqual([
      405,
      'METHOD_NOT_ALLOWED',
      'GET',
    ]);
    const head = await http.inject({ method: 'HEAD', url: '/v1/messages' });
    expect([head.statusCode, head.headers['allow']]).toEqual([405, 'POST, GET']);
    expect((await get('/v1/messages/not-an-id')).json().code).toBe('REQUEST_INVALID');
  });

  it('carry what the error carries, for every code that is not a failure of ours', async () => {
    for (const code of Object.keys(errorTable) as ErrorCode[]) {
      double.fail(
        new ComityError(code, 'in these words', {
          problems: [{ path: 'cover.handling', message: 'is missing' }],
          reasons: [{ policy: 'p1', text: 'because' }],
        }),
      );
      const answer = await post('/v1/messages', {});
      const problem = problemShape.parse(answer.json());
      expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
      expect([code, answer.statusCode, problem.status]).toEqual([
        code,
        errorTable[code].http,
        errorTable[code].http,
      ]);
      expect(problem).toMatchObject({ type: `urn:comity:error:${code}`, code, duty: errorTable[code].duty });
      expect(problem.detail).toBe(answer.statusCode === 500 ? undefined : 'in these words');
      expect(problem.reasons === undefined).toBe(answer.statusCode === 500);
      expect(answer.headers['retry-after'] !== undefined).toBe([429, 503].includes(answer.statusCode));
    }
  });

  it('keep what failed inside, in answer and log', async () => {
    const lines: string[] = [];
    const log = {
      ...silentLog,
      error: (event: string, facts?: object) => lines.push(JSON.stringify({ event, facts })),
    };
    const other = createDouble();
    const logging = httpOn(other, undefined, log);
    other.fail(new Error('SECRET words of a message'));
    const answer = await logging.inject({ method: 'GET', url: '/v1/messages', headers: bearer(tokens.all) });
    expect([answer.statusCode, answer.json().code]).toEqual([500, 'INTERNAL']);
    expect(answer.body).not.toContain('SECRET');
    expect(lines.join()).toContain('http.failed');
    expect(lines.join()).not.toContain('SECRET');
    await logging.close();
  });

  it('log the pattern of a route, never its URL', async () => {
    const lines: string[] = [];
    const log = {
      ...silentLog,
      info: (event: string, facts?: object) => lines.push(JSON.stringify({ event, facts })),
    };
    const logging = httpOn(createDouble(), undefined, log);
    await logging.inject({ method: 'GET', url: '/v1/messages?search=canary', headers: bearer(tokens.all) });
    expect(lines.join()).toContain('/v1/messages');
    expect(lines.join()).not.toContain('canary');
    await logging.close();
  });

  it('name a port that is taken', async () => {
    const url = await http.listen({ host: '127.0.0.1', port: 0 });
    const second = httpOn(createDouble());
    const port = Number(new URL(url).port);
    await expect(second.listen({ host: '127.0.0.1', port })).rejects.toMatchObject({
      code: 'PORT_TAKEN',
      message: expect.stringContaining(String(port)),
    });
    await second.close();
  });
});
