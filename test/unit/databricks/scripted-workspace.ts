/**
 * Workspaces behind a fake fetch, as strict as the wire: one origin each, redirects followed unless told not to, the exchange form
 * checked field by field, aborts honoured. A request that no real client would send is kept in `problems`, since fetch errors
 * are what the code under test expects anyway.
 */
import type { FakeClock } from '../../fakes/fake-clock.ts';

export interface Exchange {
  url: string;
  jwt: string;
  scopes: string[];
  /** null where none was sent. */
  clientId: string | null;
  userAgent: string;
  /** When it was sent. */
  at: number;
}

/** 'hang': never. A function may read the exchange; an Error is a broken connection. */
export type Scripted = Response | Error | 'hang';
export type Script = (exchange: Exchange, nth: number) => Scripted | Promise<Scripted>;

export interface ScriptedWorkspace {
  readonly host: string;
  readonly exchanges: Exchange[];
  /** Documents by path: 'hang', a function that makes the answer, or what is sent as JSON. Without one: 404. */
  readonly documents: Map<string, unknown>;
  /** Paths and methods of everything asked, the exchanges included. */
  readonly seen: string[];
  answer: Script;
}

export interface ScriptedNetwork {
  fetch: typeof globalThis.fetch;
  workspace(host: string): ScriptedWorkspace;
  readonly problems: string[];
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Lets everything that is on its way through promises and streams arrive. */
export async function settled(): Promise<void> {
  for (let turns = 0; turns < 20; turns += 1) await turn();
}

export const json = (body: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  new Response(typeof body === 'string' ? body : JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  });

/** A network error as undici throws it. */
export const broken = (code: string): Error => new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) });

/** An unsigned JWT: nothing on our side may verify it, and the scripted workspace does not. */
export const jwtOf = (claims: Record<string, unknown>): string =>
  ['{"alg":"RS256"}', JSON.stringify(claims), 'signature'].map((part) => Buffer.from(part).toString('base64url')).join('.');

/** What a workspace does that copies the end of the subject token. */
export const copiesExpiry =
  (clock: FakeClock): Script =>
  ({ jwt, scopes }, nth) => {
    const { exp } = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as { exp: number };
    return json({
      access_token: `minted-${nth}`,
      token_type: 'Bearer',
      expires_in: Math.floor(exp - clock.now() / 1000),
      scope: scopes.join(' '),
    });
  };

export function scriptedNetwork(clock: FakeClock): ScriptedNetwork {
  const workspaces = new Map<string, ScriptedWorkspace>();
  const problems: string[] = [];

  const route = async (url: URL, init: RequestInit, at: number): Promise<Scripted> => {
    const target = workspaces.get(url.origin);
    if (!target) {
      problems.push(`unexpected host ${url.origin}`);
      return broken('ENOTFOUND');
    }
    target.seen.push(`${init.method} ${url.pathname}`);
    if (init.method === 'GET') {
      const document = target.documents.get(url.pathname);
      if (typeof document === 'function') return document() as Response;
      if (document === 'hang') return 'hang';
      return document === undefined ? json({ error_code: 'ENDPOINT_NOT_FOUND' }, 404) : json(document);
    }
    const exchange = readExchange(url, init, at, problems);
    target.exchanges.push(exchange);
    return target.answer(exchange, target.exchanges.length);
  };

  const fetch = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(String(input));
    const at = clock.now();
    await turn();
    const answer = await race(route(url, init, at), init.signal);
    if (answer instanceof Error) throw answer;
    const location = answer.headers.get('location');
    if (answer.status >= 300 && answer.status < 400 && location !== null && init.redirect !== 'manual')
      return fetch(new URL(location, url), answer.status === 303 ? { ...init, method: 'GET', body: null } : init);
    return answer;
  };

  return {
    fetch,
    problems,
    workspace(host) {
      const made: ScriptedWorkspace = { host, exchanges: [], documents: new Map(), seen: [], answer: copiesExpiry(clock) };
      workspaces.set(host, made);
      return made;
    },
  };
}

function race(answer: Promise<Scripted>, signal: AbortSignal | null | undefined): Promise<Response | Error> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(new DOMException('This operation was aborted', 'AbortError'));
    if (signal?.aborted) return stop();
    signal?.addEventListener('abort', stop, { once: true });
    answer.then((value) => value !== 'hang' && resolve(value), reject);
  });
}

function readExchange(url: URL, init: RequestInit, at: number, problems: string[]): Exchange {
  const headers = new Headers(init.headers);
  const form = new URLSearchParams(String(init.body));
  const expect = (right: boolean, what: string) => void (right || problems.push(what));
  expect(init.method === 'POST', `method ${init.method}`);
  expect(headers.get('content-type') === 'application/x-www-form-urlencoded', 'content-type');
  expect(!headers.has('authorization') && !headers.has('cookie'), 'credentials beside the form');
  expect(
    [...form.keys()]
      .filter((key) => key !== 'client_id')
      .sort()
      .join() === 'grant_type,scope,subject_token,subject_token_type',
    `fields ${[...form.keys()]}`,
  );
  expect(form.get('grant_type') === 'urn:ietf:params:oauth:grant-type:token-exchange', 'grant_type');
  expect(form.get('subject_token_type') === 'urn:ietf:params:oauth:token-type:jwt', 'subject_token_type');
  const userAgent = headers.get('user-agent') ?? '';
  expect(/^lakepass\/\d+\.\d+\.\d+ rid\/[0-9a-f]{16}( agent\/[\w.-]{1,40})?$/.test(userAgent), `user-agent ${userAgent}`);
  const clientId = form.get('client_id');
  return { url: url.href, clientId, jwt: form.get('subject_token') ?? '', scopes: (form.get('scope') ?? '').split(' '), userAgent, at };
}
