import { describe, expect, it } from 'vitest';
import type { Refusal } from '../../../main/broker/guard.ts';
import { type Address, addressOf, assetChecks, bearerOf, callChecks, documentChecks, doorChecks } from '../../../main/pages/page-guard.ts';
import { firstRefusal, look } from '../../../main/pages/seen.ts';

const ui: Address = { name: 'ui', host: '127.0.0.1:4000', origin: 'http://127.0.0.1:4000' };
const ceremony: Address = { name: 'ceremony', host: 'lakepass.localhost:4000', origin: 'http://lakepass.localhost:4000' };

const seen = (target: string, headers: [string, string][], method = 'GET') => look({ method, url: target, rawHeaders: headers.flat() });
const host: [string, string] = ['Host', ui.host];
const said = (refusal: Refusal | undefined): string => (refusal === undefined ? 'passes' : `${refusal.code} ${refusal.reason}`);
const addressed = (headers: [string, string][]): string => {
  const found = addressOf(seen('/', headers), [ui, ceremony]);
  return 'code' in found ? said(found) : found.name;
};

describe('the host', () => {
  it.each([
    [[host], 'ui'],
    [[['host', ceremony.host]], 'ceremony'],
    [[], 'HOST_REFUSED missing'],
    [[host, host], 'HOST_REFUSED repeated'],
    [[host, ['Host', ceremony.host]], 'HOST_REFUSED repeated'],
    [[['Host', 'evil.test'], host], 'HOST_REFUSED repeated'],
    [[['Host', 'evil.test:4000']], 'HOST_REFUSED other'],
    [[['Host', '127.0.0.1']], 'HOST_REFUSED other'],
    [[['Host', '127.0.0.1:4001']], 'HOST_REFUSED other'],
    [[['Host', 'localhost:4000']], 'HOST_REFUSED other'],
    [[['Host', 'evil.lakepass.localhost:4000']], 'HOST_REFUSED other'],
    [[['Host', 'lakepass.localhost.:4000']], 'HOST_REFUSED other'],
    [[['Host', 'LAKEPASS.localhost:4000']], 'HOST_REFUSED other'],
    [[['Host', '[::1]:4000']], 'HOST_REFUSED other'],
    [[['Host', '127.0.0.1:4000@evil.test']], 'HOST_REFUSED other'],
  ] as [[string, string][], string][])('of %j is %s', (headers, expected) => {
    expect(addressed(headers)).toBe(expected);
  });
});

describe('any request', () => {
  it.each([
    ['/', 'GET', 'passes'],
    ['http://127.0.0.1:4000/', 'GET', 'TARGET_REFUSED form'],
    ['*', 'OPTIONS', 'TARGET_REFUSED form'],
    ['/?code=x', 'GET', 'TARGET_REFUSED query'],
    ['/v1/state#x', 'POST', 'TARGET_REFUSED query'],
    ['/', 'OPTIONS', 'METHOD_REFUSED options'],
    ['/', 'HEAD', 'METHOD_REFUSED method'],
    ['/v1/state', 'PUT', 'METHOD_REFUSED method'],
    ['/v1/state', 'get', 'METHOD_REFUSED method'],
  ])('for %s by %s: %s', (target, method, expected) => {
    expect(said(firstRefusal(doorChecks, seen(target, [host], method), ui))).toBe(expected);
  });
});

describe('the page itself', () => {
  it.each([
    [
      'typed by the person',
      [
        ['Sec-Fetch-Site', 'none'],
        ['Sec-Fetch-Dest', 'document'],
      ],
      'passes',
    ],
    [
      'led to from the provider',
      [
        ['Sec-Fetch-Site', 'cross-site'],
        ['Sec-Fetch-Dest', 'document'],
      ],
      'passes',
    ],
    ['by a client that says nothing', [], 'passes'],
    ['with the cookies of another server', [['Cookie', 'session=1']], 'passes'],
    [
      'in a frame',
      [
        ['Sec-Fetch-Site', 'cross-site'],
        ['Sec-Fetch-Dest', 'iframe'],
      ],
      'BROWSER_REFUSED destination',
    ],
    [
      'in a frame of its own origin',
      [
        ['Sec-Fetch-Site', 'same-origin'],
        ['Sec-Fetch-Dest', 'iframe'],
      ],
      'BROWSER_REFUSED destination',
    ],
    ['as an image', [['Sec-Fetch-Dest', 'image']], 'BROWSER_REFUSED destination'],
    ['by fetch', [['Sec-Fetch-Dest', 'empty']], 'BROWSER_REFUSED destination'],
    [
      'with a second destination',
      [
        ['Sec-Fetch-Dest', 'document'],
        ['Sec-Fetch-Dest', 'object'],
      ],
      'BROWSER_REFUSED destination',
    ],
    ['from another origin', [['Origin', 'http://evil.test']], 'BROWSER_REFUSED origin'],
    ['with a body', [['Content-Length', '5']], 'INPUT_INVALID body'],
    ['with an encoded body', [['Transfer-Encoding', 'chunked']], 'INPUT_INVALID body'],
  ] as [string, [string, string][], string][])('%s', (_, headers, expected) => {
    expect(said(firstRefusal(documentChecks, seen('/', [host, ...headers]), ui))).toBe(expected);
  });
});

