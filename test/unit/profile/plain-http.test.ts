import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../main/profile/load-config.ts';
import { isAcceptedAddress } from '../../../main/profile/plain-http.ts';
import { configFile, failureOf, testConfig } from './config-file.ts';

const onLoopback = ['http://localhost:4000', 'http://127.0.0.1:4000', 'http://localhost:4000/realms/x', 'http://localhost'];
const elsewhere = [
  'http://login.acme.example',
  'http://[::1]:4000',
  'http://localhost.evil:4000',
  'http://localhost.:4000',
  'http://LOCALHOST:4000',
  'http://127.0.0.1.nip.io:4000',
  'http://127.1:4000',
  'http://127.0.0.2:4000',
  'http://2130706433:4000',
  'http://0x7f.0.0.1:4000',
  'http://0.0.0.0:4000',
  'http://lakepass.localhost:4000',
  'http://[::ffff:127.0.0.1]:4000',
];

describe('plain http', () => {
  it.each(onLoopback)('is accepted for %s in a test profile', async (issuer) => {
    const { profiles } = await loadConfig(await configFile(testConfig(issuer)));
    expect(profiles.get('demo')?.idp.issuer).toBe(issuer);
  });

  it.each(onLoopback)('is refused for %s without the line `test: true`', async (issuer) => {
    expect(await failureOf(testConfig(issuer, { test: false }))).toMatchObject({ code: 'CONFIG_PLAIN_HTTP', reason: 'issuer' });
    expect(await failureOf(testConfig(issuer).replace('    test: true\n', ''))).toMatchObject({ code: 'CONFIG_PLAIN_HTTP' });
  });

  it.each(elsewhere)('is refused for %s even in a test profile', async (issuer) => {
    const failure = await failureOf(testConfig(issuer));
    expect(failure).toMatchObject({ code: 'CONFIG_PLAIN_HTTP', detail: expect.stringContaining(':6:15:') });
  });

  it.each(elsewhere)('is refused for the workspace %s even in a test profile', async (host) => {
    expect(await failureOf(testConfig('http://localhost:4000', { host }))).toMatchObject({ code: 'CONFIG_PLAIN_HTTP', reason: 'host' });
  });

  it.each(['http://localhost:4000@evil.example', 'http://localhost@evil.example', 'http://127.0.0.1#@evil.example'])(
    'is refused for the disguise %s',
    async (issuer) => {
      expect((await failureOf(testConfig(issuer))).code).toBe('CONFIG_INVALID');
      expect(isAcceptedAddress(issuer.replace('#', ''), { test: true })).toBe(false);
    },
  );
});
