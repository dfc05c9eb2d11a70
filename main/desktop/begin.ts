/**
 * What the shell says before Electron is ready: much of it has no effect, or comes too late, afterwards. Nothing of the agent is
 * touched here.
 */
import { join } from 'node:path';
import { leaveLastWords } from '../last-words.ts';
import { arrivalOf, createArrivals } from './arrivals.ts';
import type { Electron } from './electron.ts';
import { guardApp } from './guards.ts';
import { type DesktopOptions, readOptions } from './options.ts';
import { type Compose, type StartParts, startDesktop } from './start.ts';
import { dangerousSwitch } from './switches.ts';
import { scheme } from './window-options.ts';

/** sysexits.h: the command line cannot be used as it is. */
const EX_USAGE = 64;

export interface Beginning {
  electron: Electron;
  /** The whole of it, program first. */
  argv: readonly string[];
  env: NodeJS.ProcessEnv;
  compose: Compose;
  takeOver: StartParts['takeOver'];
  /** Where the build put the preloads and the pages. */
  folder: string;
}

/** Returns at once; the rest follows when Electron is ready. */
export function beginDesktop({ electron, argv, env, compose, takeOver, folder }: Beginning): void {
  const { app, protocol } = electron;
  // check: dangerous-switch-ends
  const dangerous = app.isPackaged ? dangerousSwitch(argv, (name) => app.commandLine.hasSwitch(name)) : null;
  if (dangerous !== null) {
    process.stderr.write(`lakepass does not start with the switch --${dangerous}\n`);
    app.exit(EX_USAGE);
    return;
  }
  // end check
  leaveLastWords();
  // Node opens its debugger to whoever sends this signal; a listener of our own takes its place.
  process.on('SIGUSR1', () => undefined);
  // check: sandbox-everywhere
  app.enableSandbox();
  // end check
  const options = readOptions(argv);
  nameApp(app, options);
  // Never `bypassCSP`: the policy is what holds the pages.
  protocol.registerSchemesAsPrivileged([{ scheme, privileges: { standard: true, secure: true, supportFetchAPI: true } }]);
  // check: single-instance
  if (!app.requestSingleInstanceLock()) {
    app.exit(0);
    return;
  }
  // end check

  const arrivals = createArrivals();
  guardApp({ app, refused: (act) => arrivals.push({ refused: act }) });
  app.on('second-instance', (_event, words) => {
    const arrival = arrivalOf(words);
    if (arrival !== undefined) arrivals.push(arrival);
  });
  app.on('open-url', (event, link) => {
    event.preventDefault();
    arrivals.push({ link });
  });
  app.on('activate', () => arrivals.push({ show: true }));
  // The agent goes on without a window.
  app.on('window-all-closed', () => undefined);
  void app.whenReady().then(() => startDesktop({ electron, env, options, compose, takeOver, folder, arrivals }));
}

/** What Electron calls us, and where Chromium keeps its own things: not among those of the agent. */
function nameApp(app: Electron['app'], { home }: DesktopOptions): void {
  app.setName('Lakepass');
  // The same as in electron-builder.yml: by it Windows knows whose notification it shows.
  app.setAppUserModelId('dev.lakepass.desktop');
  app.setPath('userData', home === undefined ? join(app.getPath('appData'), 'lakepass-desktop') : join(home, 'desktop'));
}
