/**
 * What runs inside Chromium beside the page, as text: the preload in an isolated world of its own, and its counterpart in the page's world,
 * where what the preload exposes appears. Both run before any script of the page. They meet in events of the document under a name that
 * only they know; nothing but strings crosses, packed by one codec.
 */

export const WORLD = 'electron stand-in: preload';
export const BINDING = 'toMain';

/**
 * Values as structured clone would let them through, as a string. Functions cross where `onFunction` gives them a name, as Electron's
 * contextBridge does; everything else that cannot be cloned throws.
 */
export const codec = `
const cannot = (value) => { throw new Error('An object could not be cloned: ' + Object.prototype.toString.call(value)); };
function pack(value, onFunction = cannot) {
  const seen = new Set();
  const walk = (one) => {
    if (one === null || typeof one === 'string' || typeof one === 'boolean') return one;
    if (typeof one === 'number') return Number.isFinite(one) ? one : { $: 'number', v: String(one) };
    if (one === undefined) return { $: 'undefined' };
    if (typeof one === 'bigint') return { $: 'bigint', v: String(one) };
    if (typeof one === 'function') return { $: 'function', v: onFunction(one) };
    if (typeof one !== 'object' || seen.has(one)) cannot(one);
    seen.add(one);
    try {
      const tag = Object.prototype.toString.call(one).slice(8, -1);
      if (Array.isArray(one)) return one.map(walk);
      if (tag === 'Date') return { $: 'date', v: one.getTime() };
      if (tag === 'Uint8Array') return { $: 'bytes', v: [...one] };
      if (tag === 'Map') return { $: 'map', v: [...one].map(([key, held]) => [walk(key), walk(held)]) };
      if (tag === 'Set') return { $: 'set', v: [...one].map(walk) };
      if (tag === 'Error') return { $: 'error', v: String(one.message) };
      if (tag === 'Promise' && onFunction !== cannot) return { $: 'promise', v: onFunction(one) };
      if (tag !== 'Object') cannot(one);
      return { $: 'object', v: Object.entries(one).map(([key, held]) => [key, walk(held)]) };
    } finally {
      seen.delete(one);
    }
  };
  return JSON.stringify(walk(value));
}
function unpack(text, named = cannot) {
  const walk = (one) => {
    if (one === null || typeof one !== 'object') return one;
    if (Array.isArray(one)) return one.map(walk);
    switch (one.$) {
      case 'number': return Number(one.v);
      case 'undefined': return undefined;
      case 'bigint': return BigInt(one.v);
      case 'date': return new Date(one.v);
      case 'bytes': return new Uint8Array(one.v);
      case 'map': return new Map(one.v.map(([key, held]) => [walk(key), walk(held)]));
      case 'set': return new Set(one.v.map(walk));
      case 'error': return new Error(one.v);
      case 'function': return named(one.v, 'function');
      case 'promise': return named(one.v, 'promise');
      case 'object': return Object.fromEntries(one.v.map(([key, held]) => [key, walk(held)]));
      default: throw new Error('not packed by us');
    }
  };
  return walk(JSON.parse(text));
}
`;

/**
 * One end of the bridge between two worlds of one document. Calls are synchronous, as over Electron's contextBridge; functions and
 * promises cross as names. What the other world may reach is only what was handed to it.
 */
