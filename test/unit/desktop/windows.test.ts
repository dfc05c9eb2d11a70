import { describe, expect, it } from 'vitest';
import { createWindows } from '../../../main/desktop/windows.ts';
import { revisionChannel, viewChannel } from '../../../preload/contract/desktop.ts';
import { fakeElectron, makeContents, preventable } from '../../fakes/electron/electron.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';

function setUp() {
  const fake = fakeElectron();
  const clock = fakeClock();
  const logged: unknown[] = [];
  const windows = createWindows({
    ...{ BrowserWindow: fake.electron.BrowserWindow, folder: '/app', packaged: true, clock },
    log: (...line) => void logged.push(line),
  });
  const made = (index = 0) => {
    const window = fake.windows[index];
    if (window === undefined) throw new Error(`there is no window ${index}`);
    return window;
  };
  return { fake, clock, windows, made, logged };
}

describe('the main window', () => {
  it('is shown and takes the keyboard once it is drawn', () => {
    const { windows, made } = setUp();
    windows.open('main');
    expect(made().done).toEqual(['load app://lakepass/']);
    made().emit('ready-to-show');
    expect(made().done.slice(1)).toEqual(['show', 'focus']);
  });

  it('is made once, and brought forward after that', () => {
    const { windows, made, fake } = setUp();
    windows.open('main');
    made().minimized = true;
    windows.open('main');
    expect([fake.windows.length, made().done.slice(1)]).toEqual([1, ['restore', 'show', 'focus']]);
  });

  it('is gone from memory when it is closed or hidden, and made anew', async () => {
    const { windows, made, fake, clock } = setUp();
    windows.open('main');
    made().emit('hide');
    expect(windows.isOpen('main')).toBe(true);
    await clock.advance(0);
    expect([made().done.at(-1), windows.isOpen('main')]).toEqual(['destroy', false]);
    windows.open('main');
    made(1).emit('closed');
    expect([fake.windows.length, windows.isOpen('main')]).toEqual([2, false]);
  });

  it('is gone when its page has crashed, which is said by its kind alone', async () => {
    const { windows, made, logged, clock } = setUp();
    windows.open('main');
    made().webContents.emit('render-process-gone', {}, { reason: 'oom', exitCode: 1 });
    await clock.advance(0);
    expect([made().done.at(-1), logged]).toEqual(['destroy', [['window.gone', { window: 'main', reason: 'oom' }]]]);
  });

  it('keeps its title, whatever a page calls itself', () => {
    const { windows, made } = setUp();
    windows.open('main');
    const event = preventable();
    made().emit('page-title-updated', event, 'ada@acme.example · dapi0123');
    expect(event.defaultPrevented).toBe(true);
  });
});

describe('the window in which a request is answered', () => {
  it('comes without taking the keyboard, and again so when it is asked for again', () => {
    const { windows, made } = setUp();
    windows.open('approval');
    made().emit('ready-to-show');
    windows.open('approval');
    expect(made().done).toEqual(['load app://lakepass/approval', 'show inactive', 'move top', 'show inactive', 'move top']);
  });

  it('goes when nobody asks any more', () => {
    const { windows, made } = setUp();
    windows.close('approval');
    windows.open('approval');
    windows.close('approval');
    expect(made().done.at(-1)).toBe('destroy');
  });
});

describe('a view', () => {
  it('is told to the page once it is there', () => {
    const { windows, made } = setUp();
    windows.openView('grants');
    made().webContents.emit('did-finish-load');
    made().webContents.emit('did-finish-load');
    expect(made().webContents.sent).toEqual([[viewChannel, 'grants']]);
  });

  it('is told at once to a page that is there already', () => {
    const { windows, made } = setUp();
    windows.openView('grants');
    windows.openView('keys');
    expect(made().webContents.sent).toEqual([
      [viewChannel, 'grants'],
      [viewChannel, 'keys'],
    ]);
  });

  it('waits for a page that is loading', () => {
    const { windows, made } = setUp();
    windows.open('main');
    made().webContents.loading = true;
    windows.openView('keys');
    expect(made().webContents.sent).toEqual([]);
    made().webContents.emit('did-finish-load');
    expect(made().webContents.sent).toEqual([[viewChannel, 'keys']]);
  });
});

describe('the windows', () => {
  it('are told together of what changed in one moment', async () => {
    const { windows, made, clock } = setUp();
    windows.open('main');
    windows.open('approval');
    for (const revision of [4, 5, 6]) windows.changed(revision);
    await clock.advance(20);
    for (const index of [0, 1]) expect(made(index).webContents.sent).toEqual([[revisionChannel, 6]]);
  });

  it('are known by their pages, and nobody else is', () => {
    const { windows, made } = setUp();
    windows.open('main');
    windows.open('approval');
    expect([0, 1].map((index) => windows.kindOf(made(index).webContents))).toEqual(['main', 'approval']);
    expect(windows.kindOf(makeContents('app://lakepass/'))).toBe(undefined);
    windows.closeAll();
    expect([0, 1].map((index) => windows.kindOf(made(index).webContents))).toEqual([undefined, undefined]);
  });
});
