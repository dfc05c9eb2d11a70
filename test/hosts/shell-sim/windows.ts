/** `BrowserWindow`, `webContents` and `ipcMain`: what main knows of its windows. Their pages live in Chromium, on the other side of the wire. */
import { EventEmitter } from 'node:events';
import type { BrowserWindowConstructorOptions, IpcMain, Rectangle, WebContents, WebFrameMain } from 'electron';
import type { SessionStandIn, Sessions } from './sessions.ts';
import { isPrevented, type Members, makeEvent, mortal, part, refuse, strict } from './strict.ts';
import type { FrameView, MainTable, WindowsTable, Wire } from './wire.ts';

type Ask<N extends keyof MainTable> = MainTable[N]['ask'];
type InvokeHandler = Parameters<IpcMain['handle']>[1];

/** What a page may be given that this stand-in cannot give: whoever asks for it is refused, so that nobody believes it was tried. */
const mustBe = { sandbox: true, contextIsolation: true } as const;
const mustNotBe = [
  'nodeIntegration',
  'nodeIntegrationInWorker',
  'nodeIntegrationInSubFrames',
  'webviewTag',
  'experimentalFeatures',
  'allowRunningInsecureContent',
  'plugins',
] as const;

interface Parts {
  isReady: () => boolean;
  sessions: Sessions;
  appEvents: EventEmitter;
  wire: () => Wire<WindowsTable>;
  onClosed: () => void;
}

