import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { hours, type Ms, minutes } from '../../../main/units.ts';
import { flow, visit } from './flow.ts';
import { jwt, signingKey } from './jwt.ts';
import { ISSUER } from './profiles.ts';

const forever = () => new Promise<never>(() => {});

describe('a sign-in', () => {
  it('gives identity, assurance and tokens that print as nothing', async () => {
    const { signIn, clock } = flow();
    const signedIn = await signIn();
    expect(signedIn).toMatchObject({
      identity: {
        issuer: ISSUER,
        subject: 'alice-1',
        username: 'alice@acme.example',
        displayName: 'Alice',
        groups: ['analysts'],
        claims: {},
      },
      assurance: { level: 'phr', acr: 'phr', amr: ['hwk', 'user'], authTime: clock.now() },
      subjectToken: { issuedAt: clock.now(), expiresAt: clock.now() + hours(1) },
    });
    expect(signedIn.refreshToken?.reveal()).toMatch(/^rt-/);
    expect(JSON.stringify(signedIn)).not.toMatch(/eyJ|rt-/);
  });

  it('asks for what the profile says, with S256, 256 bits of state and nonce, and no secret', async () => {
    const { signIn, opened } = flow({ idp: { prompt: 'consent' }, assurance: { acrValues: ['phrh', 'phr'], maxAge: '1 h' } });
    await signIn();
    const query = Object.fromEntries(opened[0]?.searchParams ?? []);
    expect(query).toMatchObject({
      response_type: 'code',
      client_id: 'lakepass',
      scope: 'openid profile email offline_access',
      code_challenge_method: 'S256',
      acr_values: 'phrh phr',
      max_age: '3600',
      prompt: 'consent',
    });
    expect(query.redirect_uri).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/callback$/);
    expect(new Set([query.state, query.nonce, query.code_challenge]).size).toBe(3);
    for (const value of [query.state, query.nonce]) expect(Buffer.from(value ?? '', 'base64url')).toHaveLength(32);
    expect(query).not.toHaveProperty('code_verifier');
  });

  it('asks for what a step-up demands, and never for an older sign-in than the profile takes', async () => {
    const { idp, opened } = flow({ assurance: { acrValues: ['phr'], maxAge: '1 h' } });
    const signIn = (acr: string[], maxAge: Ms) =>
      idp.signIn({ signal: new AbortController().signal, onUrl: () => {}, demand: { acr, maxAge } });
    await signIn(['phr', 'phrh'], minutes(5));
    await signIn([], hours(2));
    const asked = opened.map(({ searchParams }) => [searchParams.get('acr_values'), searchParams.get('max_age')]);
    expect(asked).toEqual([
      ['phr phrh', '300'],
      ['phr', '3600'],
    ]);
  });

  it('leaves nothing behind where the answer is less than the step-up demands', async () => {
    const { idp, issuer } = flow();
    const stepUp = idp.signIn({ signal: new AbortController().signal, onUrl: () => {}, demand: { acr: ['phrh'], maxAge: minutes(5) } });
    await expect(stepUp).rejects.toMatchObject({ code: 'ASSURANCE_TOO_LOW', reason: 'acr' });
    await expect.poll(() => issuer.revoked.length).toBe(1);
  });

  it('uses new secrets each time', async () => {
    const { signIn, opened } = flow();
    await signIn();
    await signIn();
    const [first, second] = opened.map(({ searchParams }) => Object.fromEntries(searchParams));
    for (const name of ['state', 'nonce', 'code_challenge']) expect(first?.[name]).not.toBe(second?.[name]);
  });

  it('shows the URL before the browser is opened, and does without a browser', async () => {
    const { idp, issuer, person, opened } = flow();
    person.browse = () => Promise.reject(new Error('no display'));
    const shown = Promise.withResolvers<URL>();
    const outcome = idp.signIn({ signal: new AbortController().signal, onUrl: shown.resolve });
    await visit(issuer.authorize(await shown.promise));
    await expect(outcome).resolves.toBeDefined();
    expect(opened).toHaveLength(1);
  });

  it('tells whoever opens the browser which endpoint the provider has announced, on whatever host', async () => {
    const { signIn, issuer, opened, announced } = flow();
    const endpoint = 'https://login.acme-sso.test/authorize';
    issuer.metadata = { ...issuer.metadata, authorization_endpoint: endpoint };
    await signIn();
    expect(announced.map(String)).toEqual([endpoint]);
    expect(opened[0]?.href).toContain(`${endpoint}?`);
  });

  it('listens before the browser is opened', async () => {
    const { signIn, person, issuer } = flow();
    const seen: number[] = [];
    person.browse = async (url) => {
      seen.push((await visit(`${url.searchParams.get('redirect_uri')}/done`)).status);
      await visit(issuer.authorize(url));
    };
    await signIn();
    expect(seen).toEqual([404]);
  });

  it('pushes the request first where the provider insists', async () => {
    const { signIn, issuer, opened } = flow();
    issuer.metadata = { ...issuer.metadata, require_pushed_authorization_requests: true };
    await expect(signIn()).resolves.toBeDefined();
    expect([...(opened[0]?.searchParams.keys() ?? [])].sort()).toEqual(['client_id', 'request_uri']);
  });

  it('goes on waiting while foreign answers come', async () => {
    const { signIn, person, issuer } = flow();
    const statuses: number[] = [];
    person.browse = async (url) => {
      const callback = issuer.authorize(url);
      for (const change of [{ state: 'x' }, { iss: 'https://evil.test' }, { state: '' }]) {
        const forged = new URL(callback);
        for (const [name, value] of Object.entries(change)) forged.searchParams.set(name, value);
        statuses.push((await visit(forged)).status);
      }
      statuses.push((await visit(callback)).status);
    };
    await expect(signIn()).resolves.toBeDefined();
    // The code may be redeemed before the browser has read where it is sent on to.
    await expect.poll(() => statuses).toEqual([400, 400, 400, 303]);
  });

  it.each([
    ['access_denied', 'access_denied'],
    ['unmet_authentication_requirements', 'unmet_authentication_requirements'],
    ['call_0900_now', 'other'],
  ])('is refused when the provider answers %s', async (error, reason) => {
    const { signIn, person, issuer } = flow();
    const pages: number[] = [];
    person.browse = async (url) => {
      const callback = issuer.authorize(url, (query) => {
        query.delete('code');
        query.set('error', error);
        query.set('error_description', 'attacker-chosen text');
      });
      const answer = await visit(callback);
      pages.push(answer.status, (await visit(answer.location ?? '')).status);
    };
    const failure = await signIn().catch((thrown) => thrown);
    expect(failure).toMatchObject({ code: 'LOGIN_REFUSED', reason });
    expect(JSON.stringify(failure.toFailure())).not.toMatch(/attacker|0900/);
    await expect.poll(() => pages).toEqual([303, 200]);
  });

  it('is refused when the code is not accepted', async () => {
    const { signIn, person, issuer } = flow();
    person.browse = async (url) => void (await visit(issuer.authorize(url, (query) => query.set('code', 'stale'))));
    const failure = await signIn().catch((thrown) => thrown);
    expect(failure).toMatchObject({ code: 'LOGIN_REFUSED', reason: 'invalid_grant' });
    expect(JSON.stringify(failure.toFailure())).not.toContain('attacker');
  });

  it('ends with LOGIN_CANCELLED at once, and the port is free again', async () => {
    const { signIn, person, opened, clock } = flow();
    person.browse = forever;
    const cancel = new AbortController();
    const outcome = expect(signIn(cancel.signal)).rejects.toMatchObject({ code: 'LOGIN_CANCELLED' });
    await expect.poll(() => opened.length).toBe(1);
    cancel.abort();
    await outcome;
    await expect(visit(opened[0]?.searchParams.get('redirect_uri') ?? '')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(clock.pending).toBe(0);
  });

  it.each(['its address is shown', 'the browser is opened'])('is cancelled in the very moment in which %s', async (moment) => {
    const { idp, person, clock } = flow();
    const cancel = new AbortController();
    const cancelIn = (now: string): void => {
      if (now === moment) cancel.abort();
    };
    person.browse = () => {
      cancelIn('the browser is opened');
      return forever();
    };
    const outcome = idp.signIn({ signal: cancel.signal, onUrl: () => cancelIn('its address is shown') });
    await expect(outcome).rejects.toMatchObject({ code: 'LOGIN_CANCELLED' });
    expect(clock.pending).toBe(0);
  });

  it('does not begin when it is cancelled already', async () => {
    const { signIn, issuer } = flow();
    await expect(signIn(AbortSignal.abort())).rejects.toMatchObject({ code: 'LOGIN_CANCELLED' });
    expect(issuer.asked).toEqual([]);
  });

  it('can be cancelled while the provider hangs on the code', async () => {
    const { signIn, issuer } = flow();
    const cancel = new AbortController();
    issuer.faults.token = ({ signal }) =>
      new Promise((_, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
        queueMicrotask(() => cancel.abort());
      });
    await expect(signIn(cancel.signal)).rejects.toMatchObject({ code: 'LOGIN_CANCELLED' });
  });

  it('ends with LOGIN_TIMED_OUT when nobody finishes it', async () => {
    const { signIn, person, opened, clock } = flow({ limits: { loginTimeout: '2 min' } });
    person.browse = forever;
    const outcome = expect(signIn()).rejects.toMatchObject({ code: 'LOGIN_TIMED_OUT' });
    await expect.poll(() => opened.length).toBe(1);
    await clock.advance(minutes(2));
    await outcome;
    await expect(visit(opened[0]?.searchParams.get('redirect_uri') ?? '')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(clock.pending).toBe(0);
  });

  it('says LOGIN_PORT_BUSY when the registered port is taken', async () => {
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve));
    const { port } = squatter.address() as { port: number };
    const { signIn, opened } = flow({ idp: { redirect: { ports: [port] } } });
    await expect(signIn()).rejects.toMatchObject({ code: 'LOGIN_PORT_BUSY' });
    expect(opened).toEqual([]);
    await new Promise((resolve) => squatter.close(resolve));
  });

  it('can follow another at once on the one registered port, although the browser never fetched the last page', async () => {
    const probe = createServer();
    await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
    const { port } = probe.address() as { port: number };
    await new Promise((resolve) => probe.close(resolve));
    const { signIn } = flow({ idp: { redirect: { ports: [port] } } });
    await signIn();
    await expect(signIn()).resolves.toBeDefined();
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['another issuer', { iss: 'https://evil.test' }, 'iss'],
    ['another audience', { aud: 'other' }, 'aud'],
    ['a second audience', { aud: ['lakepass', 'other'] }, 'aud'],
    ['another party', { azp: 'other' }, 'azp'],
    ['another nonce', { nonce: 'x' }, 'nonce'],
    ['an old sign-in', { auth_time: 1 }, 'auth_time'],
    ['no user name', { email: undefined }, 'username'],
  ])('is refused for an ID token with %s, is audited, and its refresh token is revoked', async (_, change, reason) => {
    const { signIn, issuer, audit } = flow();
    issuer.claims = (claims) => ({ ...claims, ...change });
    await expect(signIn()).rejects.toMatchObject({ code: 'ID_TOKEN_REJECTED', reason });
    expect(audit.of('token.validation-failed')).toEqual([{ type: 'token.validation-failed', profile: 'acme', rule: reason }]);
    await expect.poll(() => issuer.revoked).toEqual([expect.stringMatching(/^rt-/)]);
  });

  it.each<[string, (body: Record<string, unknown>) => Record<string, unknown>, string]>([
    ['holds no ID token', ({ id_token: _, ...body }) => body, 'missing'],
    ['holds an ID token of a stranger', (body) => ({ ...body, id_token: jwt(signingKey('RS256', 'first'), {}) }), 'sig'],
    ['holds a token type nobody knows', (body) => ({ ...body, token_type: 'mac' }), 'library'],
  ])('is refused when the answer %s', async (_, answer, reason) => {
    const { signIn, issuer } = flow();
    issuer.answer = answer;
    await expect(signIn()).rejects.toMatchObject({ code: 'ID_TOKEN_REJECTED', reason });
  });

  it('checks the access token against at_hash', async () => {
    const { signIn, issuer } = flow();
    issuer.claims = (claims) => ({ ...claims, at_hash: 'AAAA' });
    await expect(signIn()).rejects.toMatchObject({ reason: 'at_hash' });
  });

  it.each([
    ['two hours ahead', -hours(2)],
    ['ten minutes behind', minutes(10)],
  ])('says CLOCK_SKEW, not a bad token, when the clock of this machine is %s', async (_, off) => {
    const { signIn, issuer, audit } = flow();
    issuer.clockOff = off;
    await expect(signIn()).rejects.toMatchObject({ code: 'CLOCK_SKEW', detail: expect.stringMatching(/min (ahead of|behind)/) });
    expect(audit.of('token.validation-failed')).toHaveLength(1);
  });

  it('does not blame the clock for a token that is wrong by the provider’s own clock', async () => {
    const { signIn, issuer } = flow();
    issuer.claims = (claims) => ({ ...claims, exp: Number(claims.iat) - 3600 });
    await expect(signIn()).rejects.toMatchObject({ code: 'ID_TOKEN_REJECTED', reason: 'exp' });
  });

  it('is refused when it was not proven strongly enough, and leaves no refresh token alive', async () => {
    const { signIn, issuer } = flow();
    issuer.claims = ({ amr: _, ...claims }) => claims;
    await expect(signIn()).rejects.toMatchObject({ code: 'ASSURANCE_TOO_LOW', reason: 'unknown' });
    await expect.poll(() => issuer.revoked).toHaveLength(1);
  });

  it('takes the access token for the workspace where the profile says so', async () => {
    const { signIn, issuer, clock } = flow({ subjectToken: 'access_token' });
    const now = Math.floor(clock.now() / 1000);
    const [key] = issuer.keys;
    const access = key && jwt(key, { iss: ISSUER, sub: 'alice-1', aud: 'api://databricks', iat: now, exp: now + 900 }, { typ: 'at+jwt' });
    issuer.answer = (body) => ({ ...body, access_token: access });
    const { subjectToken } = await signIn();
    expect(subjectToken.jwt.reveal()).toBe(access);
    expect(subjectToken.expiresAt).toBe(clock.now() + minutes(15));
    issuer.answer = (body) => ({ ...body, access_token: body.id_token });
    await expect(signIn()).rejects.toMatchObject({ code: 'ID_TOKEN_REJECTED', reason: 'typ' });
  });

  it.each<[string, () => Promise<Response> | Response, string]>([
    ['is down', () => Promise.reject(new TypeError('fetch failed')), 'ISSUER_UNREACHABLE'],
    ['answers 500', () => new Response('', { status: 500 }), 'ISSUER_UNREACHABLE'],
    ['answers with a page', () => new Response('<html>', { status: 200 }), 'ISSUER_UNREACHABLE'],
    ['redirects the code elsewhere', () => new Response('', { status: 307, headers: { location: 'https://evil.test' } }), 'ISSUER_INVALID'],
  ])('fails with its code when the token endpoint %s', async (_, answer, code) => {
    const { signIn, issuer } = flow();
    issuer.faults.token = answer;
    await expect(signIn()).rejects.toMatchObject({ code });
  });

  it('is refused when the keys cannot be read', async () => {
    const { signIn, issuer } = flow();
    issuer.faults.jwks = () => new Response('', { status: 500 });
    await expect(signIn()).rejects.toMatchObject({ code: 'ID_TOKEN_REJECTED', reason: 'jwks_unavailable' });
  });

  it('does not open a browser for a provider that is not there', async () => {
    const { signIn, issuer, opened } = flow();
    issuer.faults.discovery = () => Promise.reject(new TypeError('fetch failed'));
    await expect(signIn()).rejects.toMatchObject({ code: 'ISSUER_UNREACHABLE' });
    expect(opened).toEqual([]);
  });

  it('writes neither code, state, nonce nor token into audit, log or failures', async () => {
    const { signIn, issuer, audit, logged, opened } = flow();
    await signIn();
    issuer.claims = (claims) => ({ ...claims, nonce: 'x' });
    const failure = await signIn().catch((thrown) => thrown);
    const written = JSON.stringify([audit.events, logged, failure.toFailure(), failure.message]);
    const secrets = opened.flatMap(({ searchParams }) => ['state', 'nonce', 'code_challenge'].map((name) => searchParams.get(name) ?? '?'));
    for (const secret of [...secrets, 'eyJ', 'rt-', 'at-']) expect(written).not.toContain(secret);
  });
});
