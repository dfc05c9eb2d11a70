/** Which requests go through the company's proxy, by its variables alone. */
import { describe, expect, it } from 'vitest';
import { proxyFor } from '../../../main/net/proxy.ts';

const PROXY = 'http://proxy.acme.test:3128';
const through = (address: string, env: NodeJS.ProcessEnv) => proxyFor(new URL(address), env)?.href ?? null;

describe('the proxy of a request', () => {
  it.each([
    ['HTTPS_PROXY', { HTTPS_PROXY: PROXY }],
    ['https_proxy', { https_proxy: PROXY }],
    ['the lower case first', { https_proxy: PROXY, HTTPS_PROXY: 'http://other.test:1' }],
    ['one without a scheme', { HTTPS_PROXY: 'proxy.acme.test:3128' }],
  ])('is that of %s', (_, env) => {
    expect(through('https://login.acme.test/', env)).toBe(`${PROXY}/`);
  });

  it.each([{}, { HTTPS_PROXY: '' }, { HTTP_PROXY: PROXY }, { https_proxy: '', HTTPS_PROXY: PROXY }])('is none with %o', (env) => {
    expect(through('https://login.acme.test/', env)).toBeNull();
  });

  it.each([
    'http://localhost:9/',
    'https://127.0.0.1/',
    'https://127.8.9.1/',
    'https://[::1]:7/',
    'https://lakepass.localhost/',
    'https://LOCALHOST./',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:0.0.0.0]/',
    'https://[::]/',
    'https://0.0.0.0/',
  ])('never stands between us and %s', (address) => {
    expect(through(address, { HTTPS_PROXY: PROXY, HTTP_PROXY: PROXY, http_proxy: PROXY })).toBeNull();
  });

  it.each([
    ['https://login.acme.test/', '*'],
    ['https://login.acme.test/', 'acme.test'],
    ['https://login.acme.test/', '.acme.test'],
    ['https://login.acme.test/', '*.acme.test'],
    ['https://login.acme.test/', 'other.test, LOGIN.acme.test'],
    ['https://login.acme.test/', 'login.acme.test:443'],
    ['https://login.acme.test:8443/', 'login.acme.test:8443'],
    ['https://10.1.2.3/', '10.1.2.3'],
    ['https://10.1.2.3/', '10.0.0.0/8'],
    ['https://[fd00::7]/', 'fd00::/8'],
    ['https://[fd00::7]/', '[fd00::7]:443'],
  ])('is not used for %s where NO_PROXY is %s', (address, spared) => {
    expect(through(address, { HTTPS_PROXY: PROXY, NO_PROXY: spared })).toBeNull();
  });

  it.each([
    ['https://login.acme.test/', 'notacme.test'],
    ['https://evilacme.test/', 'acme.test'],
    ['https://acme.test.evil.test/', 'acme.test'],
    ['https://login.acme.test/', 'login.acme.test:8443'],
    ['https://login.acme.test/', '., ,*.'],
    ['https://10.1.2.3/', '10.1.2.30'],
    ['https://[::ffff:10.1.2.3]/', '10.1.2.30'],
    ['https://[::2]/', '10.1.2.30'],
    ['https://127.acme.test/', '10.1.2.30'],
    ['https://11.1.2.3/', '10.0.0.0/8'],
    ['https://10.1.2.3/', '10.0.0.0/99'],
    ['https://10.1.2.3/', '2.3'],
    ['https://[fd00::7]/', '10.0.0.0/8'],
  ])('is used for %s although NO_PROXY is %s', (address, spared) => {
    expect(through(address, { HTTPS_PROXY: PROXY, NO_PROXY: spared })).toBe(`${PROXY}/`);
  });

  it.each(['socks5://proxy.acme.test:1080', 'http://', 'http://anna:hunter2@:99999', 'http://anna:hunter2%of@proxy.acme.test:3128'])(
    'is refused as %s, which is not repeated',
    (value) => {
      let thrown: unknown;
      try {
        through('https://login.acme.test/', { HTTPS_PROXY: value });
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toMatchObject({ code: 'PROXY_INVALID' });
      expect(JSON.stringify(thrown) + String(thrown)).not.toMatch(/hunter2|socks5/);
    },
  );
});
