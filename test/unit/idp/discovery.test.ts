import { describe, expect, it } from 'vitest';
import { createDiscovery } from '../../../main/idp/discovery.ts';
import { openIssuerLine } from '../../../main/idp/issuer-line.ts';
import { hours, minutes } from '../../../main/units.ts';
import { ISSUER, testProfile } from './profiles.ts';
import { testIssuer } from './test-issuer.ts';

const DAY = hours(24);

function bench(options: Parameters<typeof testProfile>[0] = {}) {
  const issuer = testIssuer();
  const discovery = createDiscovery({ profile: testProfile(options), line: openIssuerLine(issuer), clock: issuer.clock });
  return { issuer, clock: issuer.clock, discovery };
}

describe('discovery', () => {
  it('reads the metadata once and again after its age', async () => {
    const { issuer, clock, discovery } = bench();
    await discovery.metadata(DAY);
    await clock.advance(DAY - 1);
    await discovery.metadata(DAY);
    expect(issuer.askedFor('discovery')).toHaveLength(1);
    await clock.advance(1);
    await discovery.metadata(DAY);
    await clock.advance(minutes(5));
    await discovery.metadata(minutes(5));
    expect(issuer.askedFor('discovery')).toHaveLength(3);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['names another issuer', { issuer: 'https://evil.test' }, 'issuer'],
    ['names the issuer with a trailing slash', { issuer: `${ISSUER}/` }, 'issuer'],
    ['names the issuer in capitals', { issuer: ISSUER.replace('issuer.test', 'ISSUER.test') }, 'issuer'],
    ['names the issuer with the default port', { issuer: ISSUER.replace('.test', '.test:443') }, 'issuer'],
    ['has no token endpoint', { token_endpoint: undefined }, 'endpoint'],
    ['has a key set address that is no text', { jwks_uri: 5 }, 'endpoint'],
    ['has a plain http token endpoint', { token_endpoint: 'http://issuer.test/token' }, 'endpoint'],
    ['has a plain http key set on loopback', { jwks_uri: 'http://localhost:9/jwks' }, 'endpoint'],
    ['has an authorization endpoint that is a script', { authorization_endpoint: 'javascript:alert(1)' }, 'endpoint'],
    ['has an authorization endpoint that is a file', { authorization_endpoint: 'file:///etc/passwd' }, 'endpoint'],
    ['has a user name in an endpoint', { authorization_endpoint: 'https://user@issuer.test/authorize' }, 'endpoint'],
    ['has a fragment in an endpoint', { token_endpoint: `${ISSUER}/token#x` }, 'endpoint'],
    ['has a revocation endpoint that is no address', { revocation_endpoint: 'revoke' }, 'endpoint'],
    ['offers PKCE without S256', { code_challenge_methods_supported: ['plain'] }, 'pkce'],
    ['does not speak of PKCE', { code_challenge_methods_supported: undefined }, 'pkce'],
  ])('refuses metadata that %s', async (_, change, reason) => {
    const { issuer, discovery } = bench();
    issuer.metadata = { ...issuer.metadata, ...change };
    await expect(discovery.metadata(DAY)).rejects.toMatchObject({ code: 'ISSUER_INVALID', reason });
  });

  it.each([
    ['http://localhost:1', false],
    ['http://localhost.evil.test', true],
    ['http://[::1]:1', true],
  ])('asks nothing of an issuer at %s in a profile with test: %s', async (address, test) => {
    const { issuer, discovery } = bench({ test, idp: { issuer: address } });
    await expect(discovery.metadata(DAY)).rejects.toMatchObject({ code: 'ISSUER_INVALID', reason: 'endpoint' });
    expect(issuer.asked).toEqual([]);
  });

  it('takes a provider that does not speak of PKCE where the profile says so, but never one that offers only plain', async () => {
    const { issuer, discovery } = bench({ idp: { pkceUnadvertised: true } });
    issuer.metadata = { ...issuer.metadata, code_challenge_methods_supported: ['plain'] };
    await expect(discovery.metadata(DAY)).rejects.toMatchObject({ reason: 'pkce' });
    issuer.metadata = { ...issuer.metadata, code_challenge_methods_supported: undefined };
    await expect(discovery.metadata(DAY)).resolves.toBeDefined();
  });

  it.each<[string, Record<string, unknown>]>([
    ['moves the token endpoint to another host', { token_endpoint: 'https://evil.test/token' }],
    ['moves the keys to another port', { jwks_uri: 'https://issuer.test:8443/jwks' }],
    ['adds nothing but takes revocation away', { revocation_endpoint: undefined }],
    ['no longer promises iss', { authorization_response_iss_parameter_supported: undefined }],
  ])('stops when a later document %s', async (_, change) => {
    const { issuer, clock, discovery } = bench();
    const before = await discovery.metadata(DAY);
    await clock.advance(DAY);
    issuer.metadata = { ...issuer.metadata, ...change };
    await expect(discovery.metadata(DAY)).rejects.toMatchObject({ code: 'ISSUER_INVALID', reason: 'changed' });
    issuer.metadata = { ...before };
    await expect(discovery.metadata(DAY)).resolves.toBeDefined();
  });

  it('stops when a later document drops PKCE, even where the profile accepts silence about it', async () => {
    const { issuer, clock, discovery } = bench({ idp: { pkceUnadvertised: true } });
    await discovery.metadata(DAY);
    await clock.advance(DAY);
    issuer.metadata = { ...issuer.metadata, code_challenge_methods_supported: undefined };
    await expect(discovery.metadata(DAY)).rejects.toMatchObject({ code: 'ISSUER_INVALID', reason: 'changed' });
  });

  it('stops when a later document no longer binds tokens to a key', async () => {
    const { issuer, clock, discovery } = bench();
    issuer.metadata = { ...issuer.metadata, dpop_signing_alg_values_supported: ['ES256'] };
    await discovery.metadata(DAY);
    await clock.advance(DAY);
    issuer.metadata = { ...issuer.metadata, dpop_signing_alg_values_supported: ['RS256'] };
    await expect(discovery.metadata(DAY)).rejects.toMatchObject({ code: 'ISSUER_INVALID', reason: 'changed' });
  });

  it('follows a later document that moves within its host', async () => {
    const { issuer, clock, discovery } = bench();
    await discovery.metadata(DAY);
    await clock.advance(DAY);
    issuer.metadata = { ...issuer.metadata, token_endpoint: `${ISSUER}/v2/token` };
    await expect(discovery.metadata(DAY)).resolves.toMatchObject({ token_endpoint: `${ISSUER}/v2/token` });
  });

  it.each<[string, () => Response, string, string]>([
    ['redirects', () => new Response('', { status: 301, headers: { location: 'https://evil.test/' } }), 'ISSUER_INVALID', 'redirect'],
    ['answers 404', () => new Response('', { status: 404 }), 'ISSUER_UNREACHABLE', 'sent'],
    ['answers 503', () => new Response('', { status: 503 }), 'ISSUER_UNREACHABLE', 'answered'],
    ['answers with a page', () => new Response('<html>Log in to the Wi-Fi</html>'), 'ISSUER_UNREACHABLE', 'sent'],
    ['answers with a list', () => Response.json([]), 'ISSUER_UNREACHABLE', 'sent'],
    ['answers without end', () => new Response(`"${'x'.repeat(1024 * 1024)}"`), 'ISSUER_UNREACHABLE', 'sent'],
  ])('says what is wrong when the provider %s', async (_, answer, code, reason) => {
    const { issuer, discovery } = bench();
    issuer.faults.discovery = answer;
    await expect(discovery.metadata(DAY)).rejects.toMatchObject({ code, reason });
  });

  it('gives up on a provider that hangs after ten seconds', async () => {
    const { issuer, clock, discovery } = bench();
    issuer.faults.discovery = ({ signal }) =>
      new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason), { once: true }));
    const outcome = expect(discovery.metadata(DAY)).rejects.toMatchObject({ code: 'ISSUER_UNREACHABLE', reason: 'sent' });
    await clock.advance(10_000);
    await outcome;
    expect(clock.pending).toBe(0);
  });
});
