/** The stand-in for Electron, with a small main process of its own in a real Chromium: what it does must be what Electron does. */
import { chmodSync, copyFileSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from '@playwright/test';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundle } from '../../main/build.ts';
import { openChromium } from '../hosts/chromium.ts';
import { type Sim, startSim } from '../hosts/shell-sim/sim.ts';
import { makeHome, testUser } from '../machine/accounts.ts';

const account = testUser();
let browser: Browser;
let folder: string;
let home: string;
let node: string;
let sim: Sim;
let page: Page;

const start = (args: readonly string[] = []): Sim =>
  startSim({ account, home, node, launch: join(folder, 'launch.mjs'), main: join(folder, 'toy-main.mjs'), args, browser });

beforeAll(async () => {
  browser = await openChromium();
  folder = mkdtempSync(join(tmpdir(), 'lp-toy-'));
  cpSync(fileURLToPath(new URL('../hosts/shell-sim/toy', import.meta.url)), folder, { recursive: true });
  // Mode 0700 as it was made; the test user must read it.
  chmodSync(folder, 0o755);
  home = makeHome(account);
  await bundle('test/hosts/shell-sim/launch.ts', folder, 'launch.mjs');
  node = join(folder, 'node');
  copyFileSync(process.execPath, node);
  sim = start();
  await sim.launched;
  page = (await sim.screen.windowAt('app://toy/')).page;
});
afterAll(async () => {
  sim?.kill('SIGKILL');
  await sim?.ended;
  await browser?.close();
  for (const made of [folder, home].filter(Boolean)) rmSync(made, { recursive: true, force: true });
});

const ask = (message: unknown): Promise<unknown> =>
  page.evaluate(`window.toy.ask(${JSON.stringify(message)}).catch((error) => 'refused: ' + error.message)`);
const asked = async (): Promise<string[]> => ((await ask('asked')) as string[][]).map((each) => each.join(' '));

describe('the bridge', () => {
  it('shows what the preload exposes before any script of the page, and nothing else', async () => {
    expect(await page.title()).toBe('Toy bridge');
    expect(await page.evaluate('[typeof require, typeof process, typeof toMain, typeof hear, Object.isFrozen(window.toy)]')).toEqual([
      ...['undefined', 'undefined', 'undefined', 'undefined'],
      true,
    ]);
    expect(await page.evaluate("try { 'use strict'; window.toy.name = 'x'; } catch {} window.toy.name")).toBe('bridge');
  });

  it('carries values both ways, and what main sends reaches the listener of the page until it stops listening', async () => {
    const value = { text: 'ä', list: [1, null, { deep: true }] };
    expect(await ask(value)).toEqual(value);
    await ask('news');
    await page.getByText('it works').waitFor();
    const stopped = 'window.got = []; const stop = window.toy.onNews((news) => window.got.push(news)); stop(); typeof stop';
    expect(await page.evaluate(stopped)).toBe('function');
    await ask('news');
    expect(await page.evaluate('window.got')).toEqual([]);
  });

  it('clones what crosses and refuses what cannot be cloned', async () => {
    expect(await ask('function')).toContain('could not be cloned');
    expect(await page.evaluate('(async () => window.toy.ask(Symbol("x")))().catch((error) => error.message)')).toContain(
      'could not be cloned',
    );
    expect(await page.evaluate('(async () => window.toy.ask(document.body))().catch((error) => error.message)')).toContain(
      'could not be cloned',
    );
  });

  it('an error crosses as its message alone', async () => {
    expect(await ask('fail')).toBe("refused: Error invoking remote method 'toy': TypeError: as asked");
  });

  it('a preload has what a sandboxed one has', async () => {
    const reach = (name: string) => page.evaluate(`window.toy.reach(${JSON.stringify(name)})`);
    expect(await reach('node:fs')).toBe('module not found: node:fs');
    expect(await page.evaluate('window.toy.raw()')).toBe('the stand-in for electron has no ipcRenderer.sendSync');
  });
});

describe('what is not there', () => {
  it('throws by name', async () => {
    expect(await ask('missing')).toContain('the stand-in for electron has no BrowserWindow.setThumbarButtons');
    expect(await ask('updater')).toContain('the stand-in for electron has no autoUpdater.checkForUpdates');
    expect((await sim.look()).refused).toEqual(['BrowserWindow.setThumbarButtons', 'autoUpdater.checkForUpdates']);
  });

  it('a window that was destroyed says so', async () => {
    expect(await ask('destroyed')).toBe('Object has been destroyed');
  });
});

