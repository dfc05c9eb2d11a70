import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AppError } from '../../../main/app-error.ts';
import { readExchangeAnswer } from '../../../main/databricks/exchange-answer.ts';
import type { Answer } from '../../../main/databricks/workspace-request.ts';
import { type EpochMs, later, minutes, seconds } from '../../../main/units.ts';
import { jwtOf } from './scripted-workspace.ts';

const now = Date.UTC(2026, 0, 5, 9, 0, 0) as EpochMs;
const expected = { scopes: ['files', 'sql'], subjectExpiresAt: later(now, seconds(3600)), tolerance: seconds(60) };
const right = { access_token: 'abc.DEF-123_~+/==', token_type: 'Bearer', expires_in: 3600, scope: 'files sql' };
const without = (field: keyof typeof right) => Object.fromEntries(Object.entries(right).filter(([name]) => name !== field));

const answerOf = (body: unknown, more: Partial<Answer> = {}): Answer => ({
  ...{ status: 200, json: body, html: false, serverTime: now, retryAfter: null, sentAt: now, ...more },
});
const read = (body: unknown, more?: Partial<Answer>) => readExchangeAnswer(answerOf(body, more), expected, now);
const refusal = (body: unknown, more?: Partial<Answer>): Partial<AppError> => {
  try {
    read(body, more);
    return {};
  } catch (error) {
    return error as AppError;
  }
};

