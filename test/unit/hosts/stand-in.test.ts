/** The stand-in for Electron without a screen: what it refuses, and that it asks whoever must be asked. */
import { EventEmitter } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createInstanceLock } from '../../hosts/shell-sim/instance-lock.ts';
import { toChromium, toMain } from '../../hosts/shell-sim/screen.ts';
import { createStandIn } from '../../hosts/shell-sim/stand-in.ts';
import { mortal, strict } from '../../hosts/shell-sim/strict.ts';
import { type MainTable, openWire, type WindowsTable } from '../../hosts/shell-sim/wire.ts';

const main = fileURLToPath(new URL('../../hosts/shell-sim/toy/toy-main.mjs', import.meta.url));
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const before = new Map(signals.map((signal) => [signal, process.listeners(signal)]));

afterEach(() => {
  for (const signal of signals)
    for (const listener of process.listeners(signal)) if (!before.get(signal)?.includes(listener)) process.off(signal, listener);
});

/** Both ends in one process; what crosses is cloned all the same. */
function setStage() {
  const [here, there] = [new EventEmitter(), new EventEmitter()];
  const end = (mine: EventEmitter, theirs: EventEmitter) => ({
    send: (said: unknown) => void theirs.emit('said', structuredClone(said)),
    onMessage: (listener: (said: unknown) => void) => void mine.on('said', listener),
  });
  const loaded: string[] = [];
  const { electron, makeReady } = createStandIn({ main, packaged: true, args: [], locale: 'en-GB' }, end(here, there));
  const wire = openWire<MainTable, WindowsTable>(end(there, here), {
    create: () => undefined,
    load: ({ url }) => void loaded.push(url),
    tell: () => undefined,
    destroy: () => undefined,
    evaluate: () => undefined,
    reload: () => undefined,
    colours: () => undefined,
    external: () => undefined,
  });
  return { electron, makeReady, wire, loaded };
}
const own = { url: 'app://toy/', routingId: 1, processId: 1001, parent: null };

describe('what is not there', () => {
  it('throws by name, read or written', () => {
    const part = strict('app', { name: 'x' }) as Record<string, unknown>;
    expect(() => part['dock']).toThrow('the stand-in for electron has no app.dock');
    expect(() => {
      part['badge'] = 1;
    }).toThrow('the stand-in for electron has no app.badge =');
    expect(part['name']).toBe('x');
  });

  it('what has ended says so, and nothing but whether it has', () => {
    let gone = false;
    const tray = mortal('Tray', { isDestroyed: () => gone, setTitle: () => 'set' }, () => gone);
    expect(tray.setTitle()).toBe('set');
    gone = true;
    expect(() => tray.setTitle()).toThrow('Object has been destroyed');
    expect(tray.isDestroyed()).toBe(true);
  });

  it.each([{ nodeIntegration: true }, { sandbox: false }, { contextIsolation: false }, { webSecurity: false }, { webviewTag: true }])(
    'a window with %o is refused, for it could not be tried',
    (webPreferences) => {
      const { electron, makeReady } = setStage();
      makeReady();
      expect(() => new electron.BrowserWindow({ webPreferences })).toThrow(`webPreferences.${Object.keys(webPreferences)[0]}`);
    },
  );
});

describe('before and after ready', () => {
  it('windows, trays and sessions need it, and schemes come too late after it', () => {
    const { electron, makeReady } = setStage();
    expect(() => new electron.BrowserWindow()).toThrow('before app is ready');
    expect(() => electron.session.defaultSession).toThrow('when app is ready');
    makeReady();
    expect(() => electron.protocol.registerSchemesAsPrivileged([])).toThrow('before app is ready');
    expect(new electron.BrowserWindow().isVisible()).toBe(true);
  });
});

