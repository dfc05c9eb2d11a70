import { describe, expect, it } from 'vitest';
import { pageUrls, partitions, webPreferencesOf, windowOptionsOf } from '../../../main/desktop/window-options.ts';
import { windowKinds } from '../../../preload/contract/desktop.ts';

const packaged = { folder: '/app', packaged: true };

describe.each(windowKinds)('the %s window', (kind) => {
  it('is sandboxed, apart from its preload, and without Node', () => {
    expect(webPreferencesOf(kind, packaged)).toMatchObject({
      ...{ sandbox: true, contextIsolation: true, webSecurity: true },
      ...{ nodeIntegration: false, nodeIntegrationInWorker: false, nodeIntegrationInSubFrames: false },
      ...{ allowRunningInsecureContent: false, experimentalFeatures: false, webviewTag: false, plugins: false },
      ...{ navigateOnDragDrop: false, disableDialogs: true, spellcheck: false },
    });
  });

  it('has a debugger in development alone', () => {
    expect(webPreferencesOf(kind, packaged).devTools).toBe(false);
    expect(webPreferencesOf(kind, { ...packaged, packaged: false }).devTools).toBe(true);
  });

  it('keeps nothing on the disk, and shares nothing with another', () => {
    expect(webPreferencesOf(kind, packaged).partition).toBe(partitions[kind]);
    expect(partitions[kind]).not.toMatch(/^persist:/);
    expect(new Set(Object.values(partitions)).size).toBe(windowKinds.length);
  });

  it('asks for nothing that is not in this list', () => {
    expect(Object.keys(webPreferencesOf(kind, packaged)).sort()).toEqual(
      [
        ...['allowRunningInsecureContent', 'contextIsolation', 'devTools', 'disableDialogs', 'experimentalFeatures', 'navigateOnDragDrop'],
        ...['nodeIntegration', 'nodeIntegrationInSubFrames', 'nodeIntegrationInWorker', 'partition', 'plugins', 'preload', 'sandbox'],
        ...['spellcheck', 'webSecurity', 'webviewTag'],
      ].sort(),
    );
  });

  it('comes unseen, with a title that says nothing', () => {
    expect(windowOptionsOf(kind, packaged)).toMatchObject({ show: false, title: 'Lakepass' });
  });
});

describe('the windows', () => {
  it('have pages and preloads of their own', () => {
    expect(pageUrls).toEqual({ main: 'app://lakepass/', approval: 'app://lakepass/approval' });
    expect(windowKinds.map((kind) => webPreferencesOf(kind, packaged).preload)).toEqual(['/app/preload.cjs', '/app/preload-approval.cjs']);
  });

  it('in which a request is answered stays above the others', () => {
    expect(windowOptionsOf('approval', packaged)).toMatchObject({
      alwaysOnTop: true,
      minimizable: false,
      maximizable: false,
      fullscreenable: false,
    });
    expect(windowOptionsOf('main', packaged).alwaysOnTop).toBe(undefined);
  });
});
