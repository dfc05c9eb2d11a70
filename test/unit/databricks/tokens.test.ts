import { afterEach, describe, expect, it } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { later, ms, seconds } from '../../../main/units.ts';
import { version } from '../../../main/version.ts';
import { broken, copiesExpiry, json, settled } from './scripted-workspace.ts';
import { codeOf, elapse, HOST, OTHER_HOST, type Setting, setUp } from './setting.ts';

let current: Setting | undefined;
const start: typeof setUp = (options) => {
  current = setUp(options);
  return current;
};
afterEach(() => {
  expect(current?.network.problems ?? []).toEqual([]);
  current = undefined;
});

const textOf = (minted: { token: { reveal(): string } } | undefined) => minted?.token.reveal();

/** A setting whose first token is at hand, and the time moved on so that `left` of its life remains. */
async function withTokenLeft(left: number, options: Parameters<typeof setUp>[0] = {}): Promise<Setting> {
  const setting = start(options);
  const minted = await setting.get();
  await setting.clock.advance(minted.expiresAt - setting.clock.now() - left);
  return setting;
}

describe('minting', () => {
  it('exchanges the subject token for exactly the scopes asked for, at the workspace asked for', async () => {
    const { get, acme, beta } = start();
    const minted = await get(['files', 'sql']);
    expect(minted.scopes).toEqual(['files', 'sql']);
    expect(acme.exchanges).toMatchObject([{ url: `${HOST}/oidc/v1/token`, scopes: ['files', 'sql'] }]);
    expect(beta.seen).toEqual([]);
  });

  it('keeps one token per scope set and per workspace', async () => {
    const { get, tokens, acme, beta, clock } = start();
    await get(['sql']);
    await get(['files', 'sql']);
    await tokens.get({ workspace: OTHER_HOST, scopes: ['sql'], deadline: later(clock.now(), seconds(8)) });
    await get(['sql']);
    expect(acme.exchanges.map(({ scopes }) => scopes.join())).toEqual(['sql', 'files,sql']);
    expect(beta.exchanges).toHaveLength(1);
    expect(tokens.peek(HOST, ['files'])).toBeUndefined();
  });

  it('goes to the endpoint the workspace names, and asks for its name again when that is gone', async () => {
    const { get, acme, clock } = start();
    acme.documents.set('/.well-known/databricks-config', { oidc_endpoint: `${HOST}/oidc` });
    acme.documents.set('/oidc/.well-known/oauth-authorization-server', { issuer: `${HOST}/oidc`, token_endpoint: `${HOST}/oidc/v2/token` });
    await get(['sql']);
    acme.answer = () => json({ error_code: 'ENDPOINT_NOT_FOUND' }, 404);
    expect(await codeOf(get(['files']))).toBe('WORKSPACE_ANSWER_INVALID');
    acme.answer = copiesExpiry(clock);
    acme.documents.clear();
    await get(['jobs']);
    expect(acme.exchanges.map(({ url }) => url.slice(HOST.length))).toEqual(['/oidc/v2/token', '/oidc/v2/token', '/oidc/v1/token']);
  });

  it('asks the session for a token that outlives the shortest useful one', async () => {
    const { get, session } = start({ limits: { minTokenLife: '10 s' } });
    await get();
    expect(session.calls).toEqual([{ life: 12_000 }]);
  });

  it.each(['https://evil.example', `${HOST}/`, `${HOST}.evil.example`, 'http://acme.cloud.databricks.com', ''])(
    'sends nothing to a workspace that is not of the profile: %j',
    async (workspace) => {
      const { tokens, clock, session } = start();
      const code = codeOf(tokens.get({ workspace, scopes: ['sql'], deadline: later(clock.now(), seconds(8)) }));
      await settled();
      expect(session.calls).toEqual([]);
      expect(await code).toBe('WORKSPACE_UNKNOWN');
    },
  );

  it.each([[[]], [['all-apis']], [['offline_access', 'sql']], [['bi']], [['sql', 'files']], [['sql', 'sql']], [['sql files']]])(
    'sends nothing for scopes that no grant can hold: %j',
    async (scopes) => {
      const { get, session } = start();
      expect(await codeOf(get(scopes))).toBe('SCOPE_UNKNOWN');
      expect(session.calls).toEqual([]);
    },
  );

  it.each([
    ['a wider answer', { scope: 'sql all-apis' }, 'SCOPE_NOT_NARROWED'],
    ['a lifetime beyond the subject token', { expires_in: 7200 }, 'WORKSPACE_ANSWER_INVALID'],
    ['another token type', { token_type: 'mac' }, 'WORKSPACE_ANSWER_INVALID'],
  ])('throws the token away after %s', async (_name, wrong, code) => {
    const { get, acme, tokens, audit } = start();
    acme.answer = () => json({ access_token: 'wrong', token_type: 'Bearer', expires_in: 3600, scope: 'sql', ...wrong });
    expect(await codeOf(get())).toBe(code);
    expect(tokens.peek(HOST, ['sql'])).toBeUndefined();
    expect(audit.events).toMatchObject([{ type: 'token.mint-failed', code }]);
  });

  it('refuses a token whose whole life is shorter than the profile demands', async () => {
    const { get, tokens } = start({ life: seconds(59) });
    expect(await codeOf(get())).toBe('TOKEN_TOO_SHORT');
    expect(tokens.peek(HOST, ['sql'])).toBeUndefined();
    expect(tokens.health(HOST)).toBe('TOKEN_TOO_SHORT');
  });

  it('takes a token of exactly the shortest life, and 20 s tokens where the profile says so', async () => {
    expect((await start({ life: seconds(60) }).get()).scopes).toEqual(['sql']);
    const short = await start({ life: seconds(20), limits: { minTokenLife: '10 s' } }).get();
    expect(short.expiresAt - short.mintedAt).toBe(20_000);
  });

  it('tells what the session says when there is no subject token', async () => {
    const { get, session, acme, tokens } = start();
    session.failure = new AppError('SIGNED_OUT');
    expect(await codeOf(get())).toBe('SIGNED_OUT');
    expect(acme.seen).toEqual([]);
    expect(tokens.health(HOST)).toBe('unknown');
  });
});

