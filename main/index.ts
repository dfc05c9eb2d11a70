/** The Electron entry: hands Electron and the agent to the shell, at once, for much has to be said before Electron is ready. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  app,
  BrowserWindow,
  clipboard,
  dialog,
  ipcMain,
  Menu,
  Notification,
  nativeImage,
  nativeTheme,
  powerMonitor,
  protocol,
  session,
  shell,
  Tray,
} from 'electron';
import { compose } from './compose.ts';
import { beginDesktop } from './desktop/begin.ts';
import { takeOver } from './hand-over.ts';

beginDesktop({
  electron: {
    app,
    BrowserWindow,
    clipboard,
    dialog,
    ipcMain,
    Menu,
    Notification,
    nativeImage,
    nativeTheme,
    powerMonitor,
    protocol,
    session,
    shell,
    Tray,
  },
  argv: process.argv,
  env: process.env,
  compose,
  takeOver,
  folder: dirname(fileURLToPath(import.meta.url)),
});
