/** Tray, menus, notifications, dialogs, clipboard and the rest of the machine: what the shell does to them is kept for tests to look at. */
import { EventEmitter } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import type {
  Clipboard,
  Dialog,
  MenuItem,
  MenuItemConstructorOptions,
  NativeImage,
  NativeTheme,
  NotificationConstructorOptions,
  PowerMonitor,
  Shell,
} from 'electron';
import { makeEvent, mortal, part, refuse, strict } from './strict.ts';
import type { Drive, MenuEntry, Seen, WindowsTable, Wire } from './wire.ts';

interface Parts {
  isReady: () => boolean;
  wire: () => Wire<WindowsTable>;
}

export function createSurroundings({ isReady, wire }: Parts) {
  const trays = new Set<TrayStandIn>();
  const notifications: NotificationStandIn[] = [];
  const dialogs: Seen['dialogs'] = [];
  const external: string[] = [];
  const power = new EventEmitter();
  let clipboardText = '';
  let dialogResponse = 0;
  let applicationMenu: MenuStandIn | null = null;

  class MenuStandIn extends EventEmitter {
    readonly items: ItemStandIn[] = [];
    append(item: ItemStandIn): void {
      this.items.push(item);
    }
    insert(at: number, item: ItemStandIn): void {
      this.items.splice(at, 0, item);
    }
    getMenuItemById(id: string): ItemStandIn | null {
      for (const item of this.items) {
        const found = item.id === id ? item : item.submenu?.getMenuItemById(id);
        if (found) return found;
      }
      return null;
    }
    static buildFromTemplate(template: (MenuItemConstructorOptions | ItemStandIn)[]): MenuStandIn {
      const menu = new MenuStandIn();
      for (const entry of template) menu.append(entry instanceof ItemStandIn ? entry : new ItemStandIn(entry));
      return strict('Menu', menu);
    }
    static setApplicationMenu(menu: MenuStandIn | null): void {
      applicationMenu = menu;
    }
    static getApplicationMenu = (): MenuStandIn | null => applicationMenu;
  }

  class ItemStandIn {
    id: string;
    label: string;
    type: string;
    role: string | undefined;
    checked: boolean;
    enabled: boolean;
    visible: boolean;
    submenu: MenuStandIn | undefined;
    readonly click: () => void;
    constructor(options: MenuItemConstructorOptions) {
      const { id = '', label = '', role, submenu, checked = false, enabled = true, visible = true } = options;
      Object.assign(this, { id, label, role, checked, enabled, visible });
      this.id = id;
      this.label = label;
      this.role = role;
      this.checked = checked;
      this.enabled = enabled;
      this.visible = visible;
      this.type = options.type ?? (submenu === undefined ? 'normal' : 'submenu');
      this.submenu = Array.isArray(submenu) ? MenuStandIn.buildFromTemplate(submenu) : (submenu as unknown as MenuStandIn | undefined);
      this.click = () => {
        if (!this.enabled) return;
        if (this.type === 'checkbox') this.checked = !this.checked;
        if (options.click === undefined && role !== undefined) refuse(`menu role ${role}`);
        options.click?.(this as unknown as MenuItem, undefined, makeEvent({}) as never);
      };
    }
  }

  class TrayStandIn extends EventEmitter {
    images = 1;
    tooltip = '';
    title = '';
    menu: MenuStandIn | null = null;
    gone = false;
    constructor(_image: NativeImage | string) {
      super();
      if (!isReady()) throw new Error('Cannot create Tray before app is ready');
      trays.add(this);
      // biome-ignore lint/correctness/noConstructorReturn: what is not written here must throw from the first use
      return mortal('Tray', this, () => this.gone);
    }
    setImage(_image: NativeImage | string): void {
      this.images += 1;
    }
    setPressedImage = (): void => undefined;
    setToolTip(text: string): void {
      this.tooltip = text;
    }
    setTitle(text: string): void {
      this.title = text;
    }
    getTitle = (): string => this.title;
    setContextMenu(menu: MenuStandIn | null): void {
      this.menu = menu;
    }
    popUpContextMenu = (): void => undefined;
    setIgnoreDoubleClickEvents = (): void => undefined;
    getBounds = () => ({ x: 0, y: 0, width: 24, height: 24 });
    isDestroyed = (): boolean => this.gone;
    destroy(): void {
      this.gone = true;
      trays.delete(this);
    }
  }

  class NotificationStandIn extends EventEmitter {
    title: string;
    body: string;
    shown = false;
    closed = false;
    constructor(options: NotificationConstructorOptions = {}) {
      super();
      if (!isReady()) throw new Error('Cannot create Notification before app is ready');
      this.title = options.title ?? '';
      this.body = options.body ?? '';
      notifications.push(this);
      // biome-ignore lint/correctness/noConstructorReturn: what is not written here must throw from the first use
      return strict('Notification', this);
    }
    show(): void {
      this.shown = true;
      this.emit('show', makeEvent({}));
    }
    close(): void {
      if (this.closed) return;
      this.closed = true;
      this.emit('close', makeEvent({}));
    }
    static isSupported = (): boolean => true;
  }

  const record = (kind: string, options: { message?: string; buttons?: string[] }): void =>
    void dialogs.push({ kind, message: options.message ?? '', buttons: options.buttons ?? [] });
  /** With a window in front of the options, or without. */
  const optionsOf = (args: unknown[]): { message?: string; buttons?: string[] } => (args.length > 1 ? args[1] : args[0]) as object;
  const dialog = part<Dialog>('dialog', {
    showErrorBox: (title: string, content: string) => record('error', { message: `${title}: ${content}` }),
    async showMessageBox(...args: unknown[]) {
      record('message', optionsOf(args));
      return { response: dialogResponse, checkboxChecked: false };
    },
    showMessageBoxSync(...args: unknown[]) {
      record('message', optionsOf(args));
      return dialogResponse;
    },
  });

  const clipboard = part<Clipboard>('clipboard', {
    async writeText(text) {
      clipboardText = text;
    },
    readText: async () => clipboardText,
    clear() {
      clipboardText = '';
    },
  });

  const shell = part<Shell>('shell', {
    async openExternal(url) {
      external.push(url);
      await wire().ask('external', { url });
    },
    beep: () => undefined,
  });

  const imageOf = (bytes: Buffer | null): NativeImage => {
    const { width, height } = sizeOf(bytes);
    let isTemplate = false;
    return part<NativeImage>('NativeImage', {
      isEmpty: () => bytes === null,
      getSize: () => ({ width, height }),
      toPNG: () => bytes ?? Buffer.alloc(0),
      isTemplateImage: () => isTemplate,
      setTemplateImage(flag: boolean) {
        isTemplate = flag;
      },
      addRepresentation: () => undefined,
      resize: () => imageOf(bytes),
    });
  };
  const nativeImage = strict('nativeImage', {
    createEmpty: () => imageOf(null),
    // As in Electron: a file that is not there is an empty image, and nobody is told.
    createFromPath: (path: string) => imageOf(existsSync(path) ? readFileSync(path) : null),
    createFromBuffer: (bytes: Buffer) => imageOf(bytes),
    createFromDataURL: (url: string) => imageOf(Buffer.from(url.slice(url.indexOf(',') + 1), 'base64')),
  });

  let themeSource: NativeTheme['themeSource'] = 'system';
  const nativeTheme = part<NativeTheme>(
    'nativeTheme',
    {
      get themeSource() {
        return themeSource;
      },
      set themeSource(scheme: NativeTheme['themeSource']) {
        themeSource = scheme;
        void wire().ask('colours', { scheme });
      },
      get shouldUseDarkColors() {
        return themeSource === 'dark';
      },
    },
    new EventEmitter(),
  );

  const powerMonitor = part<PowerMonitor>(
    'powerMonitor',
    {
      getSystemIdleState: () => 'active',
      getSystemIdleTime: () => 0,
      isOnBatteryPower: () => false,
      onBatteryPower: false,
    },
    power,
  );

  const entryOf = (item: ItemStandIn): MenuEntry => ({
    ...{ id: item.id, label: item.label, type: item.type, checked: item.checked, enabled: item.enabled },
    submenu: (item.submenu?.items ?? []).filter(({ visible }) => visible).map(entryOf),
  });
  const entriesOf = (menu: MenuStandIn | null): MenuEntry[] => (menu?.items ?? []).filter(({ visible }) => visible).map(entryOf);

  function choose(menu: MenuStandIn | null | undefined, path: string[]): void {
    const [label = '', ...rest] = path;
    const item = menu?.items.find((each) => each.label === label && each.visible);
    if (item === undefined)
      throw new Error(`there is no menu entry ${label}; there are ${menu?.items.map((each) => each.label).join(', ')}`);
    if (!item.enabled) throw new Error(`the menu entry ${label} is greyed out`);
    if (rest.length > 0) choose(item.submenu, rest);
    else item.click();
  }

  return {
    parts: {
      ...{ clipboard, dialog, shell, nativeImage, nativeTheme, powerMonitor },
      ...{
        Menu: strict('Menu', MenuStandIn),
        MenuItem: ItemStandIn,
        Tray: TrayStandIn,
        Notification: strict('Notification', NotificationStandIn),
      },
    },
    drive(what: Extract<Drive, { act: 'power' | 'tray' | 'menu' | 'notification' | 'dialog' }>): void {
      const [tray] = trays;
      switch (what.act) {
        case 'power':
          power.emit(what.event, makeEvent({}));
          return;
        case 'tray':
          if (tray === undefined) throw new Error('there is no tray');
          tray.emit(what.event, makeEvent({}), tray.getBounds(), { x: 0, y: 0 });
          return;
        case 'menu':
          choose(what.menu === 'tray' ? tray?.menu : applicationMenu, what.path);
          return;
        case 'notification': {
          const notification = notifications[what.index];
          if (notification === undefined) throw new Error(`there is no notification ${what.index}`);
          if (what.event === 'close') notification.close();
          else notification.emit('click', makeEvent({}));
          return;
        }
        case 'dialog':
          dialogResponse = what.response;
      }
    },
    seen: (): Pick<Seen, 'trays' | 'applicationMenu' | 'notifications' | 'dialogs' | 'clipboard' | 'external'> => ({
      trays: [...trays].map(({ tooltip, title, images, menu }) => ({ tooltip, title, images, menu: entriesOf(menu) })),
      applicationMenu: applicationMenu === null ? null : entriesOf(applicationMenu),
      notifications: notifications.map(({ title, body, shown, closed }) => ({ title, body, shown, closed })),
      dialogs: [...dialogs],
      clipboard: clipboardText,
      external: [...external],
    }),
  };
}

/** Width and height of a PNG (its first chunk says them); 0 for anything else. */
function sizeOf(bytes: Buffer | null): { width: number; height: number } {
  if (bytes === null || bytes.length < 24 || bytes.toString('latin1', 1, 4) !== 'PNG') return { width: 0, height: 0 };
  return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
}
