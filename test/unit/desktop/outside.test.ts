import { describe, expect, it } from 'vitest';
import { createOutside, isAnnounced, mayOpen } from '../../../main/desktop/outside.ts';
import { links } from '../../../preload/contract/desktop.ts';
import { fakeElectron } from '../../fakes/electron/electron.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { calmState } from '../../fakes/pages-agent.ts';

const [acme] = calmState(fakeClock()).status.profiles;
if (acme === undefined) throw new Error('no profile');
const workspaces = [{ name: 'prod', host: 'https://adb-1.azuredatabricks.net', health: 'ok' }];
const profiles = [
  { ...acme, issuer: 'https://acme.okta.com/oauth2/x', workspaces },
  { ...acme, name: 'demo', test: true, issuer: 'http://127.0.0.1:4100/', workspaces: [{ name: 'ws', host: 'adb-2.test', health: 'ok' }] },
  { ...acme, name: 'odd', test: false, issuer: 'http://localhost:4200/', workspaces: [] },
];
const may = (url: string) => mayOpen(new URL(url), profiles);

describe('the system browser', () => {
  it.each([
    'https://acme.okta.com/oauth2/v1/authorize?client_id=x&state=y',
    'https://adb-1.azuredatabricks.net/login.html',
    'https://adb-2.test/',
    ...Object.values(links),
    'http://lakepass.localhost:23456/#code',
    'http://127.0.0.1:4100/auth?x=1',
  ])('is opened at what is configured, our own page and our words: %s', (url) => {
    expect(may(url)).toBe(true);
  });

  it.each([
    ['a host that nobody has configured', 'https://evil.test/'],
    ['a host that ends so', 'https://evil-acme.okta.com/'],
    ['a host that begins so', 'https://acme.okta.com.evil.test/'],
    ['another port of a known host', 'https://acme.okta.com:8443/'],
  ])('is not opened at %s', (_, url) => {
    expect(may(url)).toBe(false);
  });

  it.each([
    ['a person before the host', 'https://acme.okta.com@evil.test/'],
    ['a person before a known host', 'https://ada@acme.okta.com/'],
    ['a person before our own page', 'http://ada@lakepass.localhost:23456/'],
  ])('is not opened with %s', (_, url) => {
    expect(may(url)).toBe(false);
  });

  it.each([
    ['plain http', 'http://acme.okta.com/'],
    ['a file', 'file:///etc/passwd'],
    ['a program', 'ms-msdt://acme.okta.com/'],
    ['a mail', 'mailto:ada@acme.okta.com'],
    ['a script', 'javascript:alert(1)'],
    ['a link of our own', 'lakepass://grants'],
    ['a page of our own windows', 'app://lakepass/'],
    ['a known host under another scheme', 'smb://acme.okta.com/share'],
  ])('is not opened for %s', (_, url) => {
    expect(may(url)).toBe(false);
  });

  it.each([
    ['another server on this machine', 'http://127.0.0.1:9999/'],
    ['a local provider of a profile that is no test', 'http://localhost:4200/'],
    ['our own host without a port', 'http://lakepass.localhost/'],
    ['our own host at another path', 'http://lakepass.localhost:23456/x'],
    ['our own host with a question', 'http://lakepass.localhost:23456/?x'],
    ['a host below our own', 'http://x.lakepass.localhost:23456/'],
  ])('is not opened at %s', (_, url) => {
    expect(may(url)).toBe(false);
  });
});

describe('the page that the provider of a sign-in announced', () => {
  const announced = 'https://login.acme-sso.test/oauth2/authorize?tenant=7';
  const is = (url: string, endpoint = announced) => isAnnounced(new URL(url), new URL(endpoint), profiles);

  it.each([
    ['on a host of its own, with what the sign-in asks', 'https://login.acme-sso.test/oauth2/authorize?tenant=7&state=y', announced],
    ['on this machine, for a test', 'http://127.0.0.1:4300/authorize?state=y', 'http://127.0.0.1:4300/authorize'],
  ])('is opened %s', (_, url, endpoint) => {
    expect(is(url, endpoint)).toBe(true);
  });

  it.each([
    ['another path of its host', 'https://login.acme-sso.test/oauth2/logout'],
    ['a path below it', 'https://login.acme-sso.test/oauth2/authorize/x'],
    ['another port of its host', 'https://login.acme-sso.test:8443/oauth2/authorize'],
    ['another host', 'https://evil.test/oauth2/authorize'],
    ['a host below its own', 'https://x.login.acme-sso.test/oauth2/authorize'],
  ])('is not %s', (_, url) => {
    expect(is(url)).toBe(false);
  });

  it.each([
    ['plain http', 'http://login.acme-sso.test/oauth2/authorize'],
    ['another scheme', 'smb://login.acme-sso.test/oauth2/authorize'],
  ])('is not opened for %s, even if that was announced', (_, url) => {
    expect(is(url, url)).toBe(false);
  });

  it('is not opened on this machine where no profile is a test', () => {
    const local = new URL('http://127.0.0.1:4300/authorize');
    expect(isAnnounced(local, local, [acme])).toBe(false);
  });

  it.each(['https://ada@login.acme-sso.test/oauth2/authorize', `${announced}#x`])('is opened with nothing beside its query: %s', (url) => {
    expect(is(url)).toBe(false);
  });
});

describe('opening', () => {
  const setUp = () => {
    const fake = fakeElectron();
    const seen: string[] = [];
    const outside = createOutside({
      shell: fake.electron.shell,
      profiles: () => profiles,
      refused: (url) => seen.push(`refused ${url.host}`),
      fallback: async (url) => {
        seen.push(`fallback ${url.host}`);
        return 'none';
      },
    });
    return { fake, seen, outside };
  };

  it('goes through Electron', async () => {
    const { fake, seen, outside } = setUp();
    expect(await outside.open(new URL('https://acme.okta.com/a?b#c'))).toBe('opened');
    expect([fake.opened, seen]).toEqual([['https://acme.okta.com/a?b#c'], []]);
  });

  it('of what may not be opened is refused, counted and opened by nobody', async () => {
    const { fake, seen, outside } = setUp();
    expect(await outside.open(new URL('https://evil.test/?token=1'))).toBe('none');
    expect([fake.opened, seen]).toEqual([[], ['refused evil.test']]);
  });

  it('of the page that was announced is for that one sign-in, and for what was asked to be opened', async () => {
    const { fake, seen, outside } = setUp();
    const page = new URL('https://login.acme-sso.test/authorize?state=y');
    expect(await outside.open(page, new URL('https://login.acme-sso.test/authorize'))).toBe('opened');
    expect(await outside.open(page)).toBe('none');
    expect(await outside.open(new URL('https://evil.test/authorize'), new URL('https://login.acme-sso.test/authorize'))).toBe('none');
    expect([fake.opened, seen]).toEqual([[page.href], ['refused login.acme-sso.test', 'refused evil.test']]);
  });

  it('goes another way where Electron finds no browser', async () => {
    const { fake, seen, outside } = setUp();
    fake.noBrowser = true;
    expect(await outside.open(new URL('https://acme.okta.com/'))).toBe('none');
    expect(seen).toEqual(['fallback acme.okta.com']);
  });
});
