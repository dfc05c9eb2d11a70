/** What is taken for an invitation: anybody can write one, and a person clicks. */
import { describe, expect, it } from 'vitest';
import { invitationLink, parseInvitation, requirePlainAddress } from '../../../main/enroll/invitation.ts';

const thumbprint = 'DNaHka0vdy5FyEPPkKYke0wkGimekX360YYPtQ_y4bU';
const url = 'https://it.acme.example/lakepass/bundle.jws.json?team=a+b';
const link = (address: string, key = thumbprint): string => `lakepass://enroll?url=${encodeURIComponent(address)}&key=${key}`;
const good = link(url);
const refused = (reason: string) => expect.objectContaining({ code: 'INVITATION_INVALID', reason });

describe('an invitation', () => {
  it('says what was put into it', () => {
    expect(parseInvitation(invitationLink({ url, thumbprint }))).toEqual({ url, thumbprint });
    expect(parseInvitation(`lakepass://enroll/?key=${thumbprint}&url=${encodeURIComponent(url)}`)).toEqual({ url, thumbprint });
  });

  it.each([
    ['nothing', ''],
    ['a line end inside', good.replace('enroll', 'en\nroll')],
    ['a tab at its end', `${good}\t`],
    ['a space before it', ` ${good}`],
    ['letters of another script', link('https://it.acme.example/').replace('acme', 'аcme')],
    ['more than any invitation', link(`https://it.acme.example/${'a'.repeat(4000)}`)],
  ])('with %s is no plain text', (_, text) => {
    expect(() => parseInvitation(text)).toThrow(refused('text'));
  });

  it.each([
    ['a web address', good.replace('lakepass:', 'https:')],
    ['another act', good.replace('enroll', 'leave')],
    ['a folder', good.replace('enroll', 'enroll/now')],
    ['a user name', good.replace('enroll', 'me@enroll')],
    ['a port', good.replace('enroll', 'enroll:1')],
    ['a fragment', `${good}#key=other`],
    ['no host', good.replace('//', '')],
    ['a word', 'enroll'],
  ])('with %s is no link of ours', (_, text) => {
    expect(() => parseInvitation(text)).toThrow(refused('link'));
  });

  it.each([
    ['one more', `${good}&then=run`],
    ['an address given twice', `${good}&url=${encodeURIComponent('https://evil.example/')}`],
    ['no key', good.replace(/&key=.*/, '')],
    ['names in capitals', good.replace('url=', 'URL=').replace('key=', 'url=')],
  ])('with %s says too much or too little', (_, text) => {
    expect(() => parseInvitation(text)).toThrow(expect.objectContaining({ code: 'INVITATION_INVALID' }));
  });

  it.each([
    ['plain http', 'http://it.acme.example/b'],
    ['a file', 'file:///etc/passwd'],
    ['a script', 'javascript:alert(1)'],
    ['a user name', 'https://it.acme.example@evil.example/b'],
    ['a fragment', 'https://it.acme.example/b#x'],
    ['a backslash', 'https:\\\\evil.example/b'],
    ['a space', 'https://it.acme.example/b c'],
    ['letters of another script', 'https://аcme.example/b'],
    ['capitals in the host', 'https://IT.acme.example/b'],
    ['a port that is none', 'https://it.acme.example:443/b'],
    ['steps upwards', 'https://it.acme.example/a/../b'],
    ['another spelling of this machine', 'https://0x7f.1/b'],
    ['no host', 'https:///b'],
    ['nothing', ''],
  ])('to %s is refused', (_, address) => {
    expect(() => parseInvitation(link(address))).toThrow(refused('url'));
    expect(() => requirePlainAddress(address)).toThrow(refused('url'));
  });

  it.each([
    ['too short', thumbprint.slice(1)],
    ['too long', `${thumbprint}A`],
    ['of other letters', `${thumbprint.slice(1)}!`],
    ['missing', ''],
  ])('whose key is %s is refused', (_, key) => {
    expect(() => parseInvitation(link(url, key))).toThrow(refused('key'));
  });

  it('is never repeated in what is said about it', () => {
    try {
      parseInvitation(link('http://marked.example/'));
      expect.unreachable();
    } catch (error) {
      expect(String(error)).not.toContain('marked');
    }
  });
});
