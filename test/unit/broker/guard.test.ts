import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { doorChecks, firstRefusal, look, metadataChecks } from '../../../main/broker/guard.ts';

const OUR_HOST = '127.0.0.1:12345';
type Header = [name: string, value: string];
const good: Header[] = [
  ['Host', OUR_HOST],
  ['X-Databricks-Metadata-Version', '1'],
  ['X-Databricks-Host', 'https://acme.cloud.databricks.com'],
];

interface Asked {
  headers?: Header[];
  method?: string;
  target?: string;
}

const seenFrom = ({ headers = good, method = 'GET', target = '/v1/metadata/abc' }: Asked = {}) =>
  look({ method, url: target, rawHeaders: headers.flat() } as IncomingMessage);
const refusal = (asked: Asked = {}) => firstRefusal([...doorChecks, ...metadataChecks], seenFrom(asked), OUR_HOST);
const without = (name: string) => good.filter(([other]) => other.toLowerCase() !== name.toLowerCase());

describe('the guard', () => {
  it('lets a stock SDK through, in whatever case it writes header names', () => {
    expect(refusal()).toBeUndefined();
    expect(refusal({ headers: good.map(([name, value]) => [name.toLowerCase(), value]) })).toBeUndefined();
    expect(refusal({ headers: [...good, ['Authorization', 'Basic bmV0cmM6cGFzc3dvcmQ=']] })).toBeUndefined();
    expect(refusal({ headers: [...good, ['Sec-Fetch-Mode', 'cors']] })).toBeUndefined();
    expect(refusal({ headers: [...good, ['Content-Length', '0']] })).toBeUndefined();
  });

  it.each([
    ['no Host', without('host'), 'missing'],
    ['two Hosts', [['Host', OUR_HOST], ...good], 'repeated'],
    ['two Hosts, the right one first', [...good, ['host', 'evil.test']], 'repeated'],
    ['three Hosts', [['HOST', OUR_HOST], ['host', OUR_HOST], ...good], 'repeated'],
  ] as [string, Header[], string][])('refuses %s', (_name, headers, reason) => {
    expect(refusal({ headers })).toEqual({ code: 'HOST_REFUSED', reason });
  });

  it.each([
    'evil.test',
    'evil.test:12345',
    'localhost:12345',
    '127.0.0.1',
    '127.0.0.1:12346',
    '127.0.0.1:12345 ',
    '127.0.0.1:12345.evil.test',
    '127.0.0.1.:12345',
    '127.1:12345',
    '2130706433:12345',
    '0.0.0.0:12345',
    '[::1]:12345',
    '[::ffff:127.0.0.1]:12345',
    'evil@127.0.0.1:12345',
    '127.0.0.1:012345',
    '',
  ])('refuses the Host %j', (host) => {
    expect(refusal({ headers: [['Host', host], ...without('host')] })).toEqual({ code: 'HOST_REFUSED', reason: 'other' });
  });

  it.each(['http://evil/v1/up', `http://${OUR_HOST}/v1/metadata/abc`, 'evil.test:443', '*', 'v1/up', ''])(
    'refuses the target %j',
    (target) => {
      expect(refusal({ target })).toEqual({ code: 'TARGET_REFUSED', reason: 'form' });
    },
  );

  it.each([
    ['Origin', 'http://evil.test', 'origin'],
    ['Origin', `http://${OUR_HOST}`, 'origin'],
    ['Origin', 'null', 'origin'],
    ['origin', '', 'origin'],
    ['Referer', 'http://evil.test/', 'referer'],
    ['Cookie', 'a=b', 'cookie'],
    ['Sec-Fetch-Site', 'cross-site', 'sec-fetch-site'],
    ['Sec-Fetch-Site', 'same-origin', 'sec-fetch-site'],
    ['Sec-Fetch-Site', 'none', 'sec-fetch-site'],
    ['SEC-FETCH-DEST', 'image', 'sec-fetch-dest'],
    ['Access-Control-Request-Method', 'GET', 'access-control-request'],
    ['Access-Control-Request-Headers', 'x-databricks-host', 'access-control-request'],
    ['access-control-request-local-network', 'true', 'access-control-request'],
    ['Access-Control-Request-Private-Network', 'true', 'access-control-request'],
  ])('refuses a request with %s: %s, which only a browser sends', (name, value, reason) => {
    expect(refusal({ headers: [...good, [name, value]] })).toEqual({ code: 'BROWSER_REFUSED', reason });
  });

  it.each(['HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'CONNECT', 'PROPFIND', 'get', ''])('refuses the method %j', (method) => {
    expect(refusal({ method })).toEqual({ code: 'METHOD_REFUSED', reason: 'method' });
  });

  it('refuses OPTIONS by its own name, so that the audit log tells preflights apart', () => {
    expect(refusal({ method: 'OPTIONS' })).toEqual({ code: 'METHOD_REFUSED', reason: 'options' });
  });

  it.each([
    ['Content-Length', '1'],
    ['Content-Length', '00'],
    ['Transfer-Encoding', 'chunked'],
    ['transfer-encoding', 'identity'],
  ])('refuses a body announced by %s: %s', (name, value) => {
    expect(refusal({ headers: [...good, [name, value]] })).toEqual({ code: 'INPUT_INVALID', reason: 'body' });
  });

  it.each(['/v1/metadata/abc?', '/v1/metadata/abc?x=1', '/v1/metadata/?abc'])('refuses the query in %s', (target) => {
    expect(refusal({ target })).toEqual({ code: 'TARGET_REFUSED', reason: 'query' });
  });

  it.each([
    ['none', [], 'missing'],
    ['two', ['1', '1'], 'repeated'],
  ] as [string, string[], string][])('refuses %s in place of one version header', (_name, versions, reason) => {
    const headers = [
      ...without('x-databricks-metadata-version'),
      ...versions.map((value): Header => ['x-databricks-metadata-version', value]),
    ];
    expect(refusal({ headers })).toEqual({ code: 'VERSION_REFUSED', reason });
  });

  it.each(['0', '2', '1.0', '01', '1,1', ' 1', ''])('refuses the version %j', (value) => {
    const headers: Header[] = [...without('x-databricks-metadata-version'), ['X-Databricks-Metadata-Version', value]];
    expect(refusal({ headers })).toEqual({ code: 'VERSION_REFUSED', reason: 'other' });
  });

  it.each([
    ['no', [], 'missing'],
    ['two', ['https://acme.cloud.databricks.com', 'https://evil.test'], 'repeated'],
  ] as [string, string[], string][])('refuses %s workspace headers', (_name, hosts, reason) => {
    const headers = [...without('x-databricks-host'), ...hosts.map((value): Header => ['X-Databricks-Host', value])];
    expect(refusal({ headers })).toEqual({ code: 'WORKSPACE_MISMATCH', reason });
  });

  it('refuses in one order, whatever else is wrong', () => {
    const wrong: [Header[], string][] = [
      [
        [
          ['Host', 'evil.test'],
          ['Origin', 'x'],
        ],
        'HOST_REFUSED',
      ],
      [
        [
          ['Host', OUR_HOST],
          ['Origin', 'x'],
        ],
        'TARGET_REFUSED',
      ],
    ];
    for (const [headers, code] of wrong) expect(refusal({ headers, method: 'POST', target: 'http://x/?q' })?.code).toBe(code);
    const bodied: Header[] = [
      ['Host', OUR_HOST],
      ['Content-Length', '5'],
    ];
    expect(refusal({ headers: [...bodied, ['Cookie', 'x']], method: 'POST', target: '/?q' })?.code).toBe('BROWSER_REFUSED');
    expect(refusal({ headers: bodied, method: 'POST', target: '/?q' })?.code).toBe('METHOD_REFUSED');
    expect(refusal({ headers: bodied, target: '/?q' })?.code).toBe('INPUT_INVALID');
    expect(refusal({ headers: [['Host', OUR_HOST]], target: '/?q' })?.code).toBe('TARGET_REFUSED');
    expect(refusal({ headers: [['Host', OUR_HOST]] })?.code).toBe('VERSION_REFUSED');
  });
});