describe('the answer to an exchange', () => {
  it('becomes a token that prints as nothing', () => {
    const minted = read(right);
    expect(minted.token.reveal()).toBe(right.access_token);
    expect(JSON.stringify(minted)).not.toContain('abc');
    expect(minted).toMatchObject({ scopes: ['files', 'sql'], mintedAt: now, expiresAt: now + 3_600_000 });
  });

  it.each([
    ['token_type in lower case', { ...right, token_type: 'bearer' }],
    ['expires_in as digits in a string', { ...right, expires_in: '3600' }],
    ['scopes in another order', { ...right, scope: 'sql files' }],
    ['scopes as a list', { ...right, scope: ['sql', 'files'] }],
    ['no scope, which means those asked for (RFC 6749 section 5.1)', without('scope')],
    ['fields nobody asked for', { ...right, issued_token_type: 'urn:ietf:params:oauth:token-type:access_token', id: 1 }],
    ['a JWT whose scope claim is as asked', { ...right, access_token: jwtOf({ scope: 'sql files' }) }],
  ])('is taken with %s', (_name, body) => {
    expect(read(body).scopes).toEqual(['files', 'sql']);
  });

  it('keeps what was granted when that is less than asked', () => {
    expect(read({ ...right, scope: 'sql' }).scopes).toEqual(['sql']);
  });

  it('counts the lifetime from the sending, not from a late answer', () => {
    expect(readExchangeAnswer(answerOf({ ...right, expires_in: 3000 }, { sentAt: (now - 9000) as EpochMs }), expected, now)).toMatchObject({
      mintedAt: now - 9000,
      expiresAt: now - 9000 + 3_000_000,
    });
  });

  it.each([
    ['one scope more', { ...right, scope: 'files sql model-serving' }, 'answer'],
    ['all-apis', { ...right, scope: 'all-apis' }, 'answer'],
    ['a wider list', { ...right, scope: ['files', 'sql', 'all-apis'] }, 'answer'],
    ['scopes in another case', { ...right, scope: 'files SQL' }, 'answer'],
    ['scopes behind a tab', { ...right, scope: 'files sql\tall-apis' }, 'answer'],
    ['a JWT whose claim is wider than its answer', { ...right, access_token: jwtOf({ scope: 'files sql all-apis' }) }, 'token'],
    ['a JWT with a list-valued wider claim', { ...right, access_token: jwtOf({ scope: ['all-apis'] }) }, 'token'],
    ['a JWT with a wider scp claim', { ...right, access_token: jwtOf({ scp: ['sql', 'secrets'] }) }, 'token'],
    ['no scope and a wider JWT', { ...without('scope'), access_token: jwtOf({ scope: 'all-apis' }) }, 'token'],
  ])('is refused as not narrowed: %s', (_name, body, reason) => {
    expect(refusal(body)).toMatchObject({ code: 'SCOPE_NOT_NARROWED', reason });
  });

  it.each([
    ['an empty scope', { ...right, scope: '' }],
    ['an empty list of scopes', { ...right, scope: [] }],
  ])('is refused with %s: a token for nothing', (_name, body) => {
    expect(refusal(body)).toMatchObject({ code: 'EXCHANGE_SCOPE_REFUSED' });
  });

  it.each([
    ['MAC tokens', { ...right, token_type: 'mac' }, 'token_type'],
    ['DPoP tokens', { ...right, token_type: 'DPoP' }, 'token_type'],
    ['a token with a line break', { ...right, access_token: 'abc\r\nX-Evil: 1' }, 'access_token'],
    ['a token with a space', { ...right, access_token: 'abc def' }, 'access_token'],
    ['a token with letters beyond ASCII', { ...right, access_token: 'abcé' }, 'access_token'],
    ['padding in the middle', { ...right, access_token: 'ab=c' }, 'access_token'],
    ['a lifetime of nothing', { ...right, expires_in: 0 }, 'expires_in'],
    ['a negative lifetime', { ...right, expires_in: -1 }, 'expires_in'],
    ['a lifetime beyond the subject token', { ...right, expires_in: 3661 }, 'expires_in'],
    ['a lifetime of years', { ...right, expires_in: 99_999_999 }, 'expires_in'],
    ['a lifetime in fractions', { ...right, expires_in: 3599.5 }, 'shape'],
    ['a lifetime in words', { ...right, expires_in: '1h' }, 'shape'],
    ['no lifetime', without('expires_in'), 'shape'],
    ['no token', without('access_token'), 'shape'],
    ['an empty token', { ...right, access_token: '' }, 'shape'],
    ['an endless token', { ...right, access_token: 'a'.repeat(16_385) }, 'shape'],
    ['a token that is a number', { ...right, access_token: 42 }, 'shape'],
    ['no token type', without('token_type'), 'shape'],
    ['a scope that is a number', { ...right, scope: 7 }, 'shape'],
    ['a list', [right], 'shape'],
    ['null', null, 'shape'],
    ['an error with status 200', { error: 'invalid_grant' }, 'shape'],
  ])('is refused as invalid: %s', (_name, body, reason) => {
    expect(refusal(body)).toMatchObject({ code: 'WORKSPACE_ANSWER_INVALID', reason });
  });

  it.each([
    [true, 'html'],
    [false, 'not-json'],
  ])('is refused when it is no JSON (html: %s)', (html, reason) => {
    expect(refusal(undefined, { html })).toMatchObject({ code: 'WORKSPACE_ANSWER_INVALID', reason });
  });

  it('takes a lifetime within the tolerance of the clocks', () => {
    expect(read({ ...right, expires_in: 3660 }).expiresAt).toBe(now + 3_660_000);
  });

  it('blames the clocks for a lifetime that cannot be, where they differ', () => {
    const body = { ...right, expires_in: 3900 };
    expect(refusal(body, { serverTime: (now - minutes(5)) as EpochMs })).toMatchObject({ code: 'CLOCK_SKEW' });
    expect(refusal(body, { serverTime: null })).toMatchObject({ code: 'WORKSPACE_ANSWER_INVALID' });
  });

  it('never lets out a scope that was not asked for, whatever the answer and the token say', () => {
    const scope = fc.constantFrom('files', 'sql', 'all-apis', 'secrets', 'jobs');
    const scopes = fc.option(
      fc.oneof(
        fc.array(scope),
        fc.array(scope).map((words) => words.join(' ')),
      ),
    );
    fc.assert(
      fc.property(scopes, scopes, fc.uniqueArray(scope, { minLength: 1 }), (answered, claimed, asked) => {
        const body = { ...without('scope'), ...(answered === null ? {} : { scope: answered }), access_token: jwtOf({ scope: claimed }) };
        try {
          const minted = readExchangeAnswer(answerOf(body), { ...expected, scopes: asked.sort() }, now);
          expect(minted.scopes.length).toBeGreaterThan(0);
          for (const given of minted.scopes) expect(asked).toContain(given);
          for (const given of [claimed ?? []].flat().flatMap((text) => text.split(' '))) expect([...asked, '']).toContain(given);
        } catch (error) {
          expect(['SCOPE_NOT_NARROWED', 'EXCHANGE_SCOPE_REFUSED']).toContain((error as AppError).code);
        }
      }),
      { numRuns: 500 },
    );
  });
});