describe('a failure of before a sign-in', () => {
  it('is not repeated to whoever has just signed in', async () => {
    const { get, session } = start();
    Object.assign(session, { failure: new AppError('SIGNED_OUT'), subject: '', signedInAt: null });
    expect(await codeOf(get())).toBe('SIGNED_OUT');
    session.failure = undefined;
    expect(await codeOf(get())).toBe('SIGNED_OUT');
    Object.assign(session, { subject: 'alice-subject', signedInAt: '2026-01-01T09:00:00.000Z' });
    expect(await codeOf(get())).toBeUndefined();
  });

  it('is not repeated where the same person has signed in again', async () => {
    const { get, session } = start();
    session.failure = new AppError('SESSION_EXPIRED');
    expect(await codeOf(get())).toBe('SESSION_EXPIRED');
    session.failure = undefined;
    session.signedInAt = '2026-01-01T09:00:00.000Z';
    expect(await codeOf(get())).toBeUndefined();
  });

  it('is not repeated either where it came after the sign-in', async () => {
    const { get, session } = start();
    const gate = Promise.withResolvers<void>();
    Object.assign(session, { gate: gate.promise, failure: new AppError('SESSION_EXPIRED') });
    const before = codeOf(get());
    session.signedInAt = '2026-01-01T09:00:00.000Z';
    gate.resolve();
    expect(await before).toBe('SESSION_EXPIRED');
    session.failure = undefined;
    expect(await codeOf(get())).toBeUndefined();
  });
});