export function createWindows({ isReady, sessions, appEvents, wire, onClosed }: Parts) {
  const open = new Map<number, WindowStandIn>();
  const handlers = new Map<string, InvokeHandler>();
  const ipcEvents = new EventEmitter();
  let count = 0;
  let focused: number | null = null;

  const ipcMain = part<IpcMain>(
    'ipcMain',
    {
      handle(channel: string, handler: InvokeHandler) {
        if (handlers.has(channel)) throw new Error(`Attempted to register a second handler for '${channel}'`);
        handlers.set(channel, handler);
      },
      handleOnce(channel: string, handler: InvokeHandler) {
        this.handle?.(channel, (event, ...args) => {
          handlers.delete(channel);
          return handler(event, ...args);
        });
      },
      removeHandler: (channel: string) => void handlers.delete(channel),
    } as Members<IpcMain>,
    ipcEvents,
  );

  class ContentsStandIn extends EventEmitter implements Members<WebContents> {
    readonly id: number;
    readonly of: SessionStandIn;
    readonly frames = new Map<string, WebFrameMain>();
    opener = null;
    current = { url: '', title: '' };
    frame: FrameView;
    destroyed = false;
    loads = 0;
    handler: ((details: never) => { action: string }) | undefined;

    constructor(id: number, of: SessionStandIn) {
      super();
      this.id = id;
      this.of = of;
      this.frame = { url: '', routingId: 1, processId: 1000 + id, parent: null };
    }
    get session() {
      return this.of.session;
    }
    get ipc(): IpcMain {
      return refuse('webContents.ipc');
    }
    get mainFrame(): WebFrameMain {
      return this.frameOf(this.frame);
    }
    /** One object per frame, as `event.senderFrame === contents.mainFrame` must hold. A frame that has gone to another origin is another. */
    frameOf(view: FrameView): WebFrameMain {
      const key = `${view.processId} ${view.routingId} ${originOf(view.url)}`;
      const known = this.frames.get(key) as (WebFrameMain & { view: FrameView }) | undefined;
      if (known !== undefined) {
        known.view = view;
        return known;
      }
      const frame = makeFrame(view, (parent) => this.frameOf(parent));
      this.frames.set(key, frame);
      return frame;
    }
    send(channel: string, ...args: unknown[]): void {
      const cloned = structuredClone(args);
      if (this.destroyed) throw new TypeError('Object has been destroyed');
      void wire().ask('tell', { window: this.id, channel, args: cloned });
    }
    async loadURL(url: string): Promise<void> {
      this.loads += 1;
      try {
        await wire().ask('load', { window: this.id, url });
      } finally {
        this.loads -= 1;
      }
    }
    getURL = () => this.current.url;
    getTitle = () => this.current.title;
    getType = () => 'window' as const;
    getProcessId = () => this.frame.processId;
    getOSProcessId = () => this.frame.processId;
    isDestroyed = () => this.destroyed;
    isCrashed = () => false;
    isLoading = () => this.loads > 0;
    isFocused = () => focused === this.id;
    isDevToolsOpened = () => false;
    executeJavaScript = (code: string): Promise<unknown> => wire().ask('evaluate', { window: this.id, code });
    reload = (): void => void wire().ask('reload', { window: this.id });
    focus = (): void => undefined;
    setVisualZoomLevelLimits = async (): Promise<void> => undefined;
    setZoomFactor = (): void => undefined;
    setZoomLevel = (): void => undefined;
    setIgnoreMenuShortcuts = (): void => undefined;
    setBackgroundThrottling = (): void => undefined;
    setWebRTCIPHandlingPolicy = (): void => undefined;
    close = (): void => open.get(this.id)?.close();
    setWindowOpenHandler(handler: NonNullable<ContentsStandIn['handler']>): void {
      this.handler = handler;
    }
  }

  class WindowStandIn extends EventEmitter {
    readonly id: number;
    readonly webContents: WebContents;
    readonly contents: ContentsStandIn;
    readonly options: BrowserWindowConstructorOptions;
    readonly state: { title: string; visible: boolean; minimized: boolean; alwaysOnTop: boolean; bounds: Rectangle };
    gone = false;
    shownOnce = false;

    constructor(options: BrowserWindowConstructorOptions = {}) {
      super();
      if (!isReady()) throw new Error('Cannot create BrowserWindow before app is ready');
      const { webPreferences = {}, x = 0, y = 0, width = 800, height = 600 } = options;
      refuseWeak(webPreferences as Record<string, unknown>);
      count += 1;
      this.id = count;
      this.options = options;
      this.state = {
        title: options.title ?? 'Electron',
        visible: options.show !== false,
        minimized: false,
        alwaysOnTop: options.alwaysOnTop === true,
        bounds: { x, y, width, height },
      };
      const of = webPreferences.session === undefined ? sessions.of(webPreferences.partition ?? '') : sessions.find(webPreferences.session);
      if (of === undefined) throw new Error('the session of the window is none of this stand-in');
      this.contents = new ContentsStandIn(this.id, of);
      this.webContents = mortal('webContents', this.contents, () => this.gone) as unknown as WebContents;
      const self = mortal('BrowserWindow', this, () => this.gone);
      open.set(this.id, self);
      void wire().ask('create', { window: this.id, partition: of.partition, preload: webPreferences.preload ?? null, width, height });
      appEvents.emit('web-contents-created', makeEvent({}), this.webContents);
      appEvents.emit('browser-window-created', makeEvent({}), self);
      // biome-ignore lint/correctness/noConstructorReturn: what is not written here must throw from the first use
      return self;
    }

    loadURL = (url: string): Promise<void> => this.contents.loadURL(url);
    close(): void {
      if (this.gone || isPrevented(this, 'close', makeEvent({}))) return;
      this.destroy();
    }
    destroy(): void {
      if (this.gone) return;
      this.end();
      void wire().ask('destroy', { window: this.id });
    }
    end(): void {
      this.gone = true;
      this.contents.destroyed = true;
      this.contents.frames.clear();
      open.delete(this.id);
      if (focused === this.id) focused = null;
      this.contents.emit('destroyed');
      this.emit('closed');
      onClosed();
    }
    isDestroyed = (): boolean => this.gone;
    show(): void {
      this.state.visible = true;
      this.state.minimized = false;
      this.emit('show');
      this.focus();
    }
    showInactive(): void {
      this.state.visible = true;
      this.emit('show');
    }
    hide(): void {
      this.state.visible = false;
      this.blur();
      this.emit('hide');
    }
    focus(): void {
      if (focused === this.id) return;
      if (focused !== null) open.get(focused)?.blur();
      focused = this.id;
      this.emit('focus');
      appEvents.emit('browser-window-focus', makeEvent({}), open.get(this.id));
    }
    blur(): void {
      if (focused !== this.id) return;
      focused = null;
      this.emit('blur');
      appEvents.emit('browser-window-blur', makeEvent({}), open.get(this.id));
    }
    minimize(): void {
      this.state.minimized = true;
      this.emit('minimize');
    }
    restore(): void {
      this.state.minimized = false;
      this.emit('restore');
    }
    isVisible = (): boolean => this.state.visible && !this.state.minimized;
    isMinimized = (): boolean => this.state.minimized;
    isMaximized = (): boolean => false;
    isFullScreen = (): boolean => false;
    isFocused = (): boolean => focused === this.id;
    isAlwaysOnTop = (): boolean => this.state.alwaysOnTop;
    setAlwaysOnTop(flag: boolean): void {
      this.state.alwaysOnTop = flag;
    }
    getTitle = (): string => this.state.title;
    setTitle(title: string): void {
      this.state.title = title;
    }
    getBounds = (): Rectangle => ({ ...this.state.bounds });
    getNormalBounds = (): Rectangle => ({ ...this.state.bounds });
    setBounds(bounds: Partial<Rectangle>): void {
      Object.assign(this.state.bounds, bounds);
    }
    getSize = (): number[] => [this.state.bounds.width, this.state.bounds.height];
    setSize(width: number, height: number): void {
      Object.assign(this.state.bounds, { width, height });
    }
    getPosition = (): number[] => [this.state.bounds.x, this.state.bounds.y];
    setPosition(x: number, y: number): void {
      Object.assign(this.state.bounds, { x, y });
    }
    center = (): void => undefined;
    moveTop = (): void => undefined;
    flashFrame = (): void => undefined;
    setMenu = (): void => undefined;
    removeMenu = (): void => undefined;
    setMenuBarVisibility = (): void => undefined;
    setAutoHideMenuBar = (): void => undefined;
    setSkipTaskbar = (): void => undefined;
    setContentProtection = (): void => undefined;
    setVisibleOnAllWorkspaces = (): void => undefined;
    setIcon = (): void => undefined;
    setOverlayIcon = (): void => undefined;
    setBackgroundColor = (): void => undefined;
    static getAllWindows = (): WindowStandIn[] => [...open.values()];
    static getFocusedWindow = (): WindowStandIn | null => (focused === null ? null : (open.get(focused) ?? null));
    static fromId = (id: number): WindowStandIn | null => open.get(id) ?? null;
    static fromWebContents = (contents: WebContents): WindowStandIn | null =>
      [...open.values()].find((window) => window.webContents === contents) ?? null;
  }

  const windowOf = (id: number): WindowStandIn => {
    const window = open.get(id);
    if (window === undefined) throw new Error('the window is gone');
    return window;
  };
  const senderOf = ({ window, frame }: { window: number; frame: FrameView | null }) => {
    const { contents, webContents } = windowOf(window);
    const senderFrame = frame === null ? null : contents.frameOf(frame);
    return { type: 'frame', sender: webContents, senderFrame, frameId: frame?.routingId ?? 0, processId: frame?.processId ?? 0 };
  };

  return {
    ipcMain,
    BrowserWindow: strict('BrowserWindow', WindowStandIn),
    all: () => [...open.values()],
    async invoke({ channel, args, ...from }: Ask<'invoke'>): Promise<unknown> {
      const handler = handlers.get(channel);
      if (handler === undefined)
        throw new Error(`Error invoking remote method '${channel}': Error: No handler registered for '${channel}'`);
      try {
        return structuredClone(await handler(makeEvent(senderOf(from)) as never, ...args));
      } catch (error) {
        throw new Error(`Error invoking remote method '${channel}': ${String(error)}`);
      }
    },
    send({ channel, args, ...from }: Ask<'send'>): undefined {
      ipcEvents.emit(channel, makeEvent(senderOf(from)), ...args);
    },
    navigate({ window, url, frame, redirect }: Ask<'navigate'>): boolean {
      const { contents } = windowOf(window);
      const isMainFrame = frame.parent === null;
      const details = { url, isMainFrame, isSameDocument: false, frame: contents.frameOf(frame), initiator: contents.frameOf(frame) };
      const tell = (name: string): boolean =>
        isPrevented(contents, name, makeEvent(details), url, false, isMainFrame, frame.processId, frame.routingId);
      if (redirect) return tell('will-redirect');
      // Both are told, as in Electron, whatever the first one says.
      return [...(isMainFrame ? ['will-navigate'] : []), 'will-frame-navigate'].map(tell).includes(true);
    },
    openWindow({ window, url, frameName, features }: Ask<'open-window'>): 'allow' | 'deny' {
      const { contents } = windowOf(window);
      const details = { url, frameName, features, disposition: 'foreground-tab', referrer: { url: '', policy: 'no-referrer' } };
      const said = contents.handler?.(details as never).action ?? 'allow';
      return said === 'deny' ? 'deny' : 'allow';
    },
    webview({ window, src }: Ask<'webview'>): boolean {
      const { contents } = windowOf(window);
      return isPrevented(contents, 'will-attach-webview', makeEvent({}), {}, { src });
    },
    download({ window, url }: Ask<'download'>): boolean {
      const { contents, webContents } = windowOf(window);
      return contents.of.mayDownload(webContents, url);
    },
    requestPermission: ({ window, permission, url }: Ask<'permission/request'>) => {
      const { contents, webContents } = windowOf(window);
      return contents.of.requestPermission(webContents, permission, url);
    },
    checkPermission: ({ window, permission, origin }: Ask<'permission/check'>) => {
      const { contents, webContents } = windowOf(window);
      return contents.of.checkPermission(webContents, permission, origin);
    },
    loaded({ window: id, phase, url, title }: Ask<'loaded'>): undefined {
      const window = open.get(id);
      if (window === undefined) return;
      const { contents } = window;
      contents.current = { url, title: phase === 'preload-error' ? contents.current.title : title };
      contents.frame = { ...contents.frame, url };
      if (phase === 'commit') contents.emit('did-navigate', makeEvent({}), url, 200, 'OK');
      if (phase === 'dom-ready') contents.emit('dom-ready', makeEvent({}));
      if (phase === 'preload-error')
        contents.emit('preload-error', makeEvent({}), window.options.webPreferences?.preload, new Error(title));
      if (phase !== 'finish' && phase !== 'title') return;
      if (title !== '' && !isPrevented(window, 'page-title-updated', makeEvent({}), title, true)) window.state.title = title;
      if (phase === 'title') return;
      contents.emit('did-finish-load', makeEvent({}));
      if (!window.shownOnce) window.emit('ready-to-show', makeEvent({}));
      window.shownOnce = true;
    },
    lost({ window: id, crashed }: Ask<'gone'>): undefined {
      const window = open.get(id);
      if (window === undefined) return;
      if (crashed) window.contents.emit('render-process-gone', makeEvent({}), { reason: 'crashed', exitCode: 5 });
      else window.end();
    },
    drive(id: number, event: 'close' | 'focus' | 'blur'): void {
      windowOf(id)[event]();
    },
  };
}