const bridge = `
function openBridge(mine, theirs, { onExpose }) {
  const add = document.addEventListener.bind(document);
  const dispatch = document.dispatchEvent.bind(document);
  const Custom = CustomEvent;
  const handed = new Map();
  const names = new WeakMap();
  const promises = new Map();
  let count = 0;
  let reply;
  const tell = (said) => dispatch(new Custom(theirs, { detail: said }));
  const name = (one) => {
    const known = names.get(one);
    if (known !== undefined) return known;
    count += 1;
    names.set(one, count);
    handed.set(count, one);
    if (typeof one !== 'function') {
      const id = count;
      one.then(
        (value) => tell('settle ' + pack({ id, ok: true, value: packed(value) })),
        (error) => tell('settle ' + pack({ id, ok: false, value: packed(String(error?.message ?? error)) })),
      );
    }
    return count;
  };
  const packed = (value) => pack(value, name);
  const named = (id, kind) => {
    if (kind === 'promise') {
      const settled = Promise.withResolvers();
      promises.set(id, settled);
      return settled.promise;
    }
    return (...args) => {
      const call = packed(args);
      tell('call ' + pack({ id, args: call }));
      const { ok, value } = unpack(reply);
      if (!ok) throw new Error(unpack(value));
      return unpack(value, named);
    };
  };
  add(mine, ({ detail }) => {
    const [verb] = detail.split(' ', 1);
    const text = detail.slice(verb.length + 1);
    if (verb === 'reply') reply = text;
    else if (verb === 'expose') onExpose(unpack(text, named));
    else if (verb === 'settle') {
      const { id, ok, value } = unpack(text);
      const settled = promises.get(id);
      promises.delete(id);
      if (ok) settled?.resolve(unpack(value, named));
      else settled?.reject(new Error(unpack(value)));
    } else if (verb === 'call') {
      const { id, args } = unpack(text);
      let answer;
      try {
        answer = { ok: true, value: packed(handed.get(id)(...unpack(args, named))) };
      } catch (error) {
        answer = { ok: false, value: pack(String(error?.message ?? error)) };
      }
      tell('reply ' + pack(answer));
    }
  });
  return { expose: (value) => tell('expose ' + packed(value)) };
}
`;

/** The world of the preload. It has what a sandboxed preload has, and throws by name for the rest. */
export const isolatedWorld = (secret: string, preload: string): string => `(() => {
  if (window !== window.top) return;
  ${codec}
  ${bridge}
  const toMain = globalThis.${BINDING};
  const waiting = new Map();
  const listeners = new Map();
  const exposed = new Set();
  let count = 0;
  const say = (said) => toMain(pack(said));
  const strict = (name, members) => new Proxy(members, {
    get(on, key) {
      if (typeof key === 'symbol' || key in on || key === 'then') return Reflect.get(on, key);
      throw new Error('the stand-in for electron has no ' + name + '.' + key);
    },
  });
  const ask = (said) => new Promise((resolve, reject) => {
    count += 1;
    waiting.set(count, { resolve, reject });
    try {
      say({ ...said, id: count });
    } catch (error) {
      waiting.delete(count);
      reject(error);
    }
  });
  globalThis.hear = (text) => {
    const said = unpack(text);
    if (said.kind === 'event') {
      for (const listener of [...(listeners.get(said.channel) ?? [])]) listener({ sender: ipcRenderer, ports: [] }, ...said.args);
      return;
    }
    const waiter = waiting.get(said.id);
    waiting.delete(said.id);
    if (said.ok) waiter?.resolve(said.value);
    else waiter?.reject(new Error(said.value));
  };

  const on = (channel, listener) => {
    listeners.set(channel, [...(listeners.get(channel) ?? []), listener]);
    return ipcRenderer;
  };
  const off = (channel, listener) => {
    listeners.set(channel, (listeners.get(channel) ?? []).filter((each) => each !== listener));
    return ipcRenderer;
  };
  const ipcRenderer = strict('ipcRenderer', {
    invoke: (channel, ...args) => ask({ kind: 'invoke', channel, args }),
    send: (channel, ...args) => say({ kind: 'send', channel, args }),
    on, addListener: on, off, removeListener: off,
    once(channel, listener) {
      const first = (...args) => { off(channel, first); listener(...args); };
      return on(channel, first);
    },
    removeAllListeners: (channel) => { listeners.delete(channel); return ipcRenderer; },
  });
  const { expose } = openBridge('${secret} isolated', '${secret} main', { onExpose: () => undefined });
  const contextBridge = strict('contextBridge', {
    exposeInMainWorld(name, api) {
      if (exposed.has(name)) throw new Error('Cannot bind an API on top of an existing property on the window object');
      exposed.add(name);
      expose({ kind: 'api', name, api });
    },
  });
  const modules = { electron: strict('electron in a sandboxed preload', { ipcRenderer, contextBridge }) };
  const require = (name) => {
    const found = modules[name.replace(/^node:/, '')] ?? (name === 'electron/renderer' ? modules.electron : undefined);
    if (found === undefined) throw new Error('module not found: ' + name);
    return found;
  };
  const process = strict('process in a sandboxed preload', {
    type: 'renderer', sandboxed: true, contextIsolated: true, platform: 'linux', arch: 'x64', versions: { electron: '45.4.1' },
  });
  const module = { exports: {} };
  // What the page tries is asked by its own world; here it is only passed on.
  const ready = () => {
    expose({ kind: 'permissions', ask: (kind, permission) => ask({ kind: 'permission', which: kind, permission }) });
    try {
      (function (require, process, exports, module, setImmediate) {
        ${preload}
      })(require, process, module.exports, module, (run) => setTimeout(run, 0));
    } catch (error) {
      say({ kind: 'preload-error', message: String(error?.message ?? error) });
    }
    const title = () => say({ kind: 'title', title: document.title });
    const watch = () => new MutationObserver(title).observe(document.head, { childList: true, subtree: true, characterData: true });
    if (document.head) watch();
    else addEventListener('DOMContentLoaded', watch, { once: true });
  };
  // Whichever world comes first, the other is there when it is spoken to.
  document.addEventListener('${secret} page', ready, { once: true });
})()`;

