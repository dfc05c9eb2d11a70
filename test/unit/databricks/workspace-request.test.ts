import { afterEach, describe, expect, it } from 'vitest';
import type { AppError } from '../../../main/app-error.ts';
import { askWorkspace } from '../../../main/databricks/workspace-request.ts';
import { seconds } from '../../../main/units.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { broken, json, type Scripted, scriptedNetwork, settled } from './scripted-workspace.ts';
import { HOST, OTHER_HOST } from './setting.ts';

const clock = fakeClock();
const network = scriptedNetwork(clock);
const acme = network.workspace(HOST);
const beta = network.workspace(OTHER_HOST);
const form = new URLSearchParams({
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  subject_token: 'jwt',
  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  scope: 'sql',
});

afterEach(() => expect(network.problems).toEqual([]));

function ask(answer: Scripted) {
  acme.answer = () => answer;
  const url = new URL('/oidc/v1/token', HOST);
  return askWorkspace(
    { clock, fetch: network.fetch },
    { url, userAgent: 'lakepass/0.0.1 rid/0123456789abcdef', form, timeout: seconds(10) },
  );
}

const failureOf = (answer: Scripted) =>
  ask(answer).then(
    () => undefined,
    (error: unknown) => error as AppError,
  );

describe('a request to a workspace', () => {
  it('follows no redirect: the form reaches no other host', async () => {
    const answer = await ask(new Response(null, { status: 307, headers: { location: `${OTHER_HOST}/oidc/v1/token` } }));
    expect(answer.status).toBe(307);
    expect(beta.seen).toEqual([]);
  });

  it('takes an answer of 64 KiB and refuses one byte more', async () => {
    const filler = (bytes: number) => JSON.stringify('x'.repeat(bytes - 2));
    expect((await ask(json(filler(65_536)))).json).toHaveLength(65_534);
    expect(await failureOf(json(filler(65_537)))).toMatchObject({ code: 'WORKSPACE_ANSWER_INVALID', reason: 'size' });
  });

  it('stops reading an endless answer', async () => {
    let pulled = 0;
    let cancelled = false;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(16_384));
      },
      cancel() {
        cancelled = true;
      },
    });
    const answer = new Response(endless, { headers: { 'content-type': 'application/json' } });
    expect(await failureOf(answer)).toMatchObject({ code: 'WORKSPACE_ANSWER_INVALID', reason: 'size' });
    expect(pulled).toBeLessThan(10);
    expect(cancelled).toBe(true);
  });

  it('ends after its time when no answer comes', async () => {
    let ended = false;
    const failure = failureOf('hang').finally(() => {
      ended = true;
    });
    await settled();
    await clock.advance(9_999);
    expect(ended).toBe(false);
    await clock.advance(1);
    expect(await failure).toMatchObject({ code: 'WORKSPACE_UNREACHABLE', reason: 'timeout' });
  });

  it('leaves no timer behind', async () => {
    await ask(json({}));
    await failureOf(broken('ECONNRESET'));
    expect(clock.pending).toBe(0);
  });

  it.each([
    ['ECONNRESET', 'WORKSPACE_UNREACHABLE', 'reset'],
    ['UND_ERR_SOCKET', 'WORKSPACE_UNREACHABLE', 'reset'],
    ['ECONNREFUSED', 'WORKSPACE_UNREACHABLE', 'refused'],
    ['ENOTFOUND', 'WORKSPACE_UNREACHABLE', 'dns'],
    ['EAI_AGAIN', 'WORKSPACE_UNREACHABLE', 'dns'],
    ['UND_ERR_CONNECT_TIMEOUT', 'WORKSPACE_UNREACHABLE', 'timeout'],
    ['EHOSTUNREACH', 'WORKSPACE_UNREACHABLE', 'network'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'WORKSPACE_TLS', 'certificate'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'WORKSPACE_TLS', 'certificate'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'WORKSPACE_TLS', 'certificate'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'WORKSPACE_TLS', 'certificate'],
    ['CERT_HAS_EXPIRED', 'WORKSPACE_TLS', 'certificate'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'WORKSPACE_TLS', 'certificate'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'WORKSPACE_TLS', 'handshake'],
  ])('calls %s %s (%s)', async (code, failure, reason) => {
    expect(await failureOf(broken(code))).toMatchObject({ code: failure, reason });
  });

  it('finds the reason among several addresses that failed', async () => {
    const cause = new AggregateError([Object.assign(new Error('a'), { code: 'CERT_HAS_EXPIRED' })]);
    expect(await failureOf(new TypeError('fetch failed', { cause }))).toMatchObject({ code: 'WORKSPACE_TLS' });
  });

  it.each([
    ['application/json', '{"a":1}', { a: 1 }, false],
    ['application/json; charset=utf-8', '{"a":1}', { a: 1 }, false],
    ['application/problem+json', '{"a":1}', { a: 1 }, false],
    ['application/json', '{"a":', undefined, false],
    ['text/plain', '{"a":1}', undefined, false],
    ['text/html', '<html>', undefined, true],
    ['application/json', '<!DOCTYPE html><html>', undefined, true],
    ['application/jsonp', '{"a":1}', undefined, false],
  ])('reads %s %j as %j', async (type, text, value, html) => {
    const answer = await ask(new Response(text, { headers: { 'content-type': type } }));
    expect(answer).toMatchObject({ json: value, html });
  });

  it.each([
    ['3', 3000],
    ['0', 0],
    ['-1', null],
    ['soon', null],
    ['3.5', null],
    ['99999999999', null],
    ['Mon, 05 Jan 2026 09:00:07 GMT', 7000],
    ['Mon, 05 Jan 2026 08:59:53 GMT', 0],
    ['2026-01-05', null],
  ])('reads Retry-After %j as %j ms', async (value, wait) => {
    const headers = { 'retry-after': value, date: 'Mon, 05 Jan 2026 09:00:00 GMT' };
    expect((await ask(json({}, 503, headers))).retryAfter).toBe(wait);
  });

  it('reads the clock of the other side', async () => {
    expect((await ask(json({}, 200, { date: 'Mon, 05 Jan 2026 09:00:00 GMT' }))).serverTime).toBe(Date.UTC(2026, 0, 5, 9));
    expect((await ask(json({}, 200, { date: 'yesterday' }))).serverTime).toBeNull();
    expect((await ask(json({}))).serverTime).toBeNull();
  });
});
