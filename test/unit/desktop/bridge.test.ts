import { EventEmitter } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { bundlePreload, preloads } from '../../../main/build.ts';
import { createBridge } from '../../../preload/bridge.ts';
import { type Bridge, callChannel, callsOf, revisionChannel, viewChannel } from '../../../preload/contract/desktop.ts';

function setUp() {
  const heard = new EventEmitter();
  const invoked: unknown[] = [];
  const ipc = {
    invoke: async (...args: unknown[]) => {
      invoked.push(args);
      return { ok: true, value: 'answer' };
    },
    on: (channel: string, listener: (...args: unknown[]) => void) => heard.on(channel, listener),
  };
  return { heard, invoked, ipc };
}
type Ipc = Parameters<typeof createBridge>[1];

describe('the bridge', () => {
  it.each(['main', 'approval'] as const)('of the %s window has the calls of that window and no others', async (kind) => {
    const { ipc, invoked } = setUp();
    const bridge = createBridge(kind, ipc as unknown as Ipc);
    expect([bridge.window, Object.keys(bridge.call)]).toEqual([kind, callsOf[kind]]);
    expect(await bridge.call['asks']?.({})).toEqual({ ok: true, value: 'answer' });
    expect(invoked).toEqual([[callChannel, { name: 'asks', input: {} }]]);
  });

  it('cannot be changed by a page', () => {
    const bridge = createBridge('main', setUp().ipc as unknown as Ipc);
    expect([Object.isFrozen(bridge), Object.isFrozen(bridge.call)]).toEqual([true, true]);
    expect(Object.keys(bridge).sort()).toEqual(['call', 'onRevision', 'onView', 'window']);
  });

  it('hands over values, and never the event', () => {
    const { heard, ipc } = setUp();
    const bridge = createBridge('main', ipc as unknown as Ipc);
    const seen: unknown[][] = [];
    bridge.onRevision((...args) => seen.push(args));
    bridge.onView((...args) => seen.push(args));
    heard.emit(revisionChannel, { sender: 'secret' }, 7);
    heard.emit(viewChannel, { sender: 'secret' }, 'grants');
    expect(seen).toEqual([[7], ['grants']]);
  });

  it('hands over the link of a company for the page to show', () => {
    const { heard, ipc } = setUp();
    const bridge = createBridge('main', ipc as unknown as Ipc);
    const seen: unknown[] = [];
    bridge.onView((value) => seen.push(value));
    heard.emit(viewChannel, {}, { enroll: 'lakepass://enroll?url=x&key=y' });
    expect(seen).toEqual([{ enroll: 'lakepass://enroll?url=x&key=y' }]);
  });

  it('passes over what is not a revision or a view', () => {
    const { heard, ipc } = setUp();
    const bridge = createBridge('main', ipc as unknown as Ipc);
    const seen: unknown[] = [];
    bridge.onRevision((value) => seen.push(value));
    bridge.onView((value) => seen.push(value));
    for (const value of ['7', null, { revision: 7 }]) heard.emit(revisionChannel, {}, value);
    for (const value of ['approve', 7, { view: 'grants' }, { enroll: 7 }, { enroll: 'x', accept: true }, null])
      heard.emit(viewChannel, {}, value);
    expect(seen).toEqual([]);
  });

  it('keeps the last view for a page that begins to listen later, once', () => {
    const { heard, ipc } = setUp();
    const bridge = createBridge('main', ipc as unknown as Ipc);
    heard.emit(viewChannel, {}, 'grants');
    heard.emit(viewChannel, {}, 'keys');
    const seen: unknown[] = [];
    bridge.onView((view) => seen.push(['first', view]));
    bridge.onView((view) => seen.push(['second', view]));
    expect(seen).toEqual([['first', 'keys']]);
  });

  it('lets each listener go by itself', () => {
    const { heard, ipc } = setUp();
    const bridge = createBridge('main', ipc as unknown as Ipc);
    const seen: number[] = [];
    const listener = (revision: number) => seen.push(revision);
    const stop = bridge.onRevision(listener);
    bridge.onRevision(listener);
    stop();
    heard.emit(revisionChannel, {}, 1);
    expect(seen).toEqual([1]);
  });
});

describe('a preload as it is built', () => {
  it.each(Object.entries(preloads))('%s needs Electron alone and gives the page one thing', async (name, source) => {
    const folder = await mkdtemp(join(tmpdir(), 'preload-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await bundlePreload(source, folder, name);
    const code = await readFile(join(folder, name), 'utf8');
    expect(code.length).toBeLessThan(10_000);
    const { ipc } = setUp();
    const given: [string, Bridge][] = [];
    const required: string[] = [];
    const electron = { ipcRenderer: ipc, contextBridge: { exposeInMainWorld: (key: string, api: Bridge) => given.push([key, api]) } };
    const world = createContext({
      require(what: string) {
        required.push(what);
        return what === 'electron' ? electron : undefined;
      },
    });
    runInContext(code, world);
    const kind = name === 'preload.cjs' ? 'main' : 'approval';
    expect(required).toEqual(['electron']);
    expect(given.map(([key, { window, call }]) => [key, window, Object.keys(call)])).toEqual([['lakepass', kind, [...callsOf[kind]]]]);
  });
});