/** The page's own world: what the preload exposes, frozen; and what asks for a permission asks the app. */
export const pageWorld = (secret: string): string => `(() => {
  if (window !== window.top) return;
  ${codec}
  ${bridge}
  const freeze = (value) => {
    if (typeof value === 'object' && value !== null) Object.values(value).forEach(freeze);
    return Object.freeze(value);
  };
  let askFor;
  openBridge('${secret} main', '${secret} isolated', {
    onExpose({ kind, name, api, ask }) {
      if (kind === 'permissions') askFor = ask;
      else Object.defineProperty(window, name, { value: freeze(api), enumerable: true, writable: false, configurable: false });
    },
  });
  const denied = (what) => new DOMException(what + ' was denied', 'NotAllowedError');
  const gate = async (permission, allowed) => {
    if (await askFor('request', permission)) throw new Error('the stand-in for electron cannot give the permission ' + permission);
    return allowed;
  };
  const refusing = (permission) => async () => {
    await gate(permission);
    throw denied(permission);
  };
  const wrap = (on, name, value) => on && Object.defineProperty(on, name, { value, writable: true, configurable: true });
  if (window.Notification) wrap(Notification, 'requestPermission', async () => { await gate('notifications'); return 'denied'; });
  wrap(window.Geolocation?.prototype, 'getCurrentPosition', (good, bad) => {
    gate('geolocation').then(() => bad?.({ code: 1, message: 'User denied Geolocation' }));
  });
  wrap(window.MediaDevices?.prototype, 'getUserMedia', refusing('media'));
  wrap(window.MediaDevices?.prototype, 'getDisplayMedia', refusing('display-capture'));
  wrap(window.Clipboard?.prototype, 'readText', refusing('clipboard-read'));
  wrap(window.Clipboard?.prototype, 'read', refusing('clipboard-read'));
  wrap(window.Clipboard?.prototype, 'writeText', refusing('clipboard-sanitized-write'));
  wrap(Element.prototype, 'requestFullscreen', refusing('fullscreen'));
  wrap(Element.prototype, 'requestPointerLock', refusing('pointerLock'));
  wrap(Navigator.prototype, 'requestMIDIAccess', refusing('midi'));
  wrap(window.StorageManager?.prototype, 'persist', async () => { await gate('persistent-storage'); return false; });
  wrap(window.Permissions?.prototype, 'query', async ({ name }) => ({
    name,
    state: (await askFor('check', name)) ? 'granted' : 'denied',
    onchange: null,
  }));
  document.dispatchEvent(new Event('${secret} page'));
})()`;