describe('what a page is made of', () => {
  it.each([
    ['same-origin', 'passes'],
    ['same-site', 'BROWSER_REFUSED site'],
    ['cross-site', 'BROWSER_REFUSED site'],
    ['none', 'BROWSER_REFUSED site'],
  ])('asked for by a page that is %s: %s', (site, expected) => {
    expect(said(firstRefusal(assetChecks, seen('/ui.js', [host, ['Sec-Fetch-Site', site]]), ui))).toBe(expected);
  });
});

describe('a call', () => {
  const json: [string, string] = ['Content-Type', 'application/json'];
  const ours: [string, string] = ['Origin', ui.origin];
  it.each([
    ['as our page makes it', [ours, json, ['Sec-Fetch-Site', 'same-origin']], 'passes'],
    ['with a charset', [ours, ['Content-Type', 'application/json; charset=utf-8']], 'passes'],
    ['without an Origin', [json], 'BROWSER_REFUSED no-origin'],
    ['from nowhere', [['Origin', 'null'], json], 'BROWSER_REFUSED origin'],
    ['from another port', [['Origin', 'http://127.0.0.1:4001'], json], 'BROWSER_REFUSED origin'],
    ['from another scheme', [['Origin', 'https://127.0.0.1:4000'], json], 'BROWSER_REFUSED origin'],
    ['from the other host', [['Origin', ceremony.origin], json], 'BROWSER_REFUSED origin'],
    ['from localhost', [['Origin', 'http://localhost:4000'], json], 'BROWSER_REFUSED origin'],
    ['with a slash behind its Origin', [['Origin', `${ui.origin}/`], json], 'BROWSER_REFUSED origin'],
    ['with two Origins', [ours, ours, json], 'BROWSER_REFUSED origin'],
    ['from another site', [ours, json, ['Sec-Fetch-Site', 'cross-site']], 'BROWSER_REFUSED site'],
    ['from another port of this host', [ours, json, ['Sec-Fetch-Site', 'same-site']], 'BROWSER_REFUSED site'],
    ['of text, which needs no preflight', [ours, ['Content-Type', 'text/plain']], 'INPUT_INVALID content-type'],
    ['of a form', [ours, ['Content-Type', 'application/x-www-form-urlencoded']], 'INPUT_INVALID content-type'],
    ['of text that says JSON behind', [ours, ['Content-Type', 'text/plain; application/json']], 'INPUT_INVALID content-type'],
    ['of nothing that is named', [ours], 'INPUT_INVALID content-type'],
    ['of two types', [ours, json, ['Content-Type', 'text/plain']], 'INPUT_INVALID content-type'],
    ['that announces too much', [ours, json, ['Content-Length', '16385']], 'INPUT_INVALID size'],
    ['that announces as much as there is room for', [ours, json, ['Content-Length', '16384']], 'passes'],
  ] as [string, [string, string][], string][])('%s', (_, headers, expected) => {
    expect(said(firstRefusal(callChecks, seen('/v1/state', [host, ...headers], 'POST'), ui))).toBe(expected);
  });

  const secret = 'A'.repeat(43);
  it.each([
    [[['Authorization', `Bearer ${secret}`]], secret],
    [[], ''],
    [[['Authorization', secret]], ''],
    [[['Authorization', `bearer ${secret}`]], ''],
    [[['Authorization', `Bearer ${secret}A`]], ''],
    [[['Authorization', `Basic ${secret}`]], ''],
    [
      [
        ['Authorization', `Bearer ${secret}`],
        ['authorization', `Bearer ${secret}`],
      ],
      '',
    ],
  ] as [[string, string][], string][])('with %j brings the bearer "%s"', (headers, expected) => {
    expect(bearerOf(seen('/v1/state', headers, 'POST'))).toBe(expected);
  });
});
