/**
 * A small identity provider behind the fetch port, on the tests' own clock. It checks what a real one checks (client, redirect,
 * PKCE, single use of codes and refresh tokens) and can be told to lie in each place a client must notice.
 */
import { createHash, randomUUID } from 'node:crypto';
import { type FakeClock, fakeClock } from '../../fakes/fake-clock.ts';
import { jwt, type SigningKey, signingKey } from './jwt.ts';
import { CLIENT, ISSUER } from './profiles.ts';

type Json = Record<string, unknown>;
type Route = 'discovery' | 'jwks' | 'token' | 'revoke' | 'par';
interface Asked {
  route: Route;
  body: URLSearchParams;
}

export interface TestIssuer {
  clock: FakeClock;
  fetch: typeof globalThis.fetch;
  asked: Asked[];
  askedFor(route: Route): Asked[];
  metadata: Json;
  keys: SigningKey[];
  jwks: () => unknown;
  jwksHeaders: Record<string, string>;
  /** Changes the claims or the header of the next ID tokens. */
  claims: (claims: Json) => Json;
  header: Json;
  /** Changes a token answer as a whole. */
  answer: (body: Json) => Json;
  /** How far its own clock is off. */
  clockOff: number;
  /** Replaces the answer of a route. */
  faults: Partial<Record<Route, (init: RequestInit) => Promise<Response> | Response>>;
  /** The person at the provider: checks the authorization request, and gives where the browser is sent. */
  authorize(url: URL, change?: (query: URLSearchParams) => void): URL;
  revoked: string[];
  /** Makes a refresh token as a sign-in long ago would have. */
  issueRefreshToken(): string;
}

const shared = signingKey('RS256', 'first');

