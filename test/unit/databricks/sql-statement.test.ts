/** One SQL statement against scripted answers: which warehouse, how long, what is said about each refusal, and that it is not left running. */
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { cell, runStatement } from '../../../main/databricks/sql-statement.ts';
import { Secret } from '../../../main/secret.ts';
import { minutes } from '../../../main/units.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { json } from './scripted-workspace.ts';

const HOST = 'https://acme.cloud.databricks.com';
const statements = '/api/2.0/sql/statements';
const running = { id: 'w2', state: 'RUNNING' };
const done = (rows: (string | null)[][], columns = ['who']) =>
  json({
    statement_id: 's-1',
    status: { state: 'SUCCEEDED' },
    manifest: { schema: { columns: columns.map((name) => ({ name })) } },
    result: { data_array: rows },
  });
const under = (state: string, error?: unknown) =>
  json({ statement_id: 's-1', status: { state, ...(error === undefined ? {} : { error }) } });

type Step = Response | (() => Response | Promise<Response>);

/** Answers in order; whatever is asked beyond them is a mistake of the test. */
function scripted(...steps: Step[]) {
  const clock = fakeClock();
  const asked: { method: string; path: string; body: unknown; bearer: string | null; redirect: string | undefined }[] = [];
  const abort = new AbortController();
  const fetch: typeof globalThis.fetch = async (url, init = {}) => {
    const { pathname } = new URL(String(url));
    const headers = new Headers(init.headers);
    asked.push({
      ...{ method: init.method ?? 'GET', path: pathname, bearer: headers.get('authorization'), redirect: init.redirect },
      body: init.body === undefined ? undefined : JSON.parse(String(init.body)),
    });
    const step = steps.shift();
    if (step === undefined) throw new TypeError('nothing more is answered here');
    return typeof step === 'function' ? step() : step;
  };
  const outcome = runStatement(
    { clock, fetch },
    {
      ...{ workspace: HOST, token: new Secret('tok-en'), statement: 'SELECT 1', userAgent: 'lakepass/0', within: minutes(3) },
      signal: abort.signal,
    },
  );
  const failure = outcome.then(
    () => undefined,
    (error: unknown) => error as AppError,
  );
  return { clock, asked, abort, outcome, failure };
}

describe('a statement', () => {
  it('goes to a warehouse that runs before one that would have to start, with the token in its one place', async () => {
    const { outcome, asked } = scripted(
      json({ warehouses: [{ id: 'w1', state: 'STOPPED' }, running] }),
      done([['alice', null]], ['who', 'nothing']),
    );
    expect(await outcome).toMatchObject({ columns: ['who', 'nothing'], rows: [['alice', 'NULL']] });
    expect(asked.map(({ method, path }) => `${method} ${path}`)).toEqual(['GET /api/2.0/sql/warehouses', `POST ${statements}`]);
    expect(asked[1]?.body).toMatchObject({ warehouse_id: 'w2', statement: 'SELECT 1', row_limit: 20, on_wait_timeout: 'CONTINUE' });
    expect(asked.map(({ bearer, redirect }) => [bearer, redirect])).toEqual(Array(2).fill(['Bearer tok-en', 'manual']));
    expect(JSON.stringify(asked.map(({ path, body }) => [path, body]))).not.toContain('tok-en');
  });

  it('is waited for while it runs', async () => {
    const { outcome, asked, clock } = scripted(json({ warehouses: [running] }), under('PENDING'), under('RUNNING'), done([['1']]));
    await clock.advance(500);
    await clock.advance(1000);
    expect(await outcome).toMatchObject({ rows: [['1']], tookMs: 1500 });
    expect(asked.slice(2).map(({ path }) => path)).toEqual([`${statements}/s-1`, `${statements}/s-1`]);
  });

  it('shows twenty rows, and no cell is longer than a line', async () => {
    const { outcome } = scripted(json({ warehouses: [running] }), done(Array.from({ length: 30 }, () => ['x'.repeat(1000)])));
    const { rows } = await outcome;
    expect([rows.length, rows[0]?.[0]?.length]).toEqual([20, 200]);
    expect(cell('a\u001b[2J\u202eb')).toBe('a\ufffd[2J\ufffdb');
  });

  it('is tried again where the workspace is busy, and given up when the time is over', async () => {
    const again = scripted(json({ message: 'x' }, 429, { 'retry-after': '2' }), json({ warehouses: [running] }), done([['1']]));
    await again.clock.advance(2000);
    expect((await again.outcome).rows).toEqual([['1']]);
    const later = scripted(json({}, 429, { 'retry-after': '40' }), json({ warehouses: [running] }), done([['1']]));
    await later.clock.advance(39_000);
    expect(later.asked).toHaveLength(1);
    await later.clock.advance(1000);
    expect((await later.outcome).rows).toEqual([['1']]);
    const never = scripted(...Array.from({ length: 400 }, () => json({}, 503)));
    await never.clock.advance(minutes(4));
    expect(await never.failure).toMatchObject({ code: 'WORKSPACE_BUSY' });
  });
});

