import { describe, expect, it } from 'vitest';
import { groupsFrom, identityFrom } from '../../../main/idp/identity.ts';
import { ISSUER, testProfile } from './profiles.ts';

const claims = { iss: ISSUER, sub: 'alice-1', exp: 2, iat: 1, email: 'alice@acme.example', name: 'Alice', groups: ['analysts'] };

describe('identity', () => {
  it('is made from the claims the profile names', () => {
    expect(identityFrom(claims, testProfile())).toEqual({
      issuer: ISSUER,
      subject: 'alice-1',
      username: 'alice@acme.example',
      displayName: 'Alice',
      groups: ['analysts'],
    });
    const profile = testProfile({ idp: { usernameClaim: 'upn', groupsClaim: 'https://acme.example/groups' } });
    expect(identityFrom({ ...claims, upn: 'a@acme', 'https://acme.example/groups': ['x'], name: '' }, profile)).toMatchObject({
      username: 'a@acme',
      displayName: 'a@acme',
      groups: ['x'],
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
  });
});
