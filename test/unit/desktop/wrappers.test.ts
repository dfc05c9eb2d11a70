/** What opens the shell to the outside is called in one place each, so that what guards it cannot be walked around. */
import { describe, expect, it } from 'vitest';
import { files, read, readSource } from '../house/sources.ts';

const sources = files('{main,preload}/**/*.ts').map(readSource);
const callersOf = (name: string) => sources.filter(({ calls }) => calls.includes(name)).map(({ file }) => file);
const textsOf = files('{main/desktop,preload}/**/*.ts').map((file) => ({ file, text: read(file) }));

describe('one place each', () => {
  it.each([
    ['openExternal', ['main/desktop/outside.ts']],
    ['exposeInMainWorld', ['preload/approval.ts', 'preload/index.ts']],
    ['registerSchemesAsPrivileged', ['main/desktop/begin.ts']],
    ['setAsDefaultProtocolClient', ['main/desktop/start.ts']],
    ['loadURL', ['main/desktop/windows.ts']],
    ['executeJavaScript', []],
    ['loadFile', []],
    ['sendSync', []],
  ])('%s', (name, places) => {
    expect(callersOf(name)).toEqual(places);
  });

  it('the channel of the calls', () => {
    expect(textsOf.filter(({ text }) => /ipcMain\s*\.\s*(handle|on|once|handleOnce)\(/.test(text)).map(({ file }) => file)).toEqual([
      'main/desktop/calls.ts',
    ]);
  });

  it('windows are made', () => {
    expect(textsOf.filter(({ text }) => /new (\w+\.)*BrowserWindow\(/.test(text)).map(({ file }) => file)).toEqual([
      'main/desktop/windows.ts',
    ]);
  });
});

describe('nowhere', () => {
  it.each([
    'crashReporter',
    'autoUpdater',
    'bypassCSP',
    'nodeIntegration: true',
    'webSecurity: false',
    'persist:${',
    'remote-debugging-port=',
  ])('%s', (word) => {
    expect(textsOf.filter(({ text }) => text.includes(word) && !text.includes(`\`${word}\``)).map(({ file }) => file)).toEqual([]);
  });
});
