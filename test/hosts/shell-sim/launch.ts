/**
 * Runs a main file as Electron runs it: `import … from 'electron'` gives the stand-in, `ready` comes once the file has been evaluated
 * whole (a top-level `await app.whenReady()` hangs here as it does there), and `process` says what Electron's says.
 *
 *   node launch.mjs '{"main":…,"packaged":…,"args":[…],"locale":…}'
 */
import { registerHooks } from 'node:module';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { LaunchOptions } from './app.ts';
import { createStandIn } from './stand-in.ts';
import { refuse, strict } from './strict.ts';

/** All that the main process of Electron exports. What the stand-in lacks throws when it is used, not when it is imported. */
const names = [
  ...['app', 'autoUpdater', 'BaseWindow', 'BrowserView', 'BrowserWindow', 'clipboard', 'ClipboardItem', 'contentTracing', 'crashReporter'],
  ...['desktopCapturer', 'dialog', 'globalShortcut', 'ImageView', 'inAppPurchase', 'ipcMain', 'Menu', 'MenuItem', 'MessageChannelMain'],
  ...['nativeImage', 'nativeTheme', 'net', 'netLog', 'Notification', 'powerMonitor', 'powerSaveBlocker', 'protocol', 'pushNotifications'],
  ...['safeStorage', 'screen', 'session', 'ShareMenu', 'shell', 'systemPreferences', 'TouchBar', 'Tray', 'utilityProcess', 'View'],
  ...['webContents', 'WebContentsView', 'webFrameMain'],
];

/** Can be imported; whatever is then done with it throws its name. */
const absent = (name: string): unknown =>
  new Proxy(
    strict(name, function nothing() {}),
    { apply: () => refuse(name), construct: () => refuse(`new ${name}`) },
  );

const options = JSON.parse(process.argv[2] ?? '{}') as LaunchOptions;
process.argv = [process.execPath, ...(options.packaged ? [] : [options.main]), ...options.args];
Object.defineProperty(process.versions, 'electron', { value: '45.4.1', enumerable: true });
Object.assign(process, { type: 'browser', resourcesPath: dirname(dirname(options.main)), defaultApp: options.packaged ? undefined : true });

if (process.send === undefined) throw new Error('nobody shows the windows of this process');
const standIn = createStandIn(options, {
  // Whoever has gone hears nothing.
  send: (said) => void (process.connected && process.send?.(said, undefined, undefined, () => undefined)),
  onMessage: (listener) => void process.on('message', listener),
});
// The test is gone, and with it the screen, the tray and the person.
process.once('disconnect', () => process.exit(1));

const held = standIn.electron as unknown as Record<string, unknown>;
Object.assign(globalThis, {
  [Symbol.for('electron stand-in')]: Object.fromEntries(names.map((name) => [name, held[name] ?? absent(name)])),
});
const source = [
  "const held = globalThis[Symbol.for('electron stand-in')];",
  ...names.map((name) => `export const ${name} = held['${name}'];`),
  'export default held;',
].join('\n');
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'electron' || specifier === 'electron/main' ? { url: 'electron:stand-in', shortCircuit: true } : next(specifier, context),
  load: (url, context, next) => (url === 'electron:stand-in' ? { format: 'module', source, shortCircuit: true } : next(url, context)),
});

await import(pathToFileURL(options.main).href);
standIn.makeReady();
process.send?.({ launched: process.pid });
