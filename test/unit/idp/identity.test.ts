import { describe, expect, it } from 'vitest';
import { demandSameUser, groupsFrom, identityFrom } from '../../../main/idp/identity.ts';
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

  it.each([undefined, '', '   ', 5, null, ['alice@acme.example'], 'a'.repeat(321)])('is refused when the user name is %j', (email) => {
    expect(() => identityFrom({ ...claims, email }, testProfile())).toThrow(
      expect.objectContaining({ code: 'ID_TOKEN_REJECTED', reason: 'username' }),
    );
  });

  it('is refused when the provider has not verified the e-mail address that is the user name', () => {
    expect(() => identityFrom({ ...claims, email_verified: false }, testProfile())).toThrow(
      expect.objectContaining({ reason: 'username' }),
    );
    expect(identityFrom({ ...claims, email_verified: true }, testProfile()).username).toBe('alice@acme.example');
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

  it('may leave the user name out later, but never change it', () => {
    const identity = identityFrom(claims, testProfile());
    expect(() => demandSameUser({}, identity, testProfile())).not.toThrow();
    expect(() => demandSameUser({ email: 'mallory@acme.example' }, identity, testProfile())).toThrow(
      expect.objectContaining({ reason: 'username' }),
    );
  });
});
