import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { landingPath, type RawRequest, readCallbackRequest } from '../../../main/idp/callback-request.ts';

const address = { host: '127.0.0.1:4321', path: '/callback' };
const navigation = ['Sec-Fetch-Site', 'cross-site', 'Sec-Fetch-Mode', 'navigate', 'Sec-Fetch-Dest', 'document', 'Sec-Fetch-User', '?1'];
const request = (change: Partial<RawRequest> = {}): RawRequest => ({
  method: 'GET',
  target: '/callback?code=c&state=s',
  rawHeaders: ['Host', address.host, 'Accept', 'text/html'],
  ...change,
});
const withHeaders = (...rawHeaders: string[]) => request({ rawHeaders: ['Host', address.host, ...rawHeaders] });

describe('a request to the callback', () => {
  it.each<[string, RawRequest]>([
    ['without fetch metadata', request()],
    ['from the provider on another site', withHeaders(...navigation)],
    ['from a provider on another port of loopback', withHeaders(...navigation.with(1, 'same-site'))],
    ['from the address bar', withHeaders(...navigation.with(1, 'none'))],
    ['with a host in another header case', request({ rawHeaders: ['HOST', address.host] })],
    ['with a length of zero', withHeaders('Content-Length', '0')],
  ])('is read %s', (_, raw) => {
    const found = readCallbackRequest(raw, address);
    expect(found.kind === 'answer' && Object.fromEntries(found.params)).toEqual({ code: 'c', state: 's' });
  });

  it('is known when it is the last page, and only without a query', () => {
    expect(readCallbackRequest(request({ target: '/callback/done/abc' }), address)).toEqual({ kind: 'landed', ticket: 'abc' });
    expect(readCallbackRequest(request({ target: '/callback/done?x' }), address)).toMatchObject({ reason: 'path' });
    expect(landingPath('/a/', 'x')).toBe('/a/done/x');
  });

  it.each<[string, RawRequest, string]>([
    ['a rebound name', request({ rawHeaders: ['Host', 'evil.test:4321'] }), 'host'],
    ['localhost', request({ rawHeaders: ['Host', 'localhost:4321'] }), 'host'],
    ['another port', request({ rawHeaders: ['Host', '127.0.0.1:4322'] }), 'host'],
    ['no port', request({ rawHeaders: ['Host', '127.0.0.1'] }), 'host'],
    ['no Host', request({ rawHeaders: [] }), 'host'],
    ['two Hosts, the right one first', withHeaders('Host', 'evil.test'), 'host'],
    ['two Hosts, both right', withHeaders('host', address.host), 'host'],
    ['an absolute target', request({ target: 'http://127.0.0.1:4321/callback?code=c' }), 'target'],
    ['an absolute target elsewhere', request({ target: 'http://evil.test/callback?code=c' }), 'target'],
    ['a target without slash', request({ target: 'callback' }), 'target'],
    ['an asterisk', request({ target: '*' }), 'target'],
    ['no target', request({ target: undefined }), 'target'],
    ['a fragment', request({ target: '/callback?code=c#x' }), 'target'],
    ['a space', request({ target: '/callback?code=c d' }), 'target'],
    ['letters beyond ASCII', request({ target: '/callback?code=ü' }), 'target'],
    ['a target of nine thousand bytes', request({ target: `/callback?code=${'x'.repeat(9000)}` }), 'target'],
    ['an Origin', withHeaders('Origin', 'https://evil.test'), 'origin'],
    ['an Origin of null', withHeaders('origin', 'null'), 'origin'],
    ['an Origin of its own', withHeaders('Origin', `http://${address.host}`), 'origin'],
    [
      'a cross-site fetch',
      withHeaders('Sec-Fetch-Site', 'cross-site', 'Sec-Fetch-Mode', 'no-cors', 'Sec-Fetch-Dest', 'empty'),
      'fetch-metadata',
    ],
    ['an image', withHeaders(...navigation.with(3, 'no-cors').with(5, 'image')), 'fetch-metadata'],
    ['a frame', withHeaders(...navigation.with(5, 'iframe')), 'fetch-metadata'],
    ['a script on our own page', withHeaders(...navigation.with(1, 'same-origin')), 'fetch-metadata'],
    ['half of the fetch metadata', withHeaders('Sec-Fetch-Site', 'cross-site'), 'fetch-metadata'],
    ['fetch metadata without its site', withHeaders('Sec-Fetch-Mode', 'navigate', 'Sec-Fetch-Dest', 'document'), 'fetch-metadata'],
    ['fetch metadata said twice', withHeaders(...navigation, 'Sec-Fetch-Site', 'none'), 'fetch-metadata'],
    ['a site nobody knows', withHeaders(...navigation.with(1, 'friendly')), 'fetch-metadata'],
    ['a preflight', request({ method: 'OPTIONS', rawHeaders: ['Host', address.host] }), 'method'],
    ['a POST', request({ method: 'POST' }), 'method'],
    ['a HEAD', request({ method: 'HEAD' }), 'method'],
    ['a get in lower case', request({ method: 'get' }), 'method'],
    ['a body', withHeaders('Content-Length', '5'), 'body'],
    ['a chunked body', withHeaders('Transfer-Encoding', 'chunked'), 'body'],
    ['another path', request({ target: '/favicon.ico' }), 'path'],
    ['the root', request({ target: '/' }), 'path'],
    ['a longer path', request({ target: '/callback/?code=c' }), 'path'],
    ['the path in capitals', request({ target: '/Callback?code=c' }), 'path'],
    ['a detour', request({ target: '/x/../callback?code=c' }), 'path'],
    ['an escaped path', request({ target: '/%63allback?code=c' }), 'path'],
    ['two slashes', request({ target: '//callback?code=c' }), 'path'],
  ])('is refused with %s', (_, raw, reason) => {
    expect(readCallbackRequest(raw, address)).toMatchObject({ kind: 'refused', reason });
  });

  const pairs = fc.array(
    fc.tuple(
      fc.oneof(
        fc.constantFrom('Host', 'hOST', 'Origin', 'Sec-Fetch-Site', 'Sec-Fetch-Mode', 'Sec-Fetch-Dest', 'Content-Length'),
        fc.string(),
      ),
      fc.oneof(fc.constantFrom(address.host, 'evil.test', 'cross-site', 'none', 'navigate', 'document', '0', '1'), fc.string()),
    ),
    { maxLength: 8 },
  );
  const anyRequest = fc.record({
    method: fc.oneof({ weight: 4, arbitrary: fc.constant('GET') }, fc.constantFrom('POST', 'OPTIONS', undefined), fc.string()),
    target: fc.oneof(
      fc.constantFrom('/callback', '/callback?code=c&state=s', '/callback/done/t', '//callback', undefined),
      fc.string(),
      fc.webPath(),
    ),
    rawHeaders: fc.oneof(
      pairs.map((headers) => headers.flat()),
      fc.constantFrom(['Host', address.host], ['Host', address.host, ...navigation]),
      pairs.map((headers) => ['Host', address.host, ...headers.flat()]),
      fc.array(fc.string()),
    ),
  });

  it('is let in, whatever it is made of, only by the rules an independent reading of it finds kept', () => {
    let letIn = 0;
    fc.assert(
      fc.property(anyRequest, (raw) => {
        const found = readCallbackRequest(raw, address);
        if (found.kind === 'refused') return;
        letIn++;
        const headers = raw.rawHeaders.flatMap((name, index) => (index % 2 === 0 ? [[name.toLowerCase(), raw.rawHeaders[index + 1]]] : []));
        const values = (name: string) => headers.filter(([found]) => found === name).map(([, value]) => value);
        expect(raw.method).toBe('GET');
        expect(raw.target).toMatch(/^\/callback($|\?|\/done\/)/);
        expect(values('host')).toEqual([address.host]);
        expect(values('origin')).toEqual([]);
        const dests = values('sec-fetch-dest');
        expect(dests.length === 0 || (dests.length === 1 && dests[0] === 'document')).toBe(true);
        expect(values('content-length').every((length) => length === '0')).toBe(true);
      }),
      { numRuns: 5000, seed: 20_260_105 },
    );
    expect(letIn).toBeGreaterThan(50);
  });
});
