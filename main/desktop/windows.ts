/** The windows: at most one of each kind, made in one place, and gone from memory when the person closes or hides them. */
import type { BrowserWindow, WebContents } from 'electron';
import { revisionChannel, viewChannel, type Wanted, type WindowKind, windowKinds } from '../../preload/contract/desktop.ts';
import type { Clock, Log } from '../ports.ts';
import { ms } from '../units.ts';
import type { Electron } from './electron.ts';
import { pageUrls, windowOptionsOf } from './window-options.ts';

export interface Windows {
  /** The window a page is in; undefined: none of ours. */
  kindOf(contents: WebContents): WindowKind | undefined;
  isOpen(kind: WindowKind): boolean;
  /** Makes the window, or brings it forward. The approval window comes without taking the keyboard. */
  open(kind: WindowKind): void;
  /** The main window, at a view. */
  openView(view: Wanted): void;
  close(kind: WindowKind): void;
  /** Tells every page that something has changed; many changes of one moment are told once. */
  changed(revision: number): void;
  closeAll(): void;
}

const together = ms(20);

export function createWindows(parts: {
  BrowserWindow: Electron['BrowserWindow'];
  /** Where the build put the preloads. */
  folder: string;
  packaged: boolean;
  clock: Clock;
  log: Log;
}): Windows {
  const { clock, log } = parts;
  const open = new Map<WindowKind, BrowserWindow>();
  let wanted: Wanted | undefined;
  let newest: number | undefined;

  function make(kind: WindowKind): BrowserWindow {
    const window = new parts.BrowserWindow(windowOptionsOf(kind, parts));
    open.set(kind, window);
    window.once('ready-to-show', () => show(kind, window));
    // What a page calls itself could say something that is not for everybody's eyes.
    // check: window-title-fixed
    window.on('page-title-updated', (event) => event.preventDefault());
    // end check
    window.on('closed', () => {
      if (open.get(kind) === window) open.delete(kind);
    });
    // A hidden window would keep its process, and what the page knows, for nothing.
    window.on('hide', () => drop(window));
    window.webContents.on('render-process-gone', (_event, { reason }) => {
      log('window.gone', { window: kind, reason });
      drop(window);
    });
    window.webContents.on('did-finish-load', () => {
      if (kind === 'main') sendView(window);
    });
    window.loadURL(pageUrls[kind]).catch((error: unknown) => {
      // A window that was closed while it loaded says the same as one that could not load.
      log('window.not-loaded', { window: kind, error: error instanceof Error ? error.name : 'unknown' });
    });
    return window;
  }

  /** Not at once: Electron is in the middle of telling us something about this very window. */
  function drop(window: BrowserWindow): void {
    clock.after(ms(0), () => {
      if (!window.isDestroyed()) window.destroy();
    });
  }

  function show(kind: WindowKind, window: BrowserWindow): void {
    if (window.isDestroyed()) return;
    if (kind === 'main') {
      if (window.isMinimized()) window.restore();
      window.show();
      window.focus();
      return;
    }
    // The person is typing somewhere else: no key of theirs may land here.
    window.showInactive();
    window.moveTop();
  }

  function sendView(window: BrowserWindow): void {
    if (wanted === undefined || window.isDestroyed()) return;
    window.webContents.send(viewChannel, wanted);
    wanted = undefined;
  }

  function bringForward(kind: WindowKind): BrowserWindow {
    const window = open.get(kind);
    if (window === undefined || window.isDestroyed()) return make(kind);
    show(kind, window);
    return window;
  }

  function tell(): void {
    const revision = newest;
    newest = undefined;
    for (const window of open.values()) if (!window.isDestroyed()) window.webContents.send(revisionChannel, revision);
  }

  return {
    kindOf: (contents) => windowKinds.find((kind) => open.get(kind)?.webContents === contents),
    isOpen: (kind) => open.has(kind),
    open: (kind) => void bringForward(kind),
    openView(view) {
      wanted = view;
      const window = bringForward('main');
      if (!window.webContents.isLoading()) sendView(window);
    },
    close: (kind) => open.get(kind)?.destroy(),
    changed(revision) {
      if (newest === undefined) clock.after(together, tell);
      newest = revision;
    },
    closeAll() {
      for (const window of [...open.values()]) window.destroy();
    },
  };
}
