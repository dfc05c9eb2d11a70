import { describe, expect, it } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import type { PresetName } from '../../../main/idp/presets.ts';
import { Secret } from '../../../main/secret.ts';
import { hours } from '../../../main/units.ts';
import { flow } from './flow.ts';
import { jwt } from './jwt.ts';
import { ISSUER, originOf } from './profiles.ts';

function bench(options: Parameters<typeof flow>[0] = {}) {
  const parts = flow(options);
  const token = new Secret(parts.issuer.issueRefreshToken());
  return { ...parts, token, refresh: (used = token) => parts.idp.refresh(used, originOf()) };
}

describe('a refresh', () => {
  it('brings a new subject token, the rotated refresh token and the groups of today', async () => {
    const { refresh, issuer, token, clock } = bench();
    issuer.claims = (claims) => ({ ...claims, groups: ['admins'] });
    const refreshed = await refresh();
    expect(refreshed).toMatchObject({ groups: ['admins'], subjectToken: { expiresAt: clock.now() + hours(1) } });
    expect(refreshed.refreshToken.reveal()).not.toBe(token.reveal());
    expect(issuer.askedFor('token').map(({ body }) => body.get('grant_type'))).toEqual(['refresh_token']);
  });

  it('keeps the token where the provider does not rotate', async () => {
    const { refresh, issuer, token } = bench();
    issuer.answer = ({ refresh_token: _, ...body }) => body;
    expect((await refresh()).refreshToken.reveal()).toBe(token.reveal());
  });

  describe('that says nothing of groups', () => {
    const policyClaims = ['department', 'acr', 'amr'];
    const before = { department: 'finance', acr: 'phr', amr: ['hwk'], gone: 'from an older profile' };
    const silent = ({ groups: _, acr: __, amr: ___, department: ____, ...claims }: Record<string, unknown>) => claims;
    const accessTokenOf = ({ issuer, clock }: ReturnType<typeof flow>): string => {
      const now = Math.floor(clock.now() / 1000);
      const [key] = issuer.keys;
      return key === undefined ? '' : jwt(key, { iss: ISSUER, sub: 'alice-1', aud: 'api', iat: now, exp: now + 60 });
    };
    /** The claims of the sign-in as they are after a refresh, that many hours later. */
    async function after(hoursLater: number, preset: PresetName, { withoutIdToken = false } = {}) {
      const parts = flow({ idp: { policyClaims }, ...(withoutIdToken ? { subjectToken: 'access_token' } : {}) }, preset);
      await parts.clock.advance(hours(hoursLater));
      parts.issuer.claims = silent as typeof parts.issuer.claims;
      if (withoutIdToken) parts.issuer.answer = ({ id_token: _, ...body }) => ({ ...body, access_token: accessTokenOf(parts) });
      const { groups, claims } = await parts.idp.refresh(new Secret(parts.issuer.issueRefreshToken()), originOf({ claims: before }));
      return { groups, claims, unknown: parts.audit.of('session.groups-unknown').map(({ reason }) => reason) };
    }

    it('leaves none where the provider repeats them, nor any claim that it repeats', async () => {
      expect(await after(1, 'generic')).toEqual({ groups: [], claims: {}, unknown: ['left-out'] });
    });

    it('keeps, at a provider that repeats neither acr nor amr, these two alone', async () => {
      expect(await after(1, 'auth0')).toEqual({ groups: [], claims: { acr: 'phr', amr: ['hwk'] }, unknown: ['left-out'] });
    });

    it('without an ID token keeps all for eight hours after the sign-in, and nothing from then on', async () => {
      const withoutIdToken = true;
      const { gone: _, ...kept } = before;
      expect(await after(7.99, 'generic', { withoutIdToken })).toEqual({ groups: ['analysts'], claims: kept, unknown: [] });
      expect(await after(8, 'generic', { withoutIdToken })).toEqual({ groups: [], claims: {}, unknown: ['left-out'] });
    });

    it('keeps what a provider never repeats no longer than that either', async () => {
      const { gone: _, ...kept } = before;
      expect(await after(7.99, 'google')).toEqual({ groups: ['analysts'], claims: kept, unknown: [] });
      expect(await after(8, 'google')).toEqual({ groups: [], claims: {}, unknown: ['left-out'] });
    });

    it('writes nothing of it where there were none before', async () => {
      const parts = flow();
      parts.issuer.claims = ({ groups: _, ...claims }) => claims;
      const token = new Secret(parts.issuer.issueRefreshToken());
      await expect(parts.idp.refresh(token, originOf({ groups: [] }))).resolves.toMatchObject({ groups: [] });
      expect(parts.audit.of('session.groups-unknown')).toEqual([]);
    });
  });

  it('says nothing about assurance, whatever acr the new ID token has or lacks', async () => {
    const { refresh, issuer } = bench();
    issuer.claims = ({ acr: _, amr: __, auth_time: ___, ...claims }) => claims;
    const lacking = await refresh();
    issuer.claims = (claims) => ({ ...claims, acr: 'phrh', amr: ['hwk'] });
    const boasting = await refresh(lacking.refreshToken);
    for (const refreshed of [lacking, boasting])
      expect(Object.keys(refreshed).sort()).toEqual(['claims', 'groups', 'refreshToken', 'subjectToken']);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['another person', { sub: 'mallory' }, 'sub'],
    ['another issuer', { iss: 'https://evil.test' }, 'iss'],
    ['another audience', { aud: 'other' }, 'aud'],
    ['another user name', { email: 'mallory@acme.example' }, 'username'],
    ['an expiry in the past', { exp: 1000 }, 'exp'],
  ])('is refused when the new ID token is for %s', async (_, change, reason) => {
    const { refresh, issuer, audit } = bench();
    issuer.claims = (claims) => ({ ...claims, ...change });
    await expect(refresh()).rejects.toMatchObject({ code: 'ID_TOKEN_REJECTED', reason });
    expect(audit.of('token.validation-failed')).toEqual([{ type: 'token.validation-failed', profile: 'acme', rule: reason }]);
  });

  it('is refused without an ID token, but not where the access token is what counts', async () => {
    const { refresh, issuer } = bench();
    issuer.answer = ({ id_token: _, ...body }) => body;
    await expect(refresh()).rejects.toMatchObject({ code: 'ID_TOKEN_REJECTED', reason: 'missing' });

    const other = bench({ subjectToken: 'access_token' });
    const now = Math.floor(other.clock.now() / 1000);
    const [key] = other.issuer.keys;
    const access = key && jwt(key, { iss: ISSUER, sub: 'alice-1', aud: 'api', iat: now, exp: now + 60 });
    other.issuer.answer = ({ id_token: _, ...body }) => ({ ...body, access_token: access });
    await expect(other.refresh()).resolves.toMatchObject({ groups: ['analysts'] });
  });

  it.each<[string, () => Promise<Response> | Response, string, string]>([
    ['invalid_grant', () => Response.json({ error: 'invalid_grant' }, { status: 400 }), 'SESSION_REFUSED', 'invalid_grant'],
    ['invalid_client', () => Response.json({ error: 'invalid_client' }, { status: 401 }), 'SESSION_REFUSED', 'invalid_client'],
    [
      'a no in words of its own',
      () => Response.json({ error: 'go_away', error_description: 'x' }, { status: 400 }),
      'SESSION_REFUSED',
      'other',
    ],
    [
      'a challenge',
      () => new Response('', { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } }),
      'SESSION_REFUSED',
      'other',
    ],
    [
      'temporarily_unavailable',
      () => Response.json({ error: 'temporarily_unavailable' }, { status: 400 }),
      'ISSUER_UNREACHABLE',
      'answered',
    ],
    ['503', () => new Response('', { status: 503 }), 'ISSUER_UNREACHABLE', 'answered'],
    ['429', () => new Response('', { status: 429 }), 'ISSUER_UNREACHABLE', 'answered'],
    ['502 of a gateway', () => new Response('', { status: 502 }), 'ISSUER_UNREACHABLE', 'sent'],
    ['403 of a proxy', () => new Response('<html>', { status: 403 }), 'ISSUER_UNREACHABLE', 'sent'],
    ['a page', () => new Response('<html>', { headers: { 'content-type': 'text/html' } }), 'ISSUER_UNREACHABLE', 'sent'],
    [
      'half an answer',
      () => new Response('{"access_token":"a', { headers: { 'content-type': 'application/json' } }),
      'ISSUER_UNREACHABLE',
      'sent',
    ],
    ['a redirect', () => new Response('', { status: 302, headers: { location: 'https://evil.test' } }), 'ISSUER_UNREACHABLE', 'sent'],
    [
      'a reset',
      () => Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error(), { code: 'ECONNRESET' }) })),
      'ISSUER_UNREACHABLE',
      'sent',
    ],
    [
      'nobody',
      () => Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error(), { code: 'ECONNREFUSED' }) })),
      'ISSUER_UNREACHABLE',
      'unsent',
    ],
  ])('answered by %s fails with one request and the right code', async (_, answer, code, reason) => {
    const { refresh, issuer } = bench();
    issuer.faults.token = answer;
    await expect(refresh()).rejects.toMatchObject({ code, reason });
    expect(issuer.askedFor('token')).toHaveLength(1);
  });

  it.each(['token', 'discovery'] as const)('that a proxy stops on the way to the %s says so, and may be sent again', async (route) => {
    const { refresh, issuer } = bench();
    issuer.faults[route] = () => Promise.reject(new AppError('PROXY_REFUSED', { reason: 'login' }));
    await expect(refresh()).rejects.toMatchObject({ code: 'PROXY_REFUSED', reason: 'login' });
    issuer.faults = {};
    await expect(refresh()).resolves.toBeDefined();
  });

  it.each(['discovery', 'jwks'] as const)('does not send the token while the %s cannot be read', async (route) => {
    const { refresh, issuer } = bench();
    issuer.faults[route] = () => new Response('', { status: 500 });
    await expect(refresh()).rejects.toMatchObject({ code: 'ISSUER_UNREACHABLE', reason: 'unsent' });
    expect(issuer.askedFor('token')).toEqual([]);
    issuer.faults = {};
    await expect(refresh()).resolves.toBeDefined();
  });

  it('does not send the token to a provider whose endpoints have moved', async () => {
    const { refresh, issuer, clock } = bench();
    const { refreshToken } = await refresh();
    await clock.advance(hours(24));
    issuer.metadata = { ...issuer.metadata, token_endpoint: 'https://evil.test/token' };
    await expect(refresh(refreshToken)).rejects.toMatchObject({ code: 'ISSUER_INVALID', reason: 'changed' });
    expect(issuer.askedFor('token')).toHaveLength(1);
  });

  it('says CLOCK_SKEW when the clock of this machine is wrong', async () => {
    const { refresh, issuer } = bench();
    issuer.clockOff = hours(-2);
    await expect(refresh()).rejects.toMatchObject({ code: 'CLOCK_SKEW' });
  });
});

