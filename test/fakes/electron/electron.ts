/**
 * A stand-in for Electron that remembers. Everything is typed by Electron's own types, so that an upgrade which changes a signature fails
 * `tsc`; what is not here is undefined, and whoever uses it fails. `test/hosts/shell-sim` has one with real pages.
 */
import { EventEmitter } from 'node:events';
import type {
  App,
  BrowserWindow,
  BrowserWindowConstructorOptions,
  Clipboard,
  CommandLine,
  CustomScheme,
  Dialog,
  IpcMain,
  MenuItemConstructorOptions,
  MessageBoxOptions,
  NativeImage,
  NotificationConstructorOptions,
  Protocol,
  Session,
  Shell,
  WebContents,
  WebFrameMain,
  WebRequest,
} from 'electron';
import type { Electron } from '../../../main/desktop/electron.ts';

/** What a handler may prevent. */
export const preventable = () => {
  const event = {
    defaultPrevented: false,
    preventDefault: () => {
      event.defaultPrevented = true;
    },
  };
  return event;
};

type Of<T> = Partial<Omit<T, keyof EventEmitter>>;
const emitting = <T>(members: Of<T>): T & EventEmitter =>
  Object.defineProperties(new EventEmitter(), Object.getOwnPropertyDescriptors(members)) as unknown as T & EventEmitter;

export type PermissionRequest = NonNullable<Parameters<Session['setPermissionRequestHandler']>[0]>;
export type PermissionCheck = NonNullable<Parameters<Session['setPermissionCheckHandler']>[0]>;
export type DevicePermission = NonNullable<Parameters<Session['setDevicePermissionHandler']>[0]>;
export type BeforeRequest = (details: { url: string }, callback: (answer: { cancel?: boolean }) => void) => void;

export interface FakeSession extends EventEmitter {
  readonly session: Session;
  permissionRequest: PermissionRequest | null;
  permissionCheck: PermissionCheck | null;
  devicePermission: DevicePermission | null;
  beforeRequest: BeforeRequest | null;
  spellChecked: boolean;
  readonly protocols: Map<string, (request: Request) => Response | Promise<Response>>;
}

function makeSession(): FakeSession {
  const fake = {
    ...{ permissionRequest: null, permissionCheck: null, devicePermission: null, beforeRequest: null, spellChecked: true },
    protocols: new Map(),
  } as unknown as FakeSession;
  const webRequest: Of<WebRequest> = {
    onBeforeRequest: ((listener: unknown) => {
      fake.beforeRequest = listener as BeforeRequest;
    }) as WebRequest['onBeforeRequest'],
  };
  const protocol: Of<Protocol> = { handle: (scheme, handler) => void fake.protocols.set(scheme, handler as never) };
  const session = emitting<Session>({
    webRequest: webRequest as WebRequest,
    protocol: protocol as Protocol,
    setPermissionRequestHandler: (handler) => {
      fake.permissionRequest = handler;
    },
    setPermissionCheckHandler: (handler) => {
      fake.permissionCheck = handler;
    },
    setDevicePermissionHandler: (handler) => {
      fake.devicePermission = handler;
    },
    setSpellCheckerEnabled: (enable) => {
      fake.spellChecked = enable;
    },
  });
  return Object.assign(fake, { session });
}

/** A page of a window, or somebody else's. */
export interface FakeContents extends EventEmitter {
  readonly sent: [string, unknown][];
  loading: boolean;
  windowOpen: ((details: { url: string }) => { action: string }) | undefined;
  mainFrame: WebFrameMain;
}

let frames = 0;
export const makeFrame = (url: string, parent: WebFrameMain | null = null): WebFrameMain =>
  ({ url, parent, detached: false, isDestroyed: () => false, frameTreeNodeId: ++frames }) as unknown as WebFrameMain;

export function makeContents(url: string): WebContents & FakeContents {
  const sent: [string, unknown][] = [];
  const contents = Object.assign(new EventEmitter(), {
    ...{ sent, loading: false, windowOpen: undefined as FakeContents['windowOpen'], mainFrame: makeFrame(url) },
    send: (channel: string, value: unknown) => void sent.push([channel, value]),
    isLoading: () => contents.loading,
    setWindowOpenHandler: (handler: FakeContents['windowOpen']) => {
      contents.windowOpen = handler;
    },
  });
  return contents as unknown as WebContents & FakeContents;
}

