/** How every window of ours is made. There is no other place where a window gets its rights. */
import { join } from 'node:path';
import type { BrowserWindowConstructorOptions, WebPreferences } from 'electron';
import type { WindowKind } from '../../preload/contract/desktop.ts';

export const scheme = 'app';
export const pageHost = 'lakepass';
/** The page of each window, to the letter. */
export const pageUrls: Readonly<Record<WindowKind, string>> = {
  main: `${scheme}://${pageHost}/`,
  approval: `${scheme}://${pageHost}/approval`,
};
/** Without `persist:`, so that it lives in memory: nothing a page keeps is ever on the disk. */
export const partitions: Readonly<Record<WindowKind, string>> = { main: 'lakepass-main', approval: 'lakepass-approval' };
const preloads: Readonly<Record<WindowKind, string>> = { main: 'preload.cjs', approval: 'preload-approval.cjs' };

interface Setting {
  /** Where the build put the preloads. */
  folder: string;
  packaged: boolean;
}

export function webPreferencesOf(kind: WindowKind, { folder, packaged }: Setting): WebPreferences {
  return {
    preload: join(folder, preloads[kind]),
    partition: partitions[kind],
    // check: window-sandboxed
    sandbox: true,
    contextIsolation: true,
    // end check
    // check: window-without-node
    nodeIntegration: false,
    nodeIntegrationInWorker: false,
    nodeIntegrationInSubFrames: false,
    // end check
    // check: window-plain-page
    webSecurity: true,
    allowRunningInsecureContent: false,
    experimentalFeatures: false,
    webviewTag: false,
    plugins: false,
    navigateOnDragDrop: false,
    disableDialogs: true,
    spellcheck: false,
    // end check
    // check: window-without-debugger
    devTools: !packaged,
    // end check
  };
}

const shapes: Readonly<Record<WindowKind, BrowserWindowConstructorOptions>> = {
  main: { width: 1080, height: 760, minWidth: 640, minHeight: 480 },
  // Above whatever the person is doing, and never under their fingers: it takes no key that was meant for another program.
  approval: {
    width: 480,
    height: 600,
    minWidth: 360,
    minHeight: 360,
    alwaysOnTop: true,
    minimizable: false,
    maximizable: false,
    fullscreenable: false,
  },
};

export function windowOptionsOf(kind: WindowKind, setting: Setting): BrowserWindowConstructorOptions {
  return { ...shapes[kind], show: false, title: 'Lakepass', autoHideMenuBar: true, webPreferences: webPreferencesOf(kind, setting) };
}