describe('who sends', () => {
  it('is the main frame, told by Chromium', async () => {
    expect(await ask('who')).toEqual({ url: 'app://toy/', parent: null, isMain: true });
  });

  it('is the frame itself where a frame within sends, and nobody where it is gone', async () => {
    await page.evaluate("document.body.append(document.createElement('iframe'))");
    const [, frame] = page.frames();
    if (frame === undefined) throw new Error('there is no frame');
    expect(await sim.screen.invokeFrom(frame, 'toy', 'who')).toEqual({ url: 'about:blank', parent: 'app://toy/', isMain: false });
    const [window] = sim.screen.windows();
    if (window === undefined) throw new Error('there is no window');
    expect(await sim.screen.invokeFromGone(window, 'toy', 'who')).toEqual({ url: null, parent: null, isMain: false });
  });
});

describe('what a page tries', () => {
  it('its policy holds: no inline script, no string as script', async () => {
    await page
      .evaluate("document.body.append(Object.assign(document.createElement('script'), { text: 'window.evil = 1' }))")
      .catch(() => undefined);
    expect(await page.evaluate('window.evil')).toBeUndefined();
    expect(
      await page.evaluate(
        "(() => { try { document.body.innerHTML = '<b>x</b>'; return 'done'; } catch (error) { return error.name; } })()",
      ),
    ).toBe('TypeError');
  });

  it('the app is asked about every way out, and what it refuses does not happen', async () => {
    sim.screen.site = () => ({ body: '<title>evil</title>' });
    await page.evaluate("location.assign('https://evil.test/away')");
    await expect
      .poll(asked)
      .toEqual(expect.arrayContaining(['will-navigate https://evil.test/away', 'will-frame-navigate https://evil.test/away']));
    await page.evaluate("window.open('https://evil.test/popup')");
    await expect.poll(asked).toContain('open https://evil.test/popup');
    await page.evaluate(
      "document.body.append(Object.assign(document.createElement('a'), { href: 'mailto:x@y.test', id: 'mail' })); document.getElementById('mail').click()",
    );
    await expect.poll(asked).toContain('will-navigate mailto:x@y.test');
    expect(await sim.screen.attachWebview(sim.screen.windows()[0] as never, 'https://evil.test/')).toBe(false);
    expect(page.url()).toBe('https://toy.app.invalid/');
    expect(sim.screen.reached).toEqual([]);
    expect(page.context().pages()).toHaveLength(1);
  });

  it('the app is asked for every permission', async () => {
    const tries = [
      'navigator.mediaDevices.getUserMedia({ audio: true }).catch((error) => error.name)',
      'Notification.requestPermission()',
      'new Promise((done) => navigator.geolocation.getCurrentPosition(() => done("here"), ({ code }) => done(code)))',
      'navigator.clipboard.readText().catch((error) => error.name)',
      "navigator.permissions.query({ name: 'geolocation' }).then(({ state }) => state)",
    ];
    expect(await Promise.all(tries.map((each) => page.evaluate(each)))).toEqual([
      'NotAllowedError',
      'denied',
      1,
      'NotAllowedError',
      'denied',
    ]);
    expect(await asked()).toEqual(
      expect.arrayContaining([
        'permission media',
        'permission notifications',
        'permission geolocation',
        'permission clipboard-read',
        'check geolocation',
      ]),
    );
  });
});

describe('the life of an app', () => {
  it('whoever comes second hands over what it was started with', async () => {
    const second = start(['--hello']);
    expect((await second.ended).code).toBe(7);
    await expect.poll(asked).toContain('second --hello');
  });

  it('tray and notification can be looked at and driven', async () => {
    await sim.drive({ act: 'menu', menu: 'tray', path: ['More', 'Notify'] });
    expect(await sim.look()).toMatchObject({ trays: [{ tooltip: 'Toy' }], notifications: [{ title: 'Hello', shown: true }] });
  });

  it('ends in the order that is documented', async () => {
    await sim.drive({ act: 'menu', menu: 'tray', path: ['Quit'] }).catch(() => undefined);
    expect((await sim.ended).code).toBe(0);
    expect(sim.said()).toBe('before-quit\nwill-quit\nquit\n');
  });
});
