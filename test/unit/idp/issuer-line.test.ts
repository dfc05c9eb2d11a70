import { describe, expect, it } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { openIssuerLine } from '../../../main/idp/issuer-line.ts';
import { version } from '../../../main/version.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';

const failing = (error: unknown) => openIssuerLine({ clock: fakeClock(), fetch: () => Promise.reject(error) });
const withCode = (code: string) => new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) });

describe('the line to the provider', () => {
  it.each([
    'ECONNREFUSED',
    'ENOTFOUND',
    'EAI_AGAIN',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'UND_ERR_CONNECT_TIMEOUT',
    'CERT_HAS_EXPIRED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'NOT_CONNECTED',
  ])('knows that nothing was sent after %s', async (code) => {
    await expect(failing(withCode(code)).request('https://issuer.test/', {})).rejects.toMatchObject({ reason: 'unsent' });
  });

  it.each(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'UND_ERR_HEADERS_TIMEOUT', 'ETIMEDOUT', 'SOMETHING_NEW'])(
    'assumes that the request was sent after %s',
    async (code) => {
      await expect(failing(withCode(code)).request('https://issuer.test/', {})).rejects.toMatchObject({ reason: 'sent' });
    },
  );

  it('passes on what stands in between and did not let the request out', async () => {
    const refused = new AppError('PROXY_REFUSED', { reason: 'login' });
    await expect(failing(refused).request('https://issuer.test/', {})).rejects.toBe(refused);
  });

  it('believes a pair of failed addresses only when neither was reached', async () => {
    const pair = (...codes: string[]) => new TypeError('fetch failed', { cause: new AggregateError(codes.map((code) => withCode(code))) });
    const ask = (error: unknown) => failing(error).request('https://issuer.test/', {});
    await expect(ask(pair('ECONNREFUSED', 'ECONNREFUSED'))).rejects.toMatchObject({ reason: 'unsent' });
    await expect(ask(pair('ECONNREFUSED', 'ECONNRESET'))).rejects.toMatchObject({ reason: 'sent' });
  });

  it.each<[number, string]>([
    [429, 'answered'],
    [500, 'answered'],
    [503, 'answered'],
    [502, 'sent'],
    [504, 'sent'],
    [599, 'sent'],
  ])('says ISSUER_UNREACHABLE for status %i with reason %s', async (status, reason) => {
    const line = openIssuerLine({ clock: fakeClock(), fetch: async () => new Response('', { status }) });
    await expect(line.request('https://issuer.test/', {})).rejects.toMatchObject({ code: 'ISSUER_UNREACHABLE', reason });
  });

  it.each([302, 503])('lets go of the connection of an answer with status %i, whose rest nobody reads', async (status) => {
    let ended: AbortSignal | null | undefined;
    const endless = new ReadableStream({ pull: (stream) => stream.enqueue(new Uint8Array(1024)) });
    const fetch = async (_: unknown, init?: RequestInit): Promise<Response> => {
      ended = init?.signal;
      return new Response(endless, { status });
    };
    await expect(openIssuerLine({ clock: fakeClock(), fetch }).request('https://issuer.test/', {})).rejects.toBeInstanceOf(AppError);
    expect(ended?.aborted).toBe(true);
  });

  it.each([300, 301, 302, 303, 307, 308])('never follows a redirect (%i)', async (status) => {
    const line = openIssuerLine({ clock: fakeClock(), fetch: async () => new Response('', { status, headers: { location: '/x' } }) });
    await expect(line.request('https://issuer.test/', {})).rejects.toMatchObject({ code: 'ISSUER_INVALID', reason: 'redirect' });
  });

  it('reads no more than a mebibyte', async () => {
    const answer = (size: number) => openIssuerLine({ clock: fakeClock(), fetch: async () => new Response('x'.repeat(size)) });
    await expect(answer(1024 * 1024).request('https://issuer.test/', {})).resolves.toBeDefined();
    await expect(answer(1024 * 1024 + 1).request('https://issuer.test/', {})).rejects.toMatchObject({ code: 'ISSUER_UNREACHABLE' });
  });

  it('learns from the Date header of a POST how far its own clock is ahead, and not from a GET that a cache may answer', async () => {
    const clock = fakeClock();
    const date = new Date(clock.now() - 300_000).toUTCString();
    const line = openIssuerLine({ clock, fetch: async () => new Response('', { headers: { date } }) });
    await line.request('https://issuer.test/', { method: 'GET' });
    expect(line.clockAhead()).toBeNull();
    await line.request('https://issuer.test/', { method: 'POST' });
    expect(line.clockAhead()).toBe(300_000);
  });

  it('names itself, and the record that tells of the request, whatever a library has set', async () => {
    const sent: string[] = [];
    const fetch = async (_: unknown, init?: RequestInit): Promise<Response> => {
      sent.push([...new Headers(init?.headers)].map((pair) => pair.join('=')).join('; '));
      return new Response('');
    };
    const line = openIssuerLine({ clock: fakeClock(), fetch });
    const init = { headers: { 'User-Agent': 'openid-client/v6', accept: 'application/json' } };
    await line.request('https://issuer.test/', init);
    await line.as('0123456789abcdef').request('https://issuer.test/', init);
    const own = `accept=application/json; user-agent=lakepass/${version}`;
    expect(sent).toEqual([own, `${own} rid/0123456789abcdef`]);
  });

  it('leaves no timer behind', async () => {
    const clock = fakeClock();
    await openIssuerLine({ clock, fetch: async () => new Response('') }).request('https://issuer.test/', {});
    expect(clock.pending).toBe(0);
  });
});