describe('who is asked', () => {
  it('IPC: a handler, by whom Chromium says it was sent; a clone of its answer crosses', async () => {
    const { electron, makeReady, wire } = setStage();
    makeReady();
    const window = new electron.BrowserWindow();
    const kept = { list: [1] };
    electron.ipcMain.handle('toy', ({ senderFrame, sender }, wanted) => {
      if (wanted === 'function') return () => 1;
      return { url: senderFrame?.url, top: senderFrame?.parent === null, own: sender === window.webContents, kept };
    });
    const from = (frame: typeof own | null) => wire.ask('invoke', { window: window.id, frame, channel: 'toy', args: [] });
    expect(await from(own)).toEqual({ url: 'app://toy/', top: true, own: true, kept });
    expect(await from(null)).toMatchObject({ top: false });
    await expect(wire.ask('invoke', { window: window.id, frame: own, channel: 'toy', args: ['function'] })).rejects.toThrow(
      'could not be cloned',
    );
    await expect(wire.ask('invoke', { window: window.id, frame: own, channel: 'none', args: [] })).rejects.toThrow('No handler registered');
    expect(() => window.webContents.send('news', () => 1)).toThrow('could not be cloned');
  });

  it('the main frame is one object as long as it stays where it is', async () => {
    const { electron, makeReady, wire } = setStage();
    makeReady();
    const window = new electron.BrowserWindow();
    const frames: unknown[] = [];
    electron.ipcMain.handle('toy', ({ senderFrame }) => void frames.push(senderFrame));
    const at = async (url: string) => wire.ask('invoke', { window: window.id, frame: { ...own, url }, channel: 'toy', args: [] });
    await at('app://toy/');
    await at('app://toy/other');
    await at('https://evil.test/');
    expect(frames[0]).toBe(frames[1]);
    expect(frames[2]).not.toBe(frames[0]);
  });

  it('navigation, a new window, a permission: the app, and silence means yes as in Electron', async () => {
    const { electron, makeReady, wire } = setStage();
    makeReady();
    const window = new electron.BrowserWindow();
    const go = () => wire.ask('navigate', { window: window.id, url: 'https://evil.test/', frame: own, redirect: false });
    const popup = () => wire.ask('open-window', { window: window.id, url: 'https://evil.test/', frameName: '', features: '' });
    const permission = () => wire.ask('permission/request', { window: window.id, permission: 'media', url: own.url });
    expect([await go(), await popup(), await permission()]).toEqual([false, 'allow', true]);
    const asked = vi.fn((event: { preventDefault(): void }) => event.preventDefault());
    window.webContents.on('will-navigate', asked);
    window.webContents.setWindowOpenHandler(() => ({ action: 'deny' }));
    electron.session.defaultSession.setPermissionRequestHandler((_contents, _permission, answer) => answer(false));
    expect([await go(), await popup(), await permission()]).toEqual([true, 'deny', false]);
    expect(asked).toHaveBeenCalledOnce();
  });

  it('a page: the handler of its own session, and only of a scheme that was registered as secure', async () => {
    const { electron, makeReady, wire } = setStage();
    electron.protocol.registerSchemesAsPrivileged([{ scheme: 'app', privileges: { standard: true, secure: true } }]);
    makeReady();
    const { protocol } = electron.session.fromPartition('one');
    protocol.handle('app', ({ url }) => new Response(url, { headers: { 'x-own': 'yes' } }));
    protocol.handle('other', () => new Response(''));
    const request = (partition: string, url: string) => wire.ask('request', { partition, url, method: 'GET', headers: {} });
    const sent = await request('one', 'app://toy/page');
    expect(Buffer.from(sent?.body ?? []).toString()).toBe('app://toy/page');
    expect(sent?.headers).toContainEqual(['x-own', 'yes']);
    expect(await request('two', 'app://toy/page')).toBeNull();
    await expect(request('one', 'other://toy/')).rejects.toThrow('not registered');
  });
});

describe('windows', () => {
  it('one has the focus, and one that is gone gives it back', () => {
    const { electron, makeReady } = setStage();
    makeReady();
    const [first, second] = [new electron.BrowserWindow(), new electron.BrowserWindow()];
    first.show();
    second.show();
    expect([first.isFocused(), second.isFocused()]).toEqual([false, true]);
    const closed = vi.fn();
    electron.app.on('window-all-closed', closed);
    second.destroy();
    expect(electron.BrowserWindow.getFocusedWindow()).toBeNull();
    first.focus();
    expect(first.isFocused()).toBe(true);
    first.on('close', (event) => event.preventDefault());
    first.close();
    expect(first.isDestroyed()).toBe(false);
    first.destroy();
    expect(() => first.show()).toThrow('Object has been destroyed');
    expect(closed).toHaveBeenCalledOnce();
  });
});

describe('addresses', () => {
  it.each(['app://lakepass/', 'app://lakepass/approval', 'app://lakepass/#x', 'app://lakepass'])('%s goes to Chromium and back', (url) => {
    expect(toChromium(url)).toMatch(/^https:\/\/lakepass\.app\.invalid/);
    expect(toMain(toChromium(url))).toBe(url);
  });

  it.each(['https://lakepass.app.invalid.evil.test/', 'https://evil.test/?https://lakepass.app.invalid/', 'about:blank'])(
    '%s is not ours',
    (url) => {
      expect(toMain(url)).toBe(url);
    },
  );
});

describe('the lock of an instance', () => {
  it('is held by one, hands over the words of the second, and leaves nothing behind', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lp-lock-'));
    const heard = Promise.withResolvers<unknown>();
    const first = createInstanceLock({ folder: () => folder, onSecond: heard.resolve });
    const second = createInstanceLock({ folder: () => folder, onSecond: () => undefined });
    expect(first.request({})).toBe(true);
    expect(second.request({ more: 1 })).toBe(false);
    expect(await heard.promise).toMatchObject({ argv: process.argv, data: { more: 1 } });
    first.release();
    expect(readdirSync(folder)).toEqual([]);
    expect(second.request({})).toBe(true);
    second.release();
    rmSync(folder, { recursive: true });
  });
});