export function testIssuer(): TestIssuer {
  const clock = fakeClock();
  const codes = new Map<string, { challenge: string; redirectUri: string; nonce: string }>();
  const pushed = new Map<string, URLSearchParams>();
  const refreshTokens = new Map<string, boolean>();
  // Ten seconds before a refresh of a sign-in that these tests have not seen.
  let authTime = Math.floor(clock.now() / 1000) - 10;
  const now = () => Math.floor((clock.now() + issuer.clockOff) / 1000);

  const issuer: TestIssuer = {
    clock,
    asked: [],
    askedFor: (route) => issuer.asked.filter((each) => each.route === route),
    metadata: {
      issuer: ISSUER,
      authorization_endpoint: `${ISSUER}/authorize`,
      token_endpoint: `${ISSUER}/token`,
      jwks_uri: `${ISSUER}/jwks`,
      revocation_endpoint: `${ISSUER}/revoke`,
      pushed_authorization_request_endpoint: `${ISSUER}/par`,
      response_types_supported: ['code'],
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
    },
    keys: [shared],
    jwks: () => ({ keys: issuer.keys.map(({ jwk }) => jwk) }),
    jwksHeaders: {},
    claims: (claims) => claims,
    header: {},
    answer: (body) => body,
    clockOff: 0,
    faults: {},
    revoked: [],
    issueRefreshToken,
    async fetch(input, init = {}) {
      const url = String(input);
      const route = routeOf(url);
      if (!route) throw new TypeError('fetch failed', { cause: Object.assign(new Error(`no ${url}`), { code: 'ENOTFOUND' }) });
      if (init.redirect !== 'manual') throw new Error('a redirect would have been followed');
      const agent = new Headers(init.headers).get('user-agent') ?? '';
      if (!/^lakepass\/\d+\.\d+\.\d+( rid\/[0-9a-f]{16})?$/.test(agent)) throw new Error(`user-agent ${agent}`);
      init.signal?.throwIfAborted();
      const body = new URLSearchParams(String(init.body ?? ''));
      issuer.asked.push({ route, body });
      const response = await (issuer.faults[route]?.(init) ?? answers[route](body));
      if (!response.headers.has('date')) response.headers.set('date', new Date(now() * 1000).toUTCString());
      return response;
    },
    authorize(url, change) {
      if (`${url.origin}${url.pathname}` !== issuer.metadata.authorization_endpoint) throw new Error('not our authorization endpoint');
      const asked = pushed.get(url.searchParams.get('request_uri') ?? '') ?? url.searchParams;
      const query = Object.fromEntries(asked);
      if (
        url.searchParams.get('client_id') !== CLIENT ||
        query.client_id !== CLIENT ||
        query.response_type !== 'code' ||
        query.code_challenge_method !== 'S256'
      )
        throw new Error('bad request');
      const code = randomUUID();
      codes.set(code, { challenge: query.code_challenge ?? '', redirectUri: query.redirect_uri ?? '', nonce: query.nonce ?? '' });
      const back = new URL(query.redirect_uri ?? '');
      back.search = new URLSearchParams({ code, state: query.state ?? '', iss: ISSUER }).toString();
      change?.(back.searchParams);
      return back;
    },
  };

  const answers: Record<Route, (body: URLSearchParams) => Response> = {
    discovery: () => Response.json(issuer.metadata),
    jwks: () => Response.json(issuer.jwks(), { headers: issuer.jwksHeaders }),
    revoke: (body) => {
      issuer.revoked.push(body.get('token') ?? '');
      refreshTokens.set(body.get('token') ?? '', false);
      return new Response(null, { status: 200 });
    },
    par: (body) => {
      const uri = `urn:ietf:params:oauth:request_uri:${randomUUID()}`;
      pushed.set(uri, body);
      return Response.json({ request_uri: uri, expires_in: 60 }, { status: 201 });
    },
    token: (body) => (body.get('grant_type') === 'refresh_token' ? redeemRefreshToken(body) : redeemCode(body)),
  };

  function redeemCode(body: URLSearchParams): Response {
    const found = codes.get(body.get('code') ?? '');
    const challenge = createHash('sha256')
      .update(body.get('code_verifier') ?? '')
      .digest('base64url');
    if (body.get('client_id') !== CLIENT) return refuse('invalid_client');
    if (!found || found.challenge !== challenge || found.redirectUri !== body.get('redirect_uri')) return refuse('invalid_grant');
    codes.delete(body.get('code') ?? '');
    authTime = now();
    return tokens({ nonce: found.nonce });
  }

  function redeemRefreshToken(body: URLSearchParams): Response {
    const token = body.get('refresh_token') ?? '';
    if (body.get('client_id') !== CLIENT) return refuse('invalid_client');
    if (!refreshTokens.get(token)) return refuse('invalid_grant');
    refreshTokens.set(token, false);
    return tokens({});
  }

  function tokens(extra: Json): Response {
    const [key] = issuer.keys;
    if (!key) throw new Error('the issuer has no key');
    const claims = issuer.claims({
      iss: ISSUER,
      sub: 'alice-1',
      aud: CLIENT,
      iat: now(),
      exp: now() + 3600,
      auth_time: authTime,
      acr: 'phr',
      amr: ['hwk', 'user'],
      email: 'alice@acme.example',
      name: 'Alice',
      groups: ['analysts'],
      ...extra,
    });
    return Response.json(
      issuer.answer({
        access_token: `at-${randomUUID()}`,
        token_type: 'Bearer',
        expires_in: 3600,
        id_token: jwt(key, claims, issuer.header),
        refresh_token: issueRefreshToken(),
      }),
    );
  }

  function issueRefreshToken(): string {
    const token = `rt-${randomUUID()}`;
    refreshTokens.set(token, true);
    return token;
  }

  const refuse = (error: string) => Response.json({ error, error_description: 'attacker-chosen text' }, { status: 400 });
  const routes: [Route, string][] = [
    ['discovery', '/.well-known/openid-configuration'],
    ['jwks', '/jwks'],
    ['token', '/token'],
    ['revoke', '/revoke'],
    ['par', '/par'],
  ];
  const routeOf = (url: string) => routes.find(([, path]) => url === `${ISSUER}${path}`)?.[0];
  return issuer;
}