describe('the audit log', () => {
  it('knows a token before anyone can have it', async () => {
    const { get, audit, acme, tokens } = start();
    const append = audit.append;
    const known: unknown[] = [];
    audit.append = (event) => {
      known.push(tokens.peek(HOST, ['sql']));
      append(event);
    };
    const minted = await get();
    expect(known).toEqual([undefined]);
    expect(audit.events).toEqual([
      {
        type: 'token.minted',
        profile: 'acme',
        workspace: HOST,
        scopes: ['sql'],
        expiresAt: new Date(minted.expiresAt).toISOString(),
        subject: 'alice-subject',
        requestId: acme.exchanges[0]?.userAgent.split('rid/')[1],
        tookMs: 0,
      },
    ]);
  });

  it.each<[string, string, string]>([
    ['a known one', 'claude', 'claude'],
    ['one that would begin another header', 'x\r\nAuthorization: Bearer y', 'x--Authorization--Bearer-y'],
    ['one that would name another request', 'x rid/0000000000000000', 'x-rid-0000000000000000'],
    ['one in brackets', '(x) \u{1f980}"', '-x-----'],
    ['one without end', 'x'.repeat(5000), 'x'.repeat(40)],
  ])('names the AI agent whose grant asked first in the User-Agent, too: %s', async (_, aiAgent, sent) => {
    const { tokens, audit, acme, clock } = start();
    const get = (by?: string) => tokens.get({ workspace: HOST, scopes: ['sql'], deadline: later(clock.now(), seconds(8)), aiAgent: by });
    await Promise.all([get(aiAgent), get(), get('another')]);
    const [minted] = audit.of('token.minted');
    expect(minted?.aiAgent).toBe(aiAgent);
    expect(acme.exchanges.map(({ userAgent }) => userAgent)).toEqual([`lakepass/${version} rid/${minted?.requestId} agent/${sent}`]);
  });

  it('goes on under that name when a token is renewed, and under none once somebody else had to ask', async () => {
    const { tokens, audit, clock, acme } = start();
    const get = (by?: string) => tokens.get({ workspace: HOST, scopes: ['sql'], deadline: later(clock.now(), seconds(8)), aiAgent: by });
    const first = await get('claude');
    await clock.advance(first.expiresAt - clock.now() - seconds(200));
    await get();
    await settled();
    tokens.forget();
    await get();
    expect(audit.of('token.minted').map(({ aiAgent }) => aiAgent)).toEqual(['claude', 'claude', undefined]);
    expect(acme.exchanges.map(({ userAgent }) => userAgent.endsWith('agent/claude'))).toEqual([true, true, false]);
  });

  it('goes with a time for each try and for the mint as a whole, and with none for a token that is at hand', async () => {
    const { get, audit, acme, clock, timed } = start();
    const good = acme.answer;
    acme.answer = async (exchange, nth) => {
      if (nth === 1) return broken('ECONNRESET');
      await new Promise<void>((resolve) => void clock.after(ms(340), resolve));
      return good(exchange, nth);
    };
    const minted = get();
    await elapse(clock, 4000, settled);
    await minted;
    const requestId = audit.of('token.minted')[0]?.requestId;
    const about = { profile: 'acme', workspace: HOST, scopes: ['sql'], requestId };
    expect(timed).toMatchObject([
      { ...about, what: 'try', code: 'WORKSPACE_UNREACHABLE' },
      { ...about, what: 'try', code: null },
      { ...about, what: 'mint', code: null },
    ]);
    const [first = 0, second = 0, whole = 0] = timed.map(({ tookMs }) => tookMs);
    expect(second).toBeGreaterThanOrEqual(340);
    expect(whole).toBeGreaterThanOrEqual(first + second);
    await get();
    expect(timed).toHaveLength(3);
  });

  it('says how long the workspace took for the token, without the attempts before it', async () => {
    const { get, audit, acme, clock } = start();
    const good = acme.answer;
    acme.answer = async (exchange, nth) => {
      if (nth === 1) return broken('ECONNRESET');
      await new Promise<void>((resolve) => void clock.after(ms(340), resolve));
      return good(exchange, nth);
    };
    const minted = get();
    await elapse(clock, seconds(4), settled, 10);
    await minted;
    expect(acme.exchanges).toHaveLength(2);
    const [record] = audit.of('token.minted');
    // As exact as the steps in which this clock moves.
    expect(record?.tookMs).toSatisfy((took: number) => Number.isInteger(took) && took >= 340 && took <= 350);
  });

  it('that cannot be written keeps every token in', async () => {
    const { get, audit, tokens, clock } = start();
    audit.fail();
    expect(await codeOf(get())).toBe('AUDIT_UNWRITABLE');
    expect(tokens.peek(HOST, ['sql'])).toBeUndefined();
    audit.mend();
    await clock.advance(1000);
    expect((await get()).scopes).toEqual(['sql']);
  });

  it('holds no token and no subject token', async () => {
    const { get, audit, acme } = start();
    await get();
    acme.answer = () => json({ error: 'invalid_grant', error_description: 'audience canary' }, 400);
    expect(await codeOf(get(['files']))).toBe('EXCHANGE_WRONG_AUDIENCE');
    const written = JSON.stringify(audit.events);
    for (const secret of ['minted-1', acme.exchanges[0]?.jwt ?? '-', 'canary']) expect(written).not.toContain(secret);
  });
});

