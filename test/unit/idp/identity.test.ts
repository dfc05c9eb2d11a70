import { describe, expect, it } from 'vitest';
import { groupsFrom, identityFrom, policyClaimsFrom, renewedClaims } from '../../../main/idp/identity.ts';
import { ISSUER, testProfile } from './profiles.ts';

const claims = { iss: ISSUER, sub: 'alice-1', exp: 2, iat: 1, email: 'alice@acme.example', name: 'Alice', groups: ['analysts'] };

describe('identity', () => {
  it('is made from the claims the profile names', () => {
    expect(identityFrom(claims, testProfile(), ['analysts'])).toEqual({
      issuer: ISSUER,
      subject: 'alice-1',
      username: 'alice@acme.example',
      displayName: 'Alice',
      groups: ['analysts'],
      claims: {},
    });
    const profile = testProfile({ idp: { usernameClaim: 'upn' } });
    expect(identityFrom({ ...claims, upn: 'a@acme', name: '' }, profile, [])).toMatchObject({
      username: 'a@acme',
      displayName: 'a@acme',
      groups: [],
    });
  });

  it.each<[unknown, string[]]>([
    [undefined, []],
    [null, []],
    [{ a: 1 }, []],
    ['one', ['one']],
    [
      ['a', 5, '', 'b'],
      ['a', 'b'],
    ],
  ])('reads groups %j as %j', (groups, expected) => {
    expect(groupsFrom({ groups }, testProfile())).toEqual(expected);
    const named = testProfile({ idp: { groupsClaim: 'https://acme.example/groups' } });
    expect(groupsFrom({ 'https://acme.example/groups': groups, groups: ['another'] }, named)).toEqual(expected);
  });

  const policyClaims = ['department', 'https://acme.example/roles', 'level', 'deep'];

  it('keeps the claims that policy may ask for, as text, and no other', () => {
    const token = {
      ...claims,
      department: 'Risk',
      'https://acme.example/roles': ['a', 7, { no: 1 }],
      level: 3,
      deep: { a: 1 },
      secret: 'x',
    };
    expect(identityFrom(token, testProfile({ idp: { policyClaims } }), []).claims).toEqual({
      department: 'Risk',
      'https://acme.example/roles': ['a', '7'],
      level: '3',
    });
    expect(identityFrom(token, testProfile(), []).claims).toEqual({});
  });

  it('takes nothing that an object has by birth for a claim, and cuts none: too long is no claim', () => {
    const profile = testProfile({ idp: { policyClaims: ['constructor', 'department', 'many'] } });
    expect(policyClaimsFrom({ department: 'x'.repeat(257), many: Array.from({ length: 201 }, () => 'a') }, profile)).toEqual({});
    expect(() => testProfile({ idp: { policyClaims: ['__proto__'] } })).toThrow();
  });

  it('renews a claim that a refresh names, and keeps one that it leaves out', () => {
    const profile = testProfile({ idp: { policyClaims: ['department', 'level'] } });
    const before = { department: 'Risk', level: '3', gone: 'x' };
    const renewed = (said: Record<string, unknown> | null, kept = ['department', 'level', 'gone']) =>
      renewedClaims(said, profile, before, (claim) => kept.includes(claim));
    expect(renewed({ level: 4 })).toEqual({ department: 'Risk', level: '4' });
    expect(renewed({ level: { odd: 1 } })).toEqual({ department: 'Risk' });
    expect(renewed(null)).toEqual({ department: 'Risk', level: '3' });
    expect(renewed({ level: 4 }, [])).toEqual({ level: '4' });
    expect(renewed(null, ['level'])).toEqual({ level: '3' });
  });
});
