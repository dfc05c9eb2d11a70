/** The built desktop app on the real Electron: Playwright shows its windows, and its main process is reached by Node's inspector. */
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { _electron, type ElectronApplication, type JSHandle, type Page } from '@playwright/test';
import type { BrowserWindow } from 'electron';
import { type Account, environmentOf, isRoot, runAs } from '../../machine/accounts.ts';
import { abilities, type Host, type HostOptions } from '../host.ts';
import { makeGround } from '../parts.ts';

const pages = { main: 'app://lakepass/', approval: 'app://lakepass/approval' } as const;
const moment = (): Promise<void> => new Promise((done) => setTimeout(done, 25));

/**
 * The Electron that is on the disk: the one LAKEPASS_ELECTRON names, or the one that npm's package has fetched. The package is looked
 * at and not loaded, for it fetches what is not there. undefined: there is none.
 *
 * @throws where LAKEPASS_ELECTRON names nothing
 */
export function electronBinary(): string | undefined {
  const named = process.env['LAKEPASS_ELECTRON'];
  if (named !== undefined && !existsSync(named)) throw new Error(`LAKEPASS_ELECTRON is ${named}, and nothing is there`);
  if (named !== undefined) return named;
  const folder = dirname(createRequire(import.meta.url).resolve('electron/package.json'));
  const note = join(folder, 'path.txt');
  const fetched = existsSync(note) ? join(folder, 'dist', readFileSync(note, 'utf8').trim()) : undefined;
  return fetched !== undefined && existsSync(fetched) ? fetched : undefined;
}

interface Running {
  app: ElectronApplication;
  pid: number;
  /** In the main process: what was given to the system browser and not yet followed. */
  opened: JSHandle<string[]>;
  ended: Promise<number | null>;
}

/** @param binary an Electron that the test user may run */
export async function openElectron(options: HostOptions, binary: string): Promise<Host> {
  const ground = await makeGround(options);
  const { product, person, vault } = ground;
  const { user, dist } = product.machine;
  const env = { ...display(), BROWSER: 'none', ...ground.env };
  const wordsFor = (args: readonly string[]): string[] => [dist, ...(vault === 'keychain' ? [] : ['--vault', vault]), ...args];
  let current: Running | undefined;
  const running = (): Running => {
    if (current === undefined) throw new Error('the app does not run');
    return current;
  };

  async function launch(args: readonly string[]): Promise<Running> {
    const app = await _electron.launch({
      executablePath: asUser(binary, user, product.home),
      args: wordsFor(args),
      cwd: product.home,
      env: environmentOf(user, { home: product.home, env }),
      // Else Playwright adds `--no-sandbox`, and the walls under test are gone.
      chromiumSandbox: true,
    });
    const main = app.process();
    const ended = once(main, 'exit').then(([code]: (number | null)[]) => code ?? null);
    const opened = await app.evaluateHandle(({ shell }) => {
      const urls: string[] = [];
      shell.openExternal = async (url) => void urls.push(url);
      return urls;
    });
    return { app, pid: main.pid ?? 0, opened, ended };
  }

  /** Waits for what `look` finds. @throws where the app has ended, for then it never comes */
  async function found<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
    for (;;) {
      const { exitCode, signalCode } = running().app.process();
      if (exitCode !== null || signalCode !== null) throw new Error(`the app has ended (${exitCode ?? signalCode})`);
      const it = await look();
      if (it !== undefined) return it;
      await moment();
    }
  }
  const shown = (url: string): Page | undefined =>
    running()
      .app.windows()
      .find((page) => page.url() === url);
  const windowAt = (url: string): Promise<Page> => found(() => shown(url));
  const nextOpened = (): Promise<string> => found(() => running().opened.evaluate((urls) => urls.shift()));
  const power = (event: string) => async (): Promise<void> => {
    await running().app.evaluate(({ powerMonitor }, name) => powerMonitor.emit(name), event);
  };

  return {
    name: 'electron',
    has: abilities.electron,
    ...{ product, person },
    machine: {
      lockScreen: power('lock-screen'),
      unlockScreen: power('unlock-screen'),
      sleep: power('suspend'),
      wake: power('resume'),
    },
    async start(args = []) {
      current = await launch(args);
      if (!args.includes('--hidden')) await windowAt(pages.main);
      else await found(async () => ((await product.lakepass(['status', '--no-start'])).code === 0 ? true : undefined));
    },
    async stop() {
      const { app, ended } = running();
      await app.evaluate(({ app: shell }) => shell.quit());
      const code = await ended;
      if (code !== 0) throw new Error(`the app ended with ${code}`);
    },
    async kill() {
      running().app.process().kill('SIGKILL');
      await running().ended;
    },
    pid: async () => running().pid,
    async window() {
      // As a click on the icon in the dock.
      if (shown(pages.main) === undefined) await running().app.evaluate(({ app }) => app.emit('activate'));
      const page = await windowAt(pages.main);
      await page.getByRole('navigation').waitFor();
      return page;
    },
    async closeWindow() {
      const page = shown(pages.main);
      if (page === undefined) return;
      const gone = page.waitForEvent('close');
      const window: JSHandle<BrowserWindow> = await running().app.browserWindow(page);
      await window.evaluate((each) => each.close());
      await gone;
    },
    async approval() {
      const main = (await windowAt(pages.approval)).getByRole('main');
      await main.waitFor();
      return main;
    },
    async quiet() {
      while (shown(pages.approval) !== undefined) await moment();
    },
    async follow(act) {
      const [whole, url] = await Promise.all([person(), nextOpened(), act()]);
      await whole.page.goto(url);
      return whole;
    },
    run: (args) => product.lakepass(args),
    get sim(): never {
      throw new Error('the real Electron has no stand-in to be looked at');
    },
    startAgain: (args) => runAs(user, binary, wordsFor(args), { home: product.home, env }),
    async close() {
      if (current !== undefined) {
        current.app.process().kill('SIGTERM');
        await current.ended;
      }
      current = undefined;
      await ground.close();
    },
  };
}

/** The screen that the windows are shown on. The test user has a runtime folder of their own, and a Wayland screen is named within ours. */
function display(): NodeJS.ProcessEnv {
  const { DISPLAY, WAYLAND_DISPLAY, XAUTHORITY, XDG_RUNTIME_DIR } = process.env;
  const wayland = WAYLAND_DISPLAY ? { WAYLAND_DISPLAY: resolve(XDG_RUNTIME_DIR ?? '/', WAYLAND_DISPLAY) } : {};
  return { ...(DISPLAY ? { DISPLAY } : {}), ...(XAUTHORITY ? { XAUTHORITY } : {}), ...wayland };
}

/** Playwright starts programs as whoever it is itself; as root, which Electron's sandbox refuses, a script in between gives that up. */
function asUser(binary: string, { uid, gid }: Account, home: string): string {
  if (!isRoot) return binary;
  const script = join(home, 'electron.sh');
  const quoted = `'${binary.replaceAll("'", "'\\''")}'`;
  writeFileSync(script, `#!/bin/sh\nexec setpriv --reuid=${uid} --regid=${gid} --clear-groups -- ${quoted} "$@"\n`, { mode: 0o755 });
  return script;
}