describe('the end of a token', () => {
  it('is never closer than two minutes when an hour token is handed out', async () => {
    const { tokens, clock } = await withTokenLeft(120_000);
    current?.acme.exchanges.splice(0);
    expect(textOf(tokens.peek(HOST, ['sql']))).toBe('minted-1');
    clock.set(clock.now() + 1);
    expect(tokens.peek(HOST, ['sql'])).toBeUndefined();
  });

  it('is never closer than a quarter of a short life', async () => {
    const { tokens, clock, acme } = await withTokenLeft(5_000, { life: seconds(20), limits: { minTokenLife: '10 s' } });
    acme.answer = () => 'hang';
    expect(textOf(tokens.peek(HOST, ['sql']))).toBe('minted-1');
    clock.set(clock.now() + 1);
    expect(tokens.peek(HOST, ['sql'])).toBeUndefined();
  });

  it('comes when running time says so, even where the wall clock was set back', async () => {
    const { tokens, clock } = await withTokenLeft(3_000_000);
    clock.set(clock.now() - 7_200_000);
    expect(textOf(tokens.peek(HOST, ['sql']))).toBe('minted-1');
    await clock.advance(2_881_000);
    expect(tokens.peek(HOST, ['sql'])).toBeUndefined();
  });

  it('comes when the wall clock says so after a sleep', async () => {
    const { tokens, clock, get, acme } = await withTokenLeft(3_000_000);
    clock.sleepThrough(2_900_000);
    expect(tokens.peek(HOST, ['sql'])).toBeUndefined();
    expect(textOf(await get())).toBe('minted-2');
    expect(acme.exchanges).toHaveLength(2);
  });

  it('is prepared in the background: the old token serves while the new one is fetched, once', async () => {
    const { tokens, acme, clock, session } = await withTokenLeft(421_000);
    expect(textOf(tokens.peek(HOST, ['sql']))).toBe('minted-1');
    await settled();
    expect(acme.exchanges).toHaveLength(1);
    await clock.advance(2_000);
    for (let asked = 0; asked < 100; asked += 1) expect(textOf(tokens.peek(HOST, ['sql']))).toBe('minted-1');
    await settled();
    expect(textOf(tokens.peek(HOST, ['sql']))).toBe('minted-2');
    expect(acme.exchanges).toHaveLength(2);
    expect(session.issued).toBe(2);
  });

  it('is awaited on the flight that is already up when the old token falls below its floor', async () => {
    const { tokens, acme, clock, get } = await withTokenLeft(400_000);
    let release: (answer: Response) => void = () => {};
    const script = acme.answer;
    acme.answer = (exchange, nth) =>
      new Promise((resolve) => {
        release = async () => resolve((await script(exchange, nth)) as Response);
      });
    tokens.peek(HOST, ['sql']);
    await settled();
    clock.set(clock.now() + 300_000);
    expect(tokens.peek(HOST, ['sql'])).toBeUndefined();
    const waiting = [get(), get(), get()];
    await settled();
    release(json({}));
    expect(new Set((await Promise.all(waiting)).map(textOf))).toEqual(new Set(['minted-2']));
    expect(acme.exchanges).toHaveLength(2);
  });

  it('that nobody waits for is not renewed', async () => {
    const { acme, clock } = await withTokenLeft(300_000);
    await elapse(clock, 600_000, settled, 60_000);
    expect(acme.exchanges).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it('brings one subject token and one exchange when a thousand callers arrive', async () => {
    const { get, acme, session, audit } = await withTokenLeft(0);
    const before = session.calls.length;
    const answers = await Promise.all(Array.from({ length: 1000 }, () => get()));
    expect(new Set(answers.map(textOf))).toEqual(new Set(['minted-2']));
    expect(acme.exchanges).toHaveLength(2);
    expect(session.calls.length - before).toBe(1);
    expect(session.issued).toBe(2);
    expect(audit.of('token.minted')).toHaveLength(2);
  });
});

describe('trouble at the workspace', () => {
  it.each([429, 500, 502, 503, 504])('status %i is tried again and then works', async (status) => {
    const { get, acme, clock, audit } = start();
    const works = copiesExpiry(clock);
    acme.answer = (exchange, nth) => (nth < 3 ? json({ error: 'temporarily_unavailable' }, status) : works(exchange, nth));
    const minted = get();
    await elapse(clock, 4000, settled);
    expect(textOf(await minted)).toBe('minted-3');
    expect(audit.events.map(({ type }) => type)).toEqual(['token.minted']);
    expect(new Set(acme.exchanges.map(({ userAgent }) => userAgent)).size).toBe(1);
  });

  it('a reset connection is tried again and then works', async () => {
    const { get, acme, clock } = start();
    const works = copiesExpiry(clock);
    acme.answer = (exchange, nth) => (nth < 2 ? broken('ECONNRESET') : works(exchange, nth));
    const minted = get();
    await elapse(clock, 1000, settled);
    expect(textOf(await minted)).toBe('minted-2');
  });

  it('is told before the deadline when another try does not fit', async () => {
    const { get, acme, clock } = start();
    acme.answer = () => json({}, 429, { 'retry-after': '30' });
    const began = clock.now();
    expect(await codeOf(get())).toBe('WORKSPACE_BUSY');
    expect(clock.now()).toBe(began);
    expect(acme.exchanges).toHaveLength(1);
  });

  it.each([
    [() => json({ error: 'invalid_grant', error_description: 'audience' }, 400), 'EXCHANGE_WRONG_AUDIENCE'],
    [() => json({ error: 'invalid_client', error_description: 'issuer' }, 401), 'EXCHANGE_WRONG_ISSUER'],
    [() => json({ error: 'invalid_client', error_description: 'user' }, 401), 'EXCHANGE_UNKNOWN_USER'],
    [() => json({ error: 'invalid_scope' }, 400), 'EXCHANGE_SCOPE_REFUSED'],
    [() => json({ error: 'invalid_client' }, 401), 'EXCHANGE_REFUSED'],
    [() => new Response('<html>', { headers: { 'content-type': 'text/html' } }), 'WORKSPACE_ANSWER_INVALID'],
    [() => broken('SELF_SIGNED_CERT_IN_CHAIN'), 'WORKSPACE_TLS'],
  ])('that will not pass is told at once and asked about once a second at most (%#)', async (answer, code) => {
    const { get, acme, clock, tokens, audit } = start();
    acme.answer = answer;
    expect(await codeOf(get())).toBe(code);
    expect(new Set(await Promise.all(Array.from({ length: 100 }, () => codeOf(get()))))).toEqual(new Set([code]));
    expect(acme.exchanges).toHaveLength(1);
    expect(audit.of('token.mint-failed')).toMatchObject([{ code, scopes: ['sql'], workspace: HOST }]);
    expect(tokens.health(HOST)).toBe(code);
    expect(tokens.health(OTHER_HOST)).toBe('unknown');
    await clock.advance(1000);
    acme.answer = copiesExpiry(clock);
    expect(textOf(await get())).toBe('minted-2');
    expect(tokens.health(HOST)).toBe('ok');
  });

  it('that may pass is waited out by a caller who has the time', async () => {
    const { get, acme, clock } = start();
    acme.answer = () => json({}, 503);
    expect(await codeOf(get(['sql'], ms(1)))).toBe('WORKSPACE_BUSY');
    acme.answer = copiesExpiry(clock);
    const patient = get();
    await settled();
    expect(acme.exchanges).toHaveLength(1);
    await clock.advance(999);
    expect(acme.exchanges).toHaveLength(1);
    await clock.advance(1);
    expect(textOf(await patient)).toBe('minted-2');
  });

  it('ends the wait of each caller at its own deadline while the flight goes on for the others', async () => {
    const { get, acme, clock } = start();
    const works = copiesExpiry(clock);
    acme.answer = (exchange, nth) => new Promise((resolve) => void clock.after(ms(5000), () => resolve(works(exchange, nth))));
    const ends: Record<string, number> = {};
    const begun = clock.now();
    const ending = (name: string, promise: Promise<unknown>) =>
      codeOf(promise).finally(() => Object.assign(ends, { [name]: clock.now() - begun }));
    const hasty = ending('hasty', get(['sql'], seconds(2)));
    const patient = ending('patient', get(['sql'], seconds(8)));
    await elapse(clock, 6000, settled, 50);
    expect(await hasty).toBe('DEADLINE_PASSED');
    expect(await patient).toBeUndefined();
    expect(ends.hasty).toBe(2000);
    expect(acme.exchanges).toHaveLength(1);
  });

  it('refuses a caller whose deadline has passed without asking anybody', async () => {
    const { get, session } = start();
    expect(await codeOf(get(['sql'], ms(0)))).toBe('DEADLINE_PASSED');
    expect(session.calls).toEqual([]);
  });

  it('a host that hangs delays nobody at another host', async () => {
    const { get, tokens, acme, clock } = start();
    acme.answer = () => 'hang';
    const stuck = codeOf(get());
    const began = clock.now();
    const minted = await tokens.get({ workspace: OTHER_HOST, scopes: ['sql'], deadline: later(clock.now(), ms(50)) });
    expect(textOf(minted)).toBe('minted-1');
    expect(clock.now()).toBe(began);
    await elapse(clock, 8000, settled, 1000);
    expect(await stuck).toBe('DEADLINE_PASSED');
  });

  it('a hang ends by itself, so that the next caller starts afresh', async () => {
    const { get, acme, clock, tokens } = start();
    acme.answer = () => 'hang';
    const stuck = codeOf(get());
    await elapse(clock, 12_000, settled, 1000);
    expect(await stuck).toBe('DEADLINE_PASSED');
    expect(tokens.health(HOST)).toBe('WORKSPACE_UNREACHABLE');
    acme.answer = copiesExpiry(clock);
    expect(textOf(await get())).toBe('minted-2');
  });

  it('is named to a caller who waited in vain', async () => {
    const { get, acme, clock } = start();
    acme.answer = (_exchange, nth) => (nth === 1 ? json({}, 503) : 'hang');
    const stuck = get().catch((error: unknown) => error);
    await elapse(clock, 8000, settled, 500);
    expect(await stuck).toMatchObject({ code: 'DEADLINE_PASSED', reason: 'WORKSPACE_BUSY' });
  });

  it('a session that never answers blocks a token for a minute at most', async () => {
    const { get, session, clock } = start();
    session.gate = new Promise(() => {});
    const stuck = codeOf(get());
    await elapse(clock, 62_000, settled, 1000);
    expect(await stuck).toBe('DEADLINE_PASSED');
    session.gate = Promise.resolve();
    expect(textOf(await get())).toBe('minted-1');
  });

  it('a token that is nearly over when it comes, since the machine slept meanwhile, is asked for again', async () => {
    const { get, acme, clock } = start();
    const works = copiesExpiry(clock);
    acme.answer = async (exchange, nth) => {
      const answer = await works(exchange, nth);
      if (nth === 1) clock.sleepThrough(3_500_000);
      return answer;
    };
    const minted = get(['sql'], seconds(3600));
    await elapse(clock, 1000, settled);
    expect(textOf(await minted)).toBe('minted-2');
    expect(acme.exchanges).toHaveLength(2);
  });

  it('lets the old token serve to its floor, with fewer and fewer renewals tried', async () => {
    const { tokens, acme, clock, logged } = await withTokenLeft(420_000 - 1);
    acme.answer = () => json({ error: 'invalid_grant' }, 400);
    for (let second = 0; second < 299; second += 1) {
      expect(textOf(tokens.peek(HOST, ['sql']))).toBe('minted-1');
      await clock.advance(1000);
      await settled();
    }
    expect(acme.exchanges.length - 1).toBeGreaterThan(5);
    expect(acme.exchanges.length - 1).toBeLessThan(20);
    expect(logged.filter(({ event }) => event === 'token.renewal-failed')).toHaveLength(acme.exchanges.length - 1);
    await clock.advance(1000);
    expect(tokens.peek(HOST, ['sql'])).toBeUndefined();
  });
});

describe('forgetting', () => {
  it('drops every token at once', async () => {
    const { get, tokens, acme } = start();
    await get();
    tokens.forget();
    expect(tokens.peek(HOST, ['sql'])).toBeUndefined();
    expect(tokens.health(HOST)).toBe('unknown');
    expect(textOf(await get())).toBe('minted-2');
    expect(acme.exchanges).toHaveLength(2);
  });

  it('ends the wait of everyone, and drops the answer that comes afterwards', async () => {
    const { get, tokens, acme, clock, audit } = start();
    const works = copiesExpiry(clock);
    acme.answer = (exchange, nth) => new Promise((resolve) => void clock.after(ms(5000), () => resolve(works(exchange, nth))));
    const waiting = [codeOf(get()), codeOf(get())];
    await settled();
    tokens.forget();
    expect(await Promise.all(waiting)).toEqual(['SIGNED_OUT', 'SIGNED_OUT']);
    await elapse(clock, 6000, settled, 1000);
    expect(tokens.peek(HOST, ['sql'])).toBeUndefined();
    expect(audit.events).toMatchObject([{ type: 'token.mint-failed', code: 'SIGNED_OUT' }]);
    expect(tokens.health(HOST)).toBe('unknown');
  });

  it('tells those who wait what ended the session', async () => {
    const { get, tokens, session } = start();
    session.gate = new Promise(() => undefined);
    const waiting = codeOf(get());
    await settled();
    tokens.forget(new AppError('SESSION_LOST'));
    expect(await waiting).toBe('SESSION_LOST');
  });

  it('sends no subject token that comes afterwards', async () => {
    const { get, tokens, session, acme } = start();
    let open: () => void = () => {};
    session.gate = new Promise((resolve) => {
      open = resolve;
    });
    const waiting = codeOf(get());
    await settled();
    tokens.forget();
    open();
    await settled();
    expect(await waiting).toBe('SIGNED_OUT');
    expect(acme.exchanges).toEqual([]);
  });

  it('stops the retries of a flight that is under way', async () => {
    const { get, tokens, acme, clock } = start();
    acme.answer = () => json({}, 503);
    const waiting = codeOf(get());
    await settled();
    tokens.forget();
    await elapse(clock, 8000, settled, 500);
    expect(await waiting).toBe('SIGNED_OUT');
    expect(acme.exchanges).toHaveLength(1);
  });

  it('lets a new session mint while an old answer is still on its way', async () => {
    const { get, tokens, acme, clock } = start();
    const works = copiesExpiry(clock);
    acme.answer = (exchange, nth) =>
      nth === 1 ? new Promise((resolve) => void clock.after(ms(5000), () => resolve(works(exchange, nth)))) : works(exchange, nth);
    const old = codeOf(get());
    await settled();
    tokens.forget();
    expect(textOf(await get())).toBe('minted-2');
    await elapse(clock, 6000, settled, 1000);
    expect(await old).toBe('SIGNED_OUT');
    expect(textOf(tokens.peek(HOST, ['sql']))).toBe('minted-2');
  });
});
