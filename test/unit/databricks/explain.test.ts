import { describe, expect, it } from 'vitest';
import { type Asked, explainRefusal } from '../../../main/databricks/explain.ts';
import type { Answer } from '../../../main/databricks/workspace-request.ts';
import { type EpochMs, minutes } from '../../../main/units.ts';
import { HOST } from './setting.ts';

const now = Date.UTC(2026, 0, 5, 9, 0, 0) as EpochMs;
const oauth = (error: string, error_description?: string) => ({ error, error_description });

function explain(status: number, json: unknown, more: Partial<Answer> = {}, asked: Partial<Asked> = {}) {
  const answer: Answer = { status, json, html: false, serverTime: now, retryAfter: null, sentAt: now, ...more };
  const ours = { issuer: 'https://login.acme.example', audience: 'lakepass', clientId: null };
  return explainRefusal(answer, { workspace: HOST, ...ours, ...asked }, now);
}

describe('refusals explained', () => {
  it.each([
    [400, oauth('invalid_grant', 'The audience of the token does not match the federation policy.'), 'EXCHANGE_WRONG_AUDIENCE', 'aud'],
    [400, oauth('invalid_grant', 'Invalid aud'), 'EXCHANGE_WRONG_AUDIENCE', 'aud'],
    [401, oauth('invalid_client', 'No federation policy matches the issuer of the token.'), 'EXCHANGE_WRONG_ISSUER', 'iss'],
    [401, oauth('invalid_client', 'No matching federation policy found'), 'EXCHANGE_WRONG_ISSUER', 'policy'],
    [401, oauth('invalid_client', 'The user of the token is not known in the account.'), 'EXCHANGE_UNKNOWN_USER', 'user'],
    [401, oauth('invalid_client', 'Principal not found'), 'EXCHANGE_UNKNOWN_USER', 'user'],
    [401, oauth('invalid_client', 'The token lacks the subject claim of the federation policy.'), 'EXCHANGE_UNKNOWN_USER', 'subject-claim'],
    [400, oauth('invalid_scope', 'scope does not exist'), 'EXCHANGE_SCOPE_REFUSED', 'scope'],
    [400, oauth('invalid_scope'), 'EXCHANGE_SCOPE_REFUSED', 'scope'],
    [400, oauth('access_denied', "Scopes 'sql' are not assigned"), 'EXCHANGE_SCOPE_REFUSED', 'scope'],
    [401, oauth('invalid_client', 'The signature of the token cannot be verified.'), 'EXCHANGE_REFUSED', 'keys'],
    [401, oauth('invalid_client', 'The signing keys of the issuer cannot be fetched.'), 'EXCHANGE_REFUSED', 'keys'],
    [400, oauth('invalid_request', 'The token must be signed with RS256 or ES256'), 'EXCHANGE_REFUSED', 'algorithm'],
    [401, oauth('invalid_client', 'The token has expired.'), 'EXCHANGE_REFUSED', 'expired'],
    [400, oauth('unsupported_grant_type', 'This grant type is not supported'), 'EXCHANGE_REFUSED', 'grant-type'],
    [400, oauth('invalid_grant'), 'EXCHANGE_REFUSED', 'grant'],
    [401, oauth('invalid_client', 'Invalid credentials.'), 'EXCHANGE_REFUSED', 'credentials'],
    [401, { error_code: 401, message: 'Invalid credentials.' }, 'EXCHANGE_REFUSED', 'credentials'],
    [403, { error_code: 403, message: 'Source IP address is blocked' }, 'EXCHANGE_REFUSED', 'address'],
    [403, { error_code: 'PERMISSION_DENIED', message: 'nope' }, 'EXCHANGE_REFUSED', 'other'],
    [400, { errorCode: 'invalid_grant', errorSummary: 'audience' }, 'EXCHANGE_WRONG_AUDIENCE', 'aud'],
    [400, {}, 'EXCHANGE_REFUSED', 'other'],
    [400, { error: { nested: true } }, 'WORKSPACE_ANSWER_INVALID', 'not-json'],
    [400, 'text', 'WORKSPACE_ANSWER_INVALID', 'not-json'],
    [400, undefined, 'WORKSPACE_ANSWER_INVALID', 'not-json'],
    [404, { error_code: 'ENDPOINT_NOT_FOUND' }, 'WORKSPACE_ANSWER_INVALID', 'not-found'],
    [302, undefined, 'WORKSPACE_ANSWER_INVALID', 'redirect'],
    [307, { error: 'x' }, 'WORKSPACE_ANSWER_INVALID', 'redirect'],
    [204, undefined, 'WORKSPACE_ANSWER_INVALID', 'not-json'],
  ] as const)('%i %j is %s (%s)', (status, body, code, reason) => {
    expect(explain(status, body)).toMatchObject({ code, reason });
  });

  it('tells a web page from an API', () => {
    expect(explain(401, undefined, { html: true })).toMatchObject({ code: 'WORKSPACE_ANSWER_INVALID', reason: 'html' });
  });

  it('names our own audience, issuer and its slash', () => {
    expect(explain(400, oauth('invalid_grant', 'audience')).detail).toContain('lakepass');
    expect(explain(401, oauth('x', 'issuer')).detail).toContain('https://login.acme.example (without a slash');
    expect(explain(401, oauth('x', 'issuer'), {}, { issuer: 'https://acme.auth0.example/' }).detail).toContain(
      'https://acme.auth0.example/ (with a slash',
    );
  });

  it('names the service principal whose policy is meant, save where it is about scopes', () => {
    const clientId = '8d1f20c2-0000-4000-8000-00000000aaaa';
    expect(explain(401, oauth('invalid_client', 'Invalid credentials.'), {}, { clientId }).detail).toContain(clientId);
    expect(explain(401, oauth('invalid_client', 'Principal not found'), {}, { clientId }).detail).toContain(clientId);
    expect(explain(400, oauth('invalid_scope'), {}, { clientId }).detail ?? '').not.toContain(clientId);
  });

  it.each([
    ['expired', 401, oauth('invalid_client', 'The token has expired.')],
    ['not said', 401, oauth('invalid_client', 'Invalid credentials.')],
    ['not said', 400, oauth('invalid_grant')],
  ])('blames the clock for a refusal (%s) where the clocks differ by more than two minutes', (_why, status, body) => {
    for (const serverTime of [now + minutes(3), now - minutes(3)] as EpochMs[])
      expect(explain(status, body, { serverTime })).toMatchObject({ code: 'CLOCK_SKEW' });
    expect(explain(status, body, { serverTime: (now + minutes(2)) as EpochMs }).code).toBe('EXCHANGE_REFUSED');
    expect(explain(status, body, { serverTime: null }).code).toBe('EXCHANGE_REFUSED');
  });

  it('does not blame the clock for what the server names', () => {
    const serverTime = (now + minutes(30)) as EpochMs;
    expect(explain(400, oauth('invalid_grant', 'audience'), { serverTime }).code).toBe('EXCHANGE_WRONG_AUDIENCE');
    expect(explain(400, oauth('invalid_scope'), { serverTime }).code).toBe('EXCHANGE_SCOPE_REFUSED');
  });

  it.each(['audience', 'issuer', 'user', 'policy', 'expired', 'RS256', 'signature', 'IP', 'nothing known', 'scope'])(
    'repeats nothing of the text of the server: %s',
    (word) => {
      const canary = 'visit-https://evil.example';
      for (const status of [400, 401, 403])
        for (const error of ['invalid_grant', 'access_denied', canary]) {
          const failure = explain(status, oauth(error, `${word} ${canary}`));
          expect(`${failure.message} ${JSON.stringify(failure.toFailure())}`).not.toContain('evil');
        }
    },
  );
});