function originOf(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null ? '' : `${parsed.protocol}//${parsed.host}`;
}

function makeFrame(view: FrameView, of: (view: FrameView) => WebFrameMain): WebFrameMain {
  const frame = {
    view,
    get url() {
      return this.view.url;
    },
    get origin() {
      return originOf(this.view.url);
    },
    get routingId() {
      return this.view.routingId;
    },
    get processId() {
      return this.view.processId;
    },
    get frameTreeNodeId() {
      return this.view.processId * 100 + this.view.routingId;
    },
    get frameToken() {
      return `${this.view.processId}-${this.view.routingId}`;
    },
    get parent() {
      return this.view.parent === null ? null : of(this.view.parent);
    },
    get top(): WebFrameMain | null {
      return this.view.parent === null ? of(this.view) : of(this.view.parent).top;
    },
    detached: false,
    isDestroyed: () => false,
  };
  return strict('WebFrameMain', frame) as unknown as WebFrameMain;
}

function refuseWeak(preferences: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(mustBe)) {
    if (preferences[name] !== undefined && preferences[name] !== value) refuse(`webPreferences.${name}: ${preferences[name]}`);
  }
  for (const name of mustNotBe) if (preferences[name] === true) refuse(`webPreferences.${name}: true`);
  if (preferences['webSecurity'] === false) refuse('webPreferences.webSecurity: false');
}
