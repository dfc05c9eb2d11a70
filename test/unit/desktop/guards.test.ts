import type { Session, WebContents } from 'electron';
import { describe, expect, it } from 'vitest';
import { guardApp, guardSession, type RefusedAct } from '../../../main/desktop/guards.ts';
import { fakeElectron, makeContents, preventable } from '../../fakes/electron/electron.ts';

function guarded() {
  const fake = fakeElectron();
  const refused: RefusedAct[] = [];
  guardApp({ app: fake.app, refused: (act) => refused.push(act) });
  const { session } = fake.defaultSession;
  fake.app.emit('session-created', session);
  const contents = makeContents('app://lakepass/');
  fake.app.emit('web-contents-created', {}, contents);
  return { fake, refused, session, own: fake.defaultSession, contents };
}
const anybody = {} as WebContents;

describe('every session', () => {
  it('says no to a page that asks for a permission', () => {
    const { own, refused } = guarded();
    const answers: boolean[] = [];
    for (const permission of ['notifications', 'media', 'loopback-network', 'openExternal', 'clipboard-read'] as const)
      own.permissionRequest?.(anybody, permission, (answer) => answers.push(answer), {} as never);
    expect(answers).toEqual([false, false, false, false, false]);
    expect(new Set(refused)).toEqual(new Set(['permission']));
  });

  it('says no to a page that looks whether it has a permission', () => {
    const { own } = guarded();
    expect(own.permissionCheck?.(null, 'loopback-network', 'app://lakepass', {} as never)).toBe(false);
  });

  it('says no to a device', () => {
    const { own, refused } = guarded();
    expect(own.devicePermission?.({} as never)).toBe(false);
    expect(refused).toEqual(['device']);
  });

  it('saves no file', () => {
    const { session, refused } = guarded();
    const event = preventable();
    (session as unknown as { emit: (name: string, event: unknown) => void }).emit('will-download', event);
    expect([event.defaultPrevented, refused]).toEqual([true, ['download']]);
  });

  it.each([
    'https://acme.okta.com/',
    'http://127.0.0.1:17410/v1/up',
    'ws://127.0.0.1/',
    'wss://evil.test/',
    'file:///etc/passwd',
    'ftp://x/',
    'HTTPS://x/',
  ])('reaches nothing on the network: %s', (url) => {
    const { own, refused } = guarded();
    const answers: unknown[] = [];
    own.beforeRequest?.({ url }, (answer) => answers.push(answer));
    expect([answers, refused]).toEqual([[{ cancel: true }], ['network']]);
  });

  it('loads our own pages', () => {
    const { own, refused } = guarded();
    const answers: unknown[] = [];
    own.beforeRequest?.({ url: 'app://lakepass/ui.js' }, (answer) => answers.push(answer));
    expect([answers, refused]).toEqual([[{ cancel: false }], []]);
  });

  it('sends no word of a page to a dictionary', () => {
    expect(guarded().own.spellChecked).toBe(false);
  });

  it('is guarded as it is made', () => {
    const fake = fakeElectron();
    guardApp({ app: fake.app, refused: () => undefined });
    fake.app.emit('session-created', fake.defaultSession.session);
    expect(fake.defaultSession.permissionCheck).not.toBe(null);
  });

  it('that is guarded twice counts once', () => {
    const { session, refused } = guarded();
    guardSession(session as Session, (act) => refused.push(act));
    (session as unknown as { emit: (name: string, event: unknown) => void }).emit('will-download', preventable());
    expect(refused).toEqual(['download']);
  });
});

describe('every page', () => {
  it.each([
    ['goes nowhere', 'will-navigate', 'navigation'],
    ['is not sent elsewhere by a server', 'will-redirect', 'redirect'],
    ['holds no other page', 'will-attach-webview', 'webview'],
  ])('%s', (_, event, act) => {
    const { contents, refused } = guarded();
    const happening = { ...preventable(), url: 'https://evil.test/' };
    const prevented: boolean[] = [];
    happening.preventDefault = () => void prevented.push(true);
    contents.emit(event, happening);
    expect([prevented, refused]).toEqual([[true], [act]]);
  });

  it('moves no frame, and a move of the page itself counts once', () => {
    const { contents, refused } = guarded();
    const prevented: string[] = [];
    for (const isMainFrame of [true, false])
      contents.emit('will-frame-navigate', { isMainFrame, preventDefault: () => prevented.push(`main frame: ${isMainFrame}`) });
    expect([prevented, refused]).toEqual([['main frame: true', 'main frame: false'], ['frame']]);
  });

  it('opens no window', () => {
    const { contents, refused } = guarded();
    expect(contents.windowOpen?.({ url: 'https://evil.test/' })).toEqual({ action: 'deny' });
    expect(refused).toEqual(['window']);
  });
});

describe('the app', () => {
  it('believes no certificate that Chromium does not', () => {
    const { fake, refused } = guarded();
    const [event, answers] = [preventable(), [] as unknown[]];
    fake.app.emit('certificate-error', event, anybody, 'https://evil.test/', 'error', {}, (answer: unknown) => answers.push(answer));
    expect([event.defaultPrevented, answers, refused]).toEqual([true, [false], ['certificate']]);
  });

  it('shows no certificate of the person to a server', () => {
    const { fake, refused } = guarded();
    const [event, answers] = [preventable(), [] as unknown[]];
    // Electron 44 and newer: the first may be missing.
    fake.app.emit('select-client-certificate', event, null, 'https://evil.test/', [{}], (...answer: unknown[]) => answers.push(answer));
    expect([event.defaultPrevented, answers, refused]).toEqual([true, [[]], ['client-certificate']]);
  });

  it('gives no server a name and a password', () => {
    const { fake, refused } = guarded();
    const [event, answers] = [preventable(), [] as unknown[]];
    fake.app.emit('login', event, anybody, {}, {}, (...answer: unknown[]) => answers.push(answer));
    expect([event.defaultPrevented, answers, refused]).toEqual([true, [[]], ['login']]);
  });
});
