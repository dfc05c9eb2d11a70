/**
 * What the main process under test and the windows' side, which is the test's own process, say to each other. It stands where Mojo
 * stands between Electron's processes; every value crosses by structured clone (`serialization: 'advanced'`), in both directions.
 */

/** A frame as the browser itself knows it; nothing in it comes from a page. */
export interface FrameView {
  /** As main knows it: `app://…` for what is served from another origin in Chromium. */
  url: string;
  routingId: number;
  processId: number;
  /** null: it is the main frame of its window. */
  parent: FrameView | null;
}

export interface Sent {
  status: number;
  headers: [string, string][];
  body: Uint8Array;
}

/** How a window is made, as far as the windows' side must know. */
export interface WindowBirth {
  window: number;
  partition: string;
  preload: string | null;
  width: number;
  height: number;
}

/** What the stand-in remembers of what the shell did, for tests to look at. */
export interface Seen {
  windows: {
    id: number;
    title: string;
    url: string;
    visible: boolean;
    focused: boolean;
    minimized: boolean;
    alwaysOnTop: boolean;
    bounds: { x: number; y: number; width: number; height: number };
    webPreferences: Record<string, unknown>;
  }[];
  trays: { tooltip: string; title: string; images: number; menu: MenuEntry[] }[];
  applicationMenu: MenuEntry[] | null;
  notifications: { title: string; body: string; shown: boolean; closed: boolean }[];
  dialogs: { kind: string; message: string; buttons: string[] }[];
  clipboard: string;
  external: string[];
  protocolClients: string[];
  commandLine: string[];
  /** Names of things that were used and do not exist here. */
  refused: string[];
}

export interface MenuEntry {
  id: string;
  label: string;
  type: string;
  checked: boolean;
  enabled: boolean;
  submenu: MenuEntry[];
}

/** What a test has the machine do. */
export type Drive =
  | { act: 'power'; event: 'lock-screen' | 'unlock-screen' | 'suspend' | 'resume' | 'shutdown' }
  | { act: 'app'; event: 'activate' | 'open-url'; url?: string }
  | { act: 'tray'; event: 'click' | 'double-click' | 'right-click' }
  /** Labels from the top to the entry; `menu` is the one of the tray or of the application. */
  | { act: 'menu'; menu: 'tray' | 'application'; path: string[] }
  | { act: 'notification'; index: number; event: 'click' | 'close' }
  | { act: 'window'; window: number; event: 'close' | 'focus' | 'blur' }
  /** The button that dialogs are answered with from now on. */
  | { act: 'dialog'; response: number };

/** What the windows' side asks of main. */
export interface MainTable {
  request: { ask: { partition: string; url: string; method: string; headers: Record<string, string> }; answer: Sent | null };
  /** Whether a request to the network may leave; nobody answers it here but the test. */
  'before-request': { ask: { partition: string; url: string; method: string }; answer: boolean };
  /** true: a listener has said no. */
  navigate: { ask: { window: number; url: string; frame: FrameView; redirect: boolean }; answer: boolean };
  'open-window': { ask: { window: number; url: string; frameName: string; features: string }; answer: 'allow' | 'deny' };
  'permission/request': { ask: { window: number; permission: string; url: string }; answer: boolean };
  'permission/check': { ask: { window: number; permission: string; origin: string }; answer: boolean };
  /** false: the file is not to be saved. */
  download: { ask: { window: number; url: string }; answer: boolean };
  webview: { ask: { window: number; src: string }; answer: boolean };
  /** `frame` is null where the frame that sent it is gone. */
  invoke: { ask: { window: number; frame: FrameView | null; channel: string; args: unknown[] }; answer: unknown };
  send: { ask: { window: number; frame: FrameView | null; channel: string; args: unknown[] }; answer: undefined };
  /** A document has been committed in, or has finished loading into, the main frame. */
  loaded: {
    ask: { window: number; phase: 'commit' | 'dom-ready' | 'finish' | 'title' | 'preload-error'; url: string; title: string };
    answer: undefined;
  };
  /** The page of a window is gone without the shell having asked for it. */
  gone: { ask: { window: number; crashed: boolean }; answer: undefined };
  drive: { ask: Drive; answer: undefined };
  look: { ask: null; answer: Seen };
}

/** What main asks of the windows' side. */
export interface WindowsTable {
  create: { ask: WindowBirth; answer: undefined };
  load: { ask: { window: number; url: string }; answer: undefined };
  /** To the preload of the document in the main frame. */
  tell: { ask: { window: number; channel: string; args: unknown[] }; answer: undefined };
  destroy: { ask: { window: number }; answer: undefined };
  evaluate: { ask: { window: number; code: string }; answer: unknown };
  reload: { ask: { window: number }; answer: undefined };
  colours: { ask: { scheme: 'light' | 'dark' | 'system' }; answer: undefined };
  external: { ask: { url: string }; answer: undefined };
}

type Table = Record<string, { ask: unknown; answer: unknown }>;
export type Handlers<T> = { [N in keyof T]: T[N] extends { ask: infer A; answer: infer R } ? (ask: A) => R | Promise<R> : never };

export interface Wire<Theirs> {
  ask<N extends keyof Theirs & string>(
    name: N,
    ask: Theirs[N] extends { ask: infer A } ? A : never,
  ): Promise<Theirs[N] extends { answer: infer R } ? R : never>;
  /** No answer will come any more: whoever waits is told. */
  cut(why: string): void;
}

type Message =
  | { wire: 'ask'; id: number; name: string; ask: unknown }
  | { wire: 'ok'; id: number; answer: unknown }
  | { wire: 'no'; id: number; error: string };

const isMessage = (said: unknown): said is Message => typeof said === 'object' && said !== null && 'wire' in said;

/** One end of the wire. Failures cross as their message alone. */
export function openWire<Theirs extends object, Ours extends object>(
  channel: { send: (said: unknown) => void; onMessage: (listener: (said: unknown) => void) => void },
  ours: Handlers<Ours>,
): Wire<Theirs> {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let count = 0;
  let cutBy: string | undefined;
  const send = (message: Message): void => {
    if (cutBy === undefined) channel.send(message);
  };

  channel.onMessage((said) => {
    if (!isMessage(said)) return;
    if (said.wire === 'ask') return void serve(said);
    const waiter = waiting.get(said.id);
    waiting.delete(said.id);
    if (said.wire === 'ok') waiter?.resolve(said.answer);
    else waiter?.reject(new Error(said.error));
  });

  async function serve({ id, name, ask }: Extract<Message, { wire: 'ask' }>): Promise<void> {
    const handler = (ours as unknown as Record<string, (ask: unknown) => unknown>)[name];
    try {
      if (handler === undefined) throw new Error(`nobody answers ${name}`);
      const answer = await handler(ask);
      send({ wire: 'ok', id, answer });
    } catch (error) {
      send({ wire: 'no', id, error: error instanceof Error ? error.message : String(error) });
    }
  }

  return {
    ask(name, ask) {
      if (cutBy !== undefined) return Promise.reject(new Error(cutBy));
      count += 1;
      const answer = Promise.withResolvers<unknown>();
      waiting.set(count, answer);
      send({ wire: 'ask', id: count, name, ask });
      return answer.promise as never;
    },
    cut(why) {
      cutBy = why;
      for (const waiter of waiting.values()) waiter.reject(new Error(why));
      waiting.clear();
    },
  };
}

export type { Table };
