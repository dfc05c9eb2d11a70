/**
 * Electron's main process, as far as the shell uses it. It speaks to the windows' side over the wire and to nobody else. Whatever is not
 * here throws by name; what is here has the types of Electron itself, so that an upgrade which changes a signature fails `tsc`.
 */
import type * as Electron from 'electron';
import { createApp, type LaunchOptions } from './app.ts';
import { createSessions } from './sessions.ts';
import { makeEvent, refuse, refused } from './strict.ts';
import { createSurroundings } from './surroundings.ts';
import { createWindows } from './windows.ts';
import { type Drive, type MainTable, openWire, type Seen, type WindowsTable, type Wire } from './wire.ts';

export interface Channel {
  send: (said: unknown) => void;
  onMessage: (listener: (said: unknown) => void) => void;
}

export type Implemented =
  | 'app'
  | 'BrowserWindow'
  | 'clipboard'
  | 'dialog'
  | 'ipcMain'
  | 'Menu'
  | 'MenuItem'
  | 'nativeImage'
  | 'nativeTheme'
  | 'Notification'
  | 'powerMonitor'
  | 'protocol'
  | 'session'
  | 'shell'
  | 'Tray';

export function createStandIn(options: LaunchOptions, channel: Channel) {
  let wire: Wire<WindowsTable>;
  const theWire = () => wire;
  const windowList: { all: () => ReturnType<typeof windows.all> } = { all: () => windows.all() };
  const life = createApp(options, windowList);
  const sessions = createSessions({
    isReady: life.isReady,
    onMade: (session) => life.emitter.emit('session-created', session),
  });
  const windows = createWindows({
    ...{ isReady: life.isReady, sessions, appEvents: life.emitter, wire: theWire },
    onClosed: life.windowClosed,
  });
  const surroundings = createSurroundings({ isReady: life.isReady, wire: theWire });
  const { parts } = surroundings;

  const electron = {
    app: life.app,
    BrowserWindow: windows.BrowserWindow as unknown as typeof Electron.BrowserWindow,
    ipcMain: windows.ipcMain,
    session: sessions.session as unknown as typeof Electron.session,
    protocol: sessions.protocol,
    ...{ clipboard: parts.clipboard, dialog: parts.dialog, shell: parts.shell },
    ...{ nativeTheme: parts.nativeTheme, powerMonitor: parts.powerMonitor },
    nativeImage: parts.nativeImage as unknown as typeof Electron.nativeImage,
    Menu: parts.Menu as unknown as typeof Electron.Menu,
    MenuItem: parts.MenuItem as unknown as typeof Electron.MenuItem,
    Tray: parts.Tray as unknown as typeof Electron.Tray,
    Notification: parts.Notification as unknown as typeof Electron.Notification,
  } satisfies Pick<typeof import('electron'), Implemented>;

  function drive(what: Drive): undefined {
    if (what.act === 'app') {
      if (what.event === 'open-url') life.emitter.emit('open-url', makeEvent({}), what.url ?? '');
      else life.emitter.emit('activate', makeEvent({}), windows.all().length > 0);
    } else if (what.act === 'window') windows.drive(what.window, what.event);
    else surroundings.drive(what);
  }

  const look = (): Seen => ({
    windows: windows.all().map((window) => ({
      ...{ id: window.id, title: window.state.title, url: window.contents.current.url },
      ...{ visible: window.isVisible(), focused: window.isFocused(), minimized: window.isMinimized(), alwaysOnTop: window.isAlwaysOnTop() },
      bounds: window.getBounds(),
      webPreferences: plain(window.options.webPreferences ?? {}),
    })),
    ...surroundings.seen(),
    protocolClients: [...life.protocolClients],
    commandLine: [...life.appended],
    refused: [...refused],
  });

  wire = openWire<WindowsTable, MainTable>(channel, {
    request: ({ partition, ...ask }) => sessions.of(partition).answer(ask),
    'before-request': ({ partition, ...ask }) => sessions.of(partition).mayLeave(ask),
    navigate: windows.navigate,
    'open-window': windows.openWindow,
    'permission/request': windows.requestPermission,
    'permission/check': windows.checkPermission,
    webview: windows.webview,
    download: windows.download,
    invoke: windows.invoke,
    send: windows.send,
    loaded: windows.loaded,
    gone: windows.lost,
    drive,
    look,
  });
  return { electron, makeReady: life.makeReady, refuse };
}

/** What of it can cross: a session given by hand is named alone. */
function plain(preferences: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(preferences).map(([name, value]) => [name, typeof value === 'object' ? '[object]' : value]));
}
