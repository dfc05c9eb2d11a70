import { describe, expect, it } from 'vitest';
import { judgeResponse } from '../../../main/idp/authorization-response.ts';
import { ISSUER } from './profiles.ts';

const pending = { state: 's'.repeat(43), issuer: ISSUER, issPromised: true };
const judge = (change: Record<string, string | undefined>, extra = '', more = {}) => {
  const query = Object.entries({ code: 'c-1', state: pending.state, iss: ISSUER, ...change }).filter(([, value]) => value !== undefined);
  return judgeResponse(new URLSearchParams(`${new URLSearchParams(query as [string, string][])}${extra}`), { ...pending, ...more });
};

describe('an answer at the callback', () => {
  it('is ours when state and iss are', () => {
    expect(judge({})).toEqual({ kind: 'code', code: 'c-1' });
    expect(judge({ iss: undefined }, '', { issPromised: false })).toEqual({ kind: 'code', code: 'c-1' });
    expect(judge({ session_state: 'x' })).toEqual({ kind: 'code', code: 'c-1' });
  });

  it.each<[string, Record<string, string | undefined>, string, string]>([
    ['no state', { state: undefined }, '', 'state'],
    ['an empty state', { state: '' }, '', 'state'],
    ['another state', { state: 't'.repeat(43) }, '', 'state'],
    ['a state that is only the beginning of ours', { state: 's'.repeat(42) }, '', 'state'],
    ['a state that goes on after ours', { state: 's'.repeat(44) }, '', 'state'],
    ['two states, the right one first', {}, '&state=x', 'duplicate'],
    ['two codes', {}, '&code=x', 'duplicate'],
    ['two issuers', {}, '&iss=x', 'duplicate'],
    ['another issuer', { iss: 'https://evil.test' }, '', 'iss'],
    ['the issuer with a trailing slash', { iss: `${ISSUER}/` }, '', 'iss'],
    ['no issuer although it is promised', { iss: undefined }, '', 'iss'],
    ['an error from another issuer', { code: undefined, error: 'access_denied', iss: 'https://evil.test' }, '', 'iss'],
    ['an error without the promised issuer', { code: undefined, error: 'access_denied', iss: undefined }, '', 'iss'],
    ['an error without our state', { code: undefined, error: 'access_denied', state: 'x' }, '', 'state'],
    ['neither code nor error', { code: undefined }, '', 'form'],
    ['an empty code', { code: '' }, '', 'form'],
    ['code and error', { error: 'access_denied' }, '', 'form'],
    ['a code of five thousand characters', { code: 'x'.repeat(5000) }, '', 'form'],
    ['an ID token in the query', {}, '&id_token=x', 'form'],
    ['an access token in the query', {}, '&access_token=x', 'form'],
    ['a JARM response', {}, '&response=x', 'form'],
  ])('is foreign with %s', (_, change, extra, reason) => {
    expect(judge(change, extra)).toEqual({ kind: 'foreign', reason });
  });

  it('is foreign with another issuer even where none is promised', () => {
    expect(judge({ iss: 'https://evil.test' }, '', { issPromised: false })).toEqual({ kind: 'foreign', reason: 'iss' });
  });

  it.each([
    ['access_denied', 'access_denied'],
    ['login_required', 'login_required'],
    ['unmet_authentication_requirements', 'unmet_authentication_requirements'],
    ['temporarily_unavailable', 'temporarily_unavailable'],
    ['<script>', 'other'],
    ['', 'other'],
    ['toString', 'other'],
  ])('with the error %j is a refusal for the reason %s', (error, reason) => {
    expect(judge({ code: undefined, error, error_description: 'call this number' })).toEqual({ kind: 'error', error: reason });
  });
});