describe('what goes wrong', () => {
  const refused: [string, Partial<AppError>, Step[]][] = [
    ['no warehouse', { code: 'WAREHOUSE_NONE' }, [json({})]],
    ['a warehouse that is deleted', { code: 'WAREHOUSE_NONE' }, [json({ warehouses: [{ id: 'w', state: 'DELETED' }] })]],
    ['a token that is not accepted', { code: 'TOKEN_NOT_ACCEPTED' }, [json({}, 401)]],
    ['a person who may not', { code: 'STATEMENT_REFUSED', reason: 'permission' }, [json({ warehouses: [running] }), json({}, 403)]],
    ['a workspace without SQL', { code: 'WORKSPACE_ANSWER_INVALID', reason: 'not-found' }, [json({}, 404)]],
    [
      'a sign-in page',
      { code: 'WORKSPACE_ANSWER_INVALID', reason: 'html' },
      [new Response('<html>', { headers: { 'content-type': 'text/html' } })],
    ],
    ['a redirect', { code: 'WORKSPACE_ANSWER_INVALID', reason: 'status' }, [new Response(null, { status: 302 })]],
    ['an answer of another shape', { code: 'WORKSPACE_ANSWER_INVALID', reason: 'shape' }, [json({ warehouses: 1 })]],
    [
      'an id that would leave its place',
      { code: 'WORKSPACE_ANSWER_INVALID', reason: 'shape' },
      [json({ warehouses: [{ id: '../x', state: 'RUNNING' }] })],
    ],
    ['a request that is not understood', { code: 'STATEMENT_FAILED', reason: 'request' }, [json({ warehouses: [running] }), json({}, 400)]],
    [
      'a statement that fails',
      { code: 'STATEMENT_FAILED', reason: 'BAD_REQUEST' },
      [json({ warehouses: [running] }), under('FAILED', { error_code: 'BAD_REQUEST', message: 'dapi-secret' })],
    ],
    [
      'a statement that fails by a state',
      { code: 'STATEMENT_FAILED', reason: 'SQLSTATE_42P01' },
      [
        json({ warehouses: [running] }),
        json({ statement_id: 's-1', status: { state: 'FAILED', sql_state: '42P01', error: { error_code: 'BAD_REQUEST' } } }),
      ],
    ],
    [
      'a state at the end of its text alone',
      { code: 'STATEMENT_FAILED', reason: 'SQLSTATE_42501' },
      [
        json({ warehouses: [running] }),
        under('FAILED', { error_code: 'BAD_REQUEST', message: '[A] dapi SQLSTATE: 99999 no. SQLSTATE: 42501' }),
      ],
    ],
    [
      'a state that is none',
      { code: 'STATEMENT_FAILED', reason: 'BAD_REQUEST' },
      [
        json({ warehouses: [running] }),
        json({ statement_id: 's-1', status: { state: 'FAILED', sql_state: 'evil!', error: { error_code: 'BAD_REQUEST' } } }),
      ],
    ],
    [
      'a code that is none',
      { code: 'STATEMENT_FAILED', reason: 'other' },
      [json({ warehouses: [running] }), under('FAILED', { error_code: 'see https://evil.example' })],
    ],
  ];
  it.each(refused)('is told by a code: %s', async (_, expected, steps) => {
    const { failure } = scripted(...steps);
    const error = await failure;
    expect(error).toMatchObject(expected);
    expect(JSON.stringify(error?.toFailure())).not.toMatch(/dapi|evil|tok-en/);
  });

  it('is a broken connection, told as one', async () => {
    const { failure } = scripted();
    expect(await failure).toMatchObject({ code: 'WORKSPACE_UNREACHABLE' });
  });

  it('does not leave a statement running that nobody waits for any more', async () => {
    const { failure, asked, abort, clock } = scripted(json({ warehouses: [running] }), under('RUNNING'), json({}));
    await clock.advance(0);
    abort.abort(new AppError('LOCKED'));
    expect(await failure).toMatchObject({ code: 'LOCKED' });
    expect(asked.at(-1)).toMatchObject({ method: 'POST', path: `${statements}/s-1/cancel` });
  });

  it('does not wait for ever', async () => {
    const { failure, asked, clock } = scripted(
      json({ warehouses: [running] }),
      ...Array.from({ length: 100 }, () => () => under('RUNNING')),
    );
    await clock.advance(minutes(4));
    expect(await failure).toMatchObject({ code: 'STATEMENT_FAILED', reason: 'time' });
    expect(asked.at(-1)?.path).toBe(`${statements}/s-1/cancel`);
  });
});