/** Windows say what was done to them, in order. */
export interface FakeWindow extends EventEmitter {
  readonly options: BrowserWindowConstructorOptions;
  readonly done: string[];
  readonly webContents: WebContents & FakeContents;
  minimized: boolean;
}

function windowClass(made: FakeWindow[]): Electron['BrowserWindow'] {
  class Window extends EventEmitter {
    readonly done: string[] = [];
    readonly webContents = makeContents('');
    readonly options: BrowserWindowConstructorOptions;
    minimized = false;
    gone = false;
    constructor(options: BrowserWindowConstructorOptions) {
      super();
      this.options = options;
      made.push(this as unknown as FakeWindow);
    }
    async loadURL(url: string): Promise<void> {
      this.done.push(`load ${url}`);
      this.webContents.mainFrame = makeFrame(url);
    }
    show = (): void => void this.done.push('show');
    showInactive = (): void => void this.done.push('show inactive');
    focus = (): void => void this.done.push('focus');
    moveTop = (): void => void this.done.push('move top');
    restore = (): void => void this.done.push('restore');
    isMinimized = (): boolean => this.minimized;
    isDestroyed = (): boolean => this.gone;
    destroy(): void {
      if (this.gone) return;
      this.gone = true;
      this.done.push('destroy');
      this.emit('closed');
    }
  }
  return Window satisfies new (
    options: BrowserWindowConstructorOptions,
  ) => Of<BrowserWindow> as unknown as Electron['BrowserWindow'];
}

export interface FakeTray extends EventEmitter {
  image: string;
  images: string[];
  tooltip: string;
  menu: MenuItemConstructorOptions[];
  menus: number;
  gone: boolean;
}

export interface FakeNotification extends EventEmitter {
  options: NotificationConstructorOptions;
  shown: boolean;
  closed: boolean;
}

export interface FakeElectron {
  readonly electron: Electron;
  readonly app: App & EventEmitter;
  readonly power: EventEmitter;
  /** What was done before anything else, in order: what must precede `ready` can be seen here. */
  readonly done: string[];
  readonly schemes: CustomScheme[];
  readonly switches: Set<string>;
  readonly defaultSession: FakeSession;
  readonly sessions: Map<string, FakeSession>;
  readonly windows: FakeWindow[];
  readonly handlers: Map<string, Parameters<IpcMain['handle']>[1]>;
  readonly trays: FakeTray[];
  readonly notifications: FakeNotification[];
  readonly dialogs: MessageBoxOptions[];
  readonly opened: string[];
  readonly copied: string[];
  readonly templates: string[];
  /** The menu of the app: what was set last. */
  appMenu: MenuItemConstructorOptions[] | null | undefined;
  /** openExternal rejects. */
  noBrowser: boolean;
  firstInstance: boolean;
  loginItem: { openAtLogin?: boolean; args?: string[] } | undefined;
  makeReady(): void;
}

