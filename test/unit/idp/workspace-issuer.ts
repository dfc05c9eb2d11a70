/**
 * A workspace that signs people in, behind the fetch port and on the tests' own clock: the simulated workspace's own authorization server,
 * with tokens that can be made to lie in each place a client must notice.
 */
import { createHash } from 'node:crypto';
import { type FakeClock, fakeClock } from '../../fakes/fake-clock.ts';
import { type Answer, Refusal } from '../../fixtures/workspace/answer.ts';
import { createU2m, type OauthApp } from '../../fixtures/workspace/u2m.ts';
import { jwt, signingKey } from './jwt.ts';

export const WORKSPACE = 'https://acme.cloud.databricks.com';
export const WORKSPACE_ID = '1234567890123456';

type Json = Record<string, unknown>;
type Route = 'metadata' | 'config' | 'token' | 'me';

export interface WorkspaceIssuer {
  clock: FakeClock;
  fetch: typeof globalThis.fetch;
  /** What was asked, oldest first. */
  asked: { route: Route; body: URLSearchParams; headers: Headers }[];
  metadata: Json;
  config: Json;
  /** Changes the claims of the next access tokens; null: the next tokens are opaque. */
  claims: ((claims: Json) => Json) | null;
  header: Json;
  /** Changes a token answer as a whole. */
  answer: (body: Json) => Json;
  me: Json;
  /** How far its own clock is off. */
  clockOff: number;
  faults: Partial<Record<Route, (init: RequestInit) => Promise<Response> | Response>>;
  u2m: ReturnType<typeof createU2m>['controls'];
  /** The person at the page: where the browser is sent. */
  authorize(url: URL, change?: (query: URLSearchParams) => void): URL;
}

const key = signingKey('RS256', 'workspace');

export function workspaceIssuer(apps: readonly OauthApp[] = []): WorkspaceIssuer {
  const clock = fakeClock();
  const users = new Set(['alice@acme.example']);
  const now = (): number => clock.now() + issuer.clockOff;
  const u2m = createU2m({
    ...{ issuer: () => `${WORKSPACE}/oidc`, accountId: 'account', users, apps, forcedScopes: () => null, secrets: () => undefined },
    tokens: {
      jwks: { keys: [] },
      check: () => Promise.reject(new Error('nothing is checked here')),
      async issue({ issuer: iss, subject, scopes, clientId, expiresAt, now: at }) {
        const claims = {
          client_id: clientId,
          scope: scopes.join(' '),
          iss,
          aud: WORKSPACE_ID,
          sub: subject,
          iat: Math.floor(at / 1000),
          exp: expiresAt,
        };
        const jti = createHash('sha256').update(JSON.stringify(claims)).digest('hex');
        return {
          jti,
          token: issuer.claims === null ? `opaque-${jti}` : jwt(key, issuer.claims(claims), { typ: 'at+jwt', ...issuer.header }),
        };
      },
    },
  });
  const issuer: WorkspaceIssuer = {
    ...{ clock, asked: [], claims: (claims) => claims, header: {}, answer: (body) => body, clockOff: 0, faults: {}, u2m: u2m.controls },
    metadata: {
      issuer: `${WORKSPACE}/oidc`,
      authorization_endpoint: `${WORKSPACE}/oidc/v1/authorize`,
      token_endpoint: `${WORKSPACE}/oidc/v1/token`,
      jwks_uri: 'https://oregon.cloud.databricks.com/oidc/jwks.json',
      code_challenge_methods_supported: ['S256'],
    },
    config: { oidc_endpoint: `${WORKSPACE}/oidc`, workspace_id: WORKSPACE_ID },
    me: { userName: 'alice@acme.example', displayName: 'Alice' },
    async fetch(input, init = {}) {
      const url = String(input);
      const route = routes[url];
      if (route === undefined) throw new TypeError('fetch failed', { cause: Object.assign(new Error(`no ${url}`), { code: 'ENOTFOUND' }) });
      if (init.redirect !== 'manual') throw new Error('a redirect would have been followed');
      const agent = new Headers(init.headers).get('user-agent') ?? '';
      if (!/^lakepass\/\d+\.\d+\.\d+( rid\/[0-9a-f]{16})?$/.test(agent)) throw new Error(`user-agent ${agent}`);
      init.signal?.throwIfAborted();
      const body = new URLSearchParams(String(init.body ?? ''));
      issuer.asked.push({ route, body, headers: new Headers(init.headers) });
      const response = await (issuer.faults[route]?.(init) ?? answers[route](body, new Headers(init.headers)));
      response.headers.set('date', new Date(now()).toUTCString());
      return response;
    },
    authorize(url, change) {
      if (`${url.origin}${url.pathname}` !== issuer.metadata['authorization_endpoint']) throw new Error('not our authorization endpoint');
      const shown = u2m.authorize(url.searchParams, now());
      const page = /name="page" value="([\w-]+)"/.exec(String(shown.body))?.[1] ?? '';
      const form = new URLSearchParams({ page, username: 'alice@acme.example', password: 'password of alice@acme.example' });
      const back = new URL(shown.headers['location'] ?? u2m.answerPage(form, now()).headers['location'] ?? '');
      change?.(back.searchParams);
      return back;
    },
  };
  const answers: Record<Route, (body: URLSearchParams, headers: Headers) => Response | Promise<Response>> = {
    metadata: () => Response.json(issuer.metadata),
    config: () => Response.json(issuer.config),
    me: (_, headers) =>
      /^Bearer \S+$/.test(headers.get('authorization') ?? '') ? Response.json(issuer.me) : new Response('', { status: 401 }),
    token: (body) => tokenAnswer(body),
  };

  async function tokenAnswer(body: URLSearchParams): Promise<Response> {
    const record = { method: 'POST', path: '/oidc/v1/token', status: null, at: now(), userAgent: '' };
    try {
      const answer = await u2m.token(body.get('grant_type') ?? '', body, now(), record);
      return Response.json(issuer.answer(JSON.parse(String(answer.body)) as Json));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const answer: Answer = error.answer('r');
      return new Response(String(answer.body), { status: answer.status, headers: answer.headers });
    }
  }

  const routes: Record<string, Route> = {
    [`${WORKSPACE}/oidc/.well-known/oauth-authorization-server`]: 'metadata',
    [`${WORKSPACE}/.well-known/databricks-config`]: 'config',
    [`${WORKSPACE}/oidc/v1/token`]: 'token',
    [`${WORKSPACE}/api/2.0/preview/scim/v2/Me`]: 'me',
  };
  return issuer;
}
