/**
 * `app`: the life of the main process. Order of the end as Electron documents it: `before-quit`, the windows' `close`, `will-quit`, `quit`;
 * whoever prevents one of the first three keeps the app alive; `exit` asks nobody.
 */
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { App, CommandLine } from 'electron';
import { createInstanceLock } from './instance-lock.ts';
import { isPrevented, type Members, makeEvent, part, refuse } from './strict.ts';

export interface LaunchOptions {
  /** The file that runs as the main process. */
  main: string;
  packaged: boolean;
  /** Words after the program. */
  args: readonly string[];
  locale: string;
}

interface Windows {
  all(): { close(): void; destroy(): void; isDestroyed(): boolean }[];
}

export interface AppStandIn {
  app: App;
  emitter: EventEmitter;
  /** To be called once the main file has been evaluated whole, as Electron waits for it. */
  makeReady(): void;
  isReady(): boolean;
  windowClosed(): void;
  protocolClients: string[];
  appended: string[];
}

export function createApp(options: LaunchOptions, windows: Windows): AppStandIn {
  const emitter = new EventEmitter();
  const appPath = dirname(options.main);
  const manifest = readManifest(appPath);
  const ready = Promise.withResolvers<void>();
  const paths = new Map<string, string>();
  const protocolClients: string[] = [];
  const appended: string[] = [];
  let name = manifest.productName ?? manifest.name ?? 'Electron';
  let isReady = false;
  let isQuitting = false;

  const configFolder = (): string => process.env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config');
  const knownPaths: Record<string, () => string> = {
    home: homedir,
    appData: configFolder,
    userData: () => join(configFolder(), name),
    sessionData: () => pathOf('userData'),
    temp: tmpdir,
    exe: () => process.execPath,
    logs: () => join(pathOf('userData'), 'logs'),
    crashDumps: () => join(pathOf('userData'), 'Crashpad'),
  };
  function pathOf(which: string): string {
    const known = knownPaths[which];
    if (known === undefined) return refuse(`app.getPath('${which}')`);
    return paths.get(which) ?? known();
  }

  const lock = createInstanceLock({
    folder: () => pathOf('userData'),
    // Electron waits with it until the first instance is ready.
    onSecond: (second) =>
      void ready.promise.then(() => emitter.emit('second-instance', makeEvent({}), second.argv, second.folder, second.data)),
  });

  const leave = (code: number): never => {
    emitter.emit('quit', makeEvent({}), code);
    lock.release();
    process.exit(code);
  };

  function quit(): void {
    if (isQuitting || isPrevented(emitter, 'before-quit', makeEvent({}))) return;
    isQuitting = true;
    for (const window of windows.all()) {
      window.close();
      if (!window.isDestroyed()) {
        isQuitting = false;
        return;
      }
    }
    if (isPrevented(emitter, 'will-quit', makeEvent({}))) {
      isQuitting = false;
      return;
    }
    leave(0);
  }

  const switches = new Map<string, string>();
  for (const argument of process.argv.slice(1)) {
    const found = /^--?([A-Za-z][\w-]*)(?:=(.*))?$/s.exec(argument);
    if (found?.[1] !== undefined) switches.set(found[1].toLowerCase(), found[2] ?? '');
  }
  const commandLine = part<CommandLine>('app.commandLine', {
    hasSwitch: (key: string) => switches.has(key.toLowerCase()),
    getSwitchValue: (key: string) => switches.get(key.toLowerCase()) ?? '',
    appendSwitch(key: string, value = '') {
      appended.push(value === '' ? key : `${key}=${value}`);
      switches.set(key.toLowerCase(), value);
    },
    removeSwitch: (key: string) => void switches.delete(key.toLowerCase()),
    appendArgument: (value: string) => void appended.push(value),
  });

  const beforeReady = (what: string): void => {
    if (isReady) throw new Error(`${what} can only be called before app is ready`);
  };

  const members: Members<App> = {
    commandLine,
    isPackaged: options.packaged,
    userAgentFallback: 'electron-stand-in',
    whenReady: () => ready.promise,
    isReady: () => isReady,
    quit,
    exit(code = 0) {
      for (const window of windows.all()) window.destroy();
      leave(code);
    },
    getName: () => name,
    setName(next: string) {
      name = next;
    },
    get name() {
      return name;
    },
    set name(next: string) {
      name = next;
    },
    getVersion: () => manifest.version ?? '0.0.0',
    getAppPath: () => appPath,
    getPath: (which: string) => pathOf(which),
    setPath: (which: string, path: string) => void paths.set(which, path),
    setAppLogsPath: (path?: string) => void paths.set('logs', path ?? join(pathOf('userData'), 'logs')),
    getLocale: () => options.locale,
    getSystemLocale: () => options.locale,
    getPreferredSystemLanguages: () => [options.locale],
    enableSandbox: () => beforeReady('app.enableSandbox()'),
    disableHardwareAcceleration: () => beforeReady('app.disableHardwareAcceleration()'),
    requestSingleInstanceLock: (data?: Record<string, unknown>) => lock.request(data ?? {}),
    hasSingleInstanceLock: () => lock.isHeld(),
    releaseSingleInstanceLock: () => lock.release(),
    setAsDefaultProtocolClient(scheme: string) {
      if (!protocolClients.includes(scheme)) protocolClients.push(scheme);
      return true;
    },
    removeAsDefaultProtocolClient(scheme: string) {
      const at = protocolClients.indexOf(scheme);
      if (at !== -1) protocolClients.splice(at, 1);
      return true;
    },
    isDefaultProtocolClient: (scheme: string) => protocolClients.includes(scheme),
    setAppUserModelId: () => undefined,
    focus: () => undefined,
    show: () => undefined,
    hide: () => undefined,
    setBadgeCount: () => false,
  };

  // Electron on Linux takes these for a wish to quit, unless the app listens itself.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (process.listenerCount(signal) === 1) quit();
    });
  }

  return {
    app: part<App>('app', members, emitter),
    emitter,
    makeReady() {
      isReady = true;
      emitter.emit('will-finish-launching');
      emitter.emit('ready', makeEvent({}), {});
      ready.resolve();
    },
    isReady: () => isReady,
    windowClosed() {
      if (isQuitting || windows.all().length > 0) return;
      if (emitter.listenerCount('window-all-closed') === 0) quit();
      else emitter.emit('window-all-closed');
    },
    protocolClients,
    appended,
  };
}

interface Manifest {
  name?: string;
  productName?: string;
  version?: string;
}

/** As Electron reads it, beside the main file; '' is no name. */
function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
}