export function fakeElectron({ packaged = true }: { packaged?: boolean } = {}): FakeElectron {
  const done: string[] = [];
  const ready = Promise.withResolvers<void>();
  const paths = new Map([
    ['appData', '/home/ada/.config'],
    ['exe', '/opt/Lakepass/lakepass-desktop'],
  ]);
  const windows: FakeWindow[] = [];
  const trays: FakeTray[] = [];
  const notifications: FakeNotification[] = [];
  const fake: FakeElectron = {
    ...{ done, windows, trays, notifications, firstInstance: true, noBrowser: false, loginItem: undefined, appMenu: undefined },
    ...{ schemes: [], switches: new Set(), sessions: new Map(), handlers: new Map(), dialogs: [], opened: [], copied: [], templates: [] },
    defaultSession: makeSession(),
    power: new EventEmitter(),
  } as unknown as FakeElectron;
  const commandLine: Of<CommandLine> = { hasSwitch: (name) => fake.switches.has(name) };
  const app = emitting<App>({
    isPackaged: packaged,
    commandLine: commandLine as CommandLine,
    enableSandbox: () => void done.push('sandbox'),
    setName: (name) => void done.push(`name ${name}`),
    setAppUserModelId: (id) => void done.push(`model ${id}`),
    setPath: (name, path) => void done.push(`path ${name} ${path}`),
    getPath: (name) => paths.get(name) ?? '',
    getAppPath: () => '/opt/Lakepass/app',
    requestSingleInstanceLock: () => fake.firstInstance,
    setAsDefaultProtocolClient: (scheme, path, args) => Boolean(done.push(`protocol ${[scheme, path, ...(args ?? [])].join(' ')}`)),
    whenReady: () => ready.promise,
    getLoginItemSettings: () => ({ openAtLogin: fake.loginItem?.openAtLogin ?? false }) as ReturnType<App['getLoginItemSettings']>,
    setLoginItemSettings: (settings) => {
      fake.loginItem = settings;
    },
    exit: (code) => void done.push(`exit ${code}`),
    quit: () => void app.emit('before-quit', preventable()),
  });
  app.on('newListener', (event) => done.push(`listens to ${String(event)}`));

  class Menu {
    readonly items: MenuItemConstructorOptions[];
    constructor(items: MenuItemConstructorOptions[]) {
      this.items = items;
    }
    static buildFromTemplate = (items: MenuItemConstructorOptions[]) => new Menu(items);
    static setApplicationMenu = (menu: Menu | null) => {
      fake.appMenu = menu?.items ?? null;
    };
  }
  class Tray extends EventEmitter {
    images: string[] = [];
    tooltip = '';
    menu: MenuItemConstructorOptions[] = [];
    menus = 0;
    gone = false;
    constructor(image: { path: string }) {
      super();
      this.setImage(image);
      trays.push(this as unknown as FakeTray);
    }
    get image(): string {
      return this.images.at(-1) ?? '';
    }
    setImage = (image: { path: string }): void => void this.images.push(image.path);
    setToolTip = (text: string): void => {
      this.tooltip = text;
    };
    setContextMenu(menu: Menu): void {
      this.menu = menu.items;
      this.menus += 1;
    }
    destroy = (): void => {
      this.gone = true;
    };
  }
  class Notification extends EventEmitter {
    shown = false;
    closed = false;
    readonly options: NotificationConstructorOptions;
    constructor(options: NotificationConstructorOptions) {
      super();
      this.options = options;
      notifications.push(this as unknown as FakeNotification);
    }
    static isSupported = () => true;
    show = (): void => {
      this.shown = true;
    };
    close(): void {
      this.closed = true;
      this.emit('close');
    }
  }
  const protocol: Of<Protocol> = {
    registerSchemesAsPrivileged(schemes) {
      done.push('schemes');
      fake.schemes.push(...schemes);
    },
  };
  const shell: Of<Shell> = {
    async openExternal(url) {
      if (fake.noBrowser) throw new Error('no application is registered');
      fake.opened.push(url);
    },
  };
  const ipcMain: Of<IpcMain> = { handle: (channel, handler) => void fake.handlers.set(channel, handler) };
  const clipboard: Of<Clipboard> = { writeText: async (text) => void fake.copied.push(text) };
  const dialog: Of<Dialog> = {
    showMessageBox: (async (options: MessageBoxOptions) => {
      fake.dialogs.push(options);
      return { response: 0, checkboxChecked: false };
    }) as Dialog['showMessageBox'],
  };
  const session = {
    defaultSession: fake.defaultSession.session,
    fromPartition(partition: string) {
      const known = fake.sessions.get(partition) ?? makeSession();
      fake.sessions.set(partition, known);
      return known.session;
    },
  };
  const nativeImage = {
    createFromPath: (path: string) => ({ path, setTemplateImage: () => void fake.templates.push(path) }) as unknown as NativeImage,
  };
  const electron = {
    ...{ app, clipboard, dialog, ipcMain, Menu, Notification, nativeImage, nativeTheme: { themeSource: 'system' } },
    ...{ powerMonitor: fake.power, protocol, session, shell, Tray, BrowserWindow: windowClass(windows) },
  } satisfies Record<keyof Electron, unknown> as unknown as Electron;
  return Object.assign(fake, { electron, app, makeReady: () => ready.resolve() });
}