describe('a revocation', () => {
  const revoke = (parts: ReturnType<typeof bench>) => parts.idp.revoke(parts.token);

  it('names the kind of token and says that it is revoked', async () => {
    const parts = bench();
    await expect(revoke(parts)).resolves.toMatchObject({ refreshToken: 'revoked' });
    expect(parts.issuer.revoked).toEqual([parts.token.reveal()]);
    expect(parts.issuer.askedFor('revoke')[0]?.body.get('token_type_hint')).toBe('refresh_token');
    await expect(parts.refresh()).rejects.toMatchObject({ code: 'SESSION_REFUSED' });
  });

  it('says that the provider offers none', async () => {
    const parts = bench();
    parts.issuer.metadata = { ...parts.issuer.metadata, revocation_endpoint: undefined };
    await expect(revoke(parts)).resolves.toMatchObject({ refreshToken: 'not-supported' });
  });

  it.each<[string, 'revoke' | 'discovery', () => Promise<Response> | Response, RegExp]>([
    ['nobody answers', 'revoke', () => Promise.reject(new TypeError('fetch failed')), /did not answer/],
    ['the metadata cannot be read', 'discovery', () => new Response('', { status: 503 }), /did not answer/],
    [
      'the provider refuses',
      'revoke',
      () => Response.json({ error: 'invalid_client', error_description: 'text' }, { status: 401 }),
      /refused/,
    ],
    ['the answer is a redirect', 'revoke', () => new Response('', { status: 302 }), /no clear answer/],
    ['the answer is a page', 'revoke', () => new Response('<html>', { status: 404 }), /no clear answer/],
  ])('never throws and says so when %s', async (_, route, answer, detail) => {
    const parts = bench();
    parts.issuer.faults[route] = answer;
    const outcome = await revoke(parts);
    expect(outcome.refreshToken).toBe('failed');
    expect(outcome.detail).toMatch(detail);
  });
});
