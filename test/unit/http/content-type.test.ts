import { describe, expect, it } from 'vitest';
import { isJsonContentType } from '../../../src/http/content-type.ts';
import { bearer, createDouble, httpOn, tokens } from './double.ts';

const taken = [
  'application/json',
  'Application/JSON',
  'APPLICATION/JSON',
  'application/json;charset=utf-8',
  'application/json; charset=utf-8',
  'application/json; charset=UTF-8',
  'application/json; charset="utf-8"',
  'application/json;\tcharset=utf-8',
  'application/json ; charset=utf-8',
  'application/json; CHARSET=utf-8',
  'application/json ',
];

const refused = [
  '',
  ' ',
  'json',
  'text/json',
  'text/plain',
  'text/html',
  'application/jsonp',
  'application/json5',
  'application/x-json',
  'application/ld+json',
  'application/problem+json',
  'application/vnd.api+json',
  'application/json-patch+json',
  'application/json-seq',
  'application/jsonl',
  'application/x-ndjson',
  'application/javascript',
  'application/octet-stream',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=application/json',
  'multipart/form-data',
  'application/*',
  '*/*',
  '*/json',
  'application / json',
  'application/ json',
  'application /json',
  'application/json/',
  'application/json,',
  'application/json, text/plain',
  'text/plain, application/json',
  'text/plain; application/json',
  'text/plain;a=application/json',
  'application/json; charset=utf-16',
  'application/json; charset=iso-8859-1',
  'application/json; charset=utf8',
  'application/json; charset=',
  'application/json; charset',
  'application/json; charset= utf-8',
  'application/json; charset =utf-8',
  "application/json; charset='utf-8'",
  'application/json; charset="utf-8',
  'application/json; charset=utf-8;',
  'application/json;',
  'application/json;;charset=utf-8',
  'application/json; charset=utf-8; charset=utf-16',
  'application/json; charset=utf-8; boundary=x',
  'application/json; boundary=x',
  'application/json; profile="https://example.org"',
  'application/json charset=utf-8',
  'application/json,charset=utf-8',
  'application/json\u00a0',
  'application/json\u0000',
  'applicati\u043en/json',
  'application\\json',
  '"application/json"',
  'application/json#',
  'application/json?charset=utf-8',
  'application%2Fjson',
  '\u212Aapplication/json',
];

describe('content type', () => {
  it.each(taken)('takes %j', (header) => expect(isJsonContentType(header)).toBe(true));
  it.each(refused)('refuses %j', (header) => expect(isJsonContentType(header)).toBe(false));

  it('counts enough spellings', () => expect(taken.length + refused.length).toBeGreaterThanOrEqual(50));

  it('is checked at the door, before the gateway is asked', async () => {
    const double = createDouble();
    const http = httpOn(double);
    // What an HTTP client can put on the wire.
    const sendable = (header: string) => /^[\t\x20-\x7e\x80-\xff]*$/.test(header);
    for (const header of refused.filter(sendable)) {
      const answer = await http.inject({
        method: 'POST',
        url: '/v1/previews',
        headers: { ...bearer(tokens.all), 'content-type': header },
        payload: '{}',
      });
      expect([header, answer.statusCode, answer.json().code]).toEqual([header, 415, 'CONTENT_TYPE_REFUSED']);
    }
    expect(double.calls).toEqual([]);
    for (const header of taken) {
      const answer = await http.inject({
        method: 'POST',
        url: '/v1/previews',
        headers: { ...bearer(tokens.all), 'content-type': header },
        payload: '{}',
      });
      expect([header, answer.statusCode]).toEqual([header, 200]);
    }
    expect(double.calls).toHaveLength(taken.length);
    await http.close();
  });

  it('refuses a body without a content type', async () => {
    const http = httpOn(createDouble());
    const answer = await http.inject({
      method: 'POST',
      url: '/v1/previews',
      headers: bearer(tokens.all),
      payload: Buffer.from('{}'),
    });
    expect(answer.json().code).toBe('CONTENT_TYPE_REFUSED');
    await http.close();
  });
});
