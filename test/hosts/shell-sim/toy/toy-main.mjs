// A main process for the tests of the stand-in: two windows, one IPC call, every guard set.

import { dirname, join } from 'node:path';
import { app, autoUpdater, BrowserWindow, ipcMain, Menu, Notification, nativeImage, protocol, session, Tray } from 'electron';

const page = `<!doctype html><title>Toy</title><script src="/page.js"></script><p id="said">nothing</p>`;
const script = `document.title = 'Toy ' + window.toy.name; addEventListener('DOMContentLoaded', () => {
  window.toy.onNews((news) => { document.getElementById('said').textContent = news; });
});`;
const headers = { 'Content-Security-Policy': "default-src 'none'; script-src 'self'; require-trusted-types-for 'script'" };
const asked = [];
globalThis.asked = asked;

protocol.registerSchemesAsPrivileged([{ scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } }]);
app.enableSandbox();
if (!app.requestSingleInstanceLock()) app.exit(7);
app.on('second-instance', (_event, argv) => asked.push(['second', argv.at(-1)]));
app.on('window-all-closed', () => asked.push(['all-closed']));
app.on('before-quit', () => console.log('before-quit'));
app.on('will-quit', () => console.log('will-quit'));
app.on('quit', () => console.log('quit'));

const answer = (request) => {
  const { pathname } = new URL(request.url);
  if (pathname === '/page.js') return new Response(script, { headers: { ...headers, 'Content-Type': 'text/javascript' } });
  return new Response(page, { headers: { ...headers, 'Content-Type': 'text/html' } });
};

const open = () => {
  const window = new BrowserWindow({
    show: false,
    webPreferences: { sandbox: true, preload: join(dirname(new URL(import.meta.url).pathname), 'toy-preload.cjs'), partition: 'toy' },
  });
  const { webContents } = window;
  const no =
    (name) =>
    (event, ...rest) => {
      asked.push([name, event.url ?? rest[0]]);
      event.preventDefault();
    };
  for (const name of ['will-navigate', 'will-frame-navigate', 'will-redirect']) webContents.on(name, no(name));
  webContents.on('will-attach-webview', no('will-attach-webview'));
  webContents.setWindowOpenHandler(({ url }) => {
    asked.push(['open', url]);
    return { action: 'deny' };
  });
  window.loadURL('app://toy/').catch(() => asked.push(['not-loaded']));
  return window;
};

ipcMain.handle('toy', (event, message) => {
  const { senderFrame } = event;
  const win = BrowserWindow.fromWebContents(event.sender);
  if (message === 'who')
    return { url: senderFrame?.url ?? null, parent: senderFrame?.parent?.url ?? null, isMain: senderFrame === event.sender.mainFrame };
  if (message === 'asked') return asked;
  if (message === 'function') return () => 1;
  if (message === 'missing') return win.setThumbarButtons([]);
  if (message === 'updater') return autoUpdater.checkForUpdates();
  if (message === 'news') {
    win.webContents.send('news', 'it works');
    return null;
  }
  if (message === 'destroyed') {
    const other = open();
    other.destroy();
    try {
      other.show();
    } catch (error) {
      return error.message;
    }
    return 'no error';
  }
  if (message === 'fail') throw new TypeError('as asked');
  return message;
});

app.whenReady().then(() => {
  const toy = session.fromPartition('toy');
  toy.protocol.handle('app', answer);
  toy.setPermissionRequestHandler((_contents, permission, callback) => {
    asked.push(['permission', permission]);
    callback(false);
  });
  toy.setPermissionCheckHandler((_contents, permission) => {
    asked.push(['check', permission]);
    return false;
  });
  const tray = new Tray(nativeImage.createEmpty());
  tray.setToolTip('Toy');
  tray.setContextMenu(
    Menu.buildFromTemplate([
      { label: 'More', submenu: [{ label: 'Notify', click: () => new Notification({ title: 'Hello' }).show() }] },
      { label: 'Quit', click: () => app.quit() },
    ]),
  );
  globalThis.tray = tray;
  open();
});
