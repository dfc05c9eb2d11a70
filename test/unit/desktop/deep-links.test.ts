import { describe, expect, it } from 'vitest';
import { createDeepLinks, linkCommand, readDeepLink } from '../../../main/desktop/deep-links.ts';
import { seconds } from '../../../main/units.ts';
import { views, type Wanted } from '../../../preload/contract/desktop.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';

describe('a deep link', () => {
  it.each(views)('opens the view %s', (view) => {
    expect(readDeepLink(`lakepass://${view}`)).toBe(view);
    expect(readDeepLink(`lakepass://${view}/`)).toBe(view);
  });

  const key = 'DNaHka0vdy5FyEPPkKYke0wkGimekX360YYPtQ_y4bU';
  const of = (url: string, more = ''): string => `lakepass://enroll?url=${encodeURIComponent(url)}&key=${key}${more}`;
  const invitation = of('https://it.acme.example/lakepass/bundle.jws.json?team=a+b');

  it('of a company opens the view of what it offers, with the link as it came', () => {
    expect(readDeepLink(invitation)).toEqual({ enroll: invitation });
    const slashed = invitation.replace('enroll?', 'enroll/?');
    expect(readDeepLink(slashed)).toEqual({ enroll: slashed });
  });

  it.each([
    ['no words', 'lakepass://enroll'],
    ['no address', `lakepass://enroll?key=${key}`],
    ['no key', invitation.replace(/&key=.*/, '')],
    ['a short key', invitation.slice(0, -1)],
    ['plain http', of('http://it.acme.example/b.json')],
    ['a script', of('javascript:alert(1)')],
    ['a file', of('file:///etc/passwd')],
    ['a user name in the address', of('https://it.acme.example@evil.example/b.json')],
    ['a yes', of('https://it.acme.example/b.json', '&accept=yes')],
    ['two addresses', of('https://it.acme.example/b.json', `&url=${encodeURIComponent('https://evil.example/')}`)],
    ['a fragment', `${invitation}#accept`],
    ['another act', invitation.replace('enroll', 'accept')],
    ['a path', invitation.replace('enroll?', 'enroll/accept?')],
    ['a port', invitation.replace('enroll?', 'enroll:80?')],
    ['capitals', invitation.replace('lakepass', 'LAKEPASS')],
    ['a newline', `${invitation}\n`],
    ['a space', ` ${invitation}`],
    ['length', of(`https://it.acme.example/${'a'.repeat(4000)}`)],
  ])('of a company with %s opens nothing', (_, link) => {
    expect(readDeepLink(link)).toBe(undefined);
  });

  it.each([
    ['another scheme', 'https://grants'],
    ['no view', 'lakepass://'],
    ['a view there is not', 'lakepass://approve'],
    ['a path', 'lakepass://grants/revoke'],
    ['a question', 'lakepass://grants?id=1'],
    ['a fragment', 'lakepass://grants#x'],
    ['a person', 'lakepass://a:b@grants'],
    ['a port', 'lakepass://grants:80'],
    ['no slashes', 'lakepass:grants'],
    ['more slashes', 'lakepass:///grants'],
    ['capitals', 'LAKEPASS://GRANTS'],
    ['a newline', 'lakepass://grants\n'],
    ['a NUL', 'lakepass://grants\0'],
    ['an escape', 'lakepass://%67rants'],
    ['a name of every object', 'lakepass://constructor'],
    ['words before it', ' lakepass://grants'],
    ['length', `lakepass://${'g'.repeat(10_000)}`],
    ['no text at all', { toString: (): string => 'lakepass://grants' }],
    ['nothing', undefined],
  ])('with %s opens nothing', (_, link) => {
    expect(readDeepLink(link)).toBe(undefined);
  });

  it('is passed by the system behind a bare --, where nothing is an option', () => {
    expect(linkCommand).toEqual([process.execPath, ['--']]);
  });
});

describe('deep links', () => {
  const setUp = () => {
    const clock = fakeClock();
    const seen: string[] = [];
    const open = (wanted: Wanted) => seen.push(typeof wanted === 'string' ? wanted : 'enroll');
    const links = createDeepLinks({ clock, open, refused: (reason) => seen.push(`refused ${reason}`) });
    return { clock, seen, links };
  };

  it('are followed once in two seconds, however often a page tries', async () => {
    const { clock, seen, links } = setUp();
    for (const view of ['grants', 'keys', 'home']) links.follow(`lakepass://${view}`);
    expect(seen).toEqual(['grants', 'refused link-rate', 'refused link-rate']);
    await clock.advance(seconds(2));
    links.follow('lakepass://keys');
    expect(seen.at(-1)).toBe('keys');
  });

  it('that are none are counted, and use up nothing', () => {
    const { seen, links } = setUp();
    links.follow('lakepass://approve?ask=1');
    links.follow('lakepass://grants');
    expect(seen).toEqual(['refused link', 'grants']);
  });
});
