/**
 * The windows' side: what Electron does with Chromium, done with Chromium by CDP. Every window is a page of a browser context of its
 * session; `app://HOST/…` is served from `https://HOST.app.invalid/…` by the app's own `protocol.handle`, so that Chromium itself enforces its
 * headers, and main is told `app://` again. Who sent a message is read from Chromium, never from the page.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  type Browser,
  type BrowserContext,
  type CDPSession,
  errors,
  type Frame,
  type Page,
  type Request,
  type Route,
} from '@playwright/test';
import { WAIT_MS } from '../chromium.ts';
import { BINDING, codec, isolatedWorld, pageWorld, WORLD } from './page-worlds.ts';
import { type FrameView, type MainTable, openWire, type WindowBirth, type WindowsTable, type Wire } from './wire.ts';

const { pack, unpack } = new Function(`${codec}; return { pack, unpack };`)() as {
  pack: (value: unknown) => string;
  unpack: (text: string) => unknown;
};

export interface SimWindow {
  readonly id: number;
  readonly page: Page;
  readonly partition: string;
}

/** A page on the web that windows can be led to. */
export type Site = (url: URL) => { status?: number; headers?: Record<string, string>; body?: string } | undefined;

export interface Screen {
  windows(): SimWindow[];
  /** The first window whose address, as main knows it, is this one; waits until it has been loaded. */
  windowAt(url: string): Promise<SimWindow>;
  /** What pages complained about in their consoles, and preloads that did not load. */
  complaints: string[];
  /** Addresses that a window tried to reach outside the app. */
  reached: string[];
  /** The next address that the shell gave to the system browser, in the order in which they came. */
  opened(): Promise<string>;
  /** Pages on the web; nothing else is reachable. */
  site: Site;
  main: Wire<MainTable>;
  /** A message as a renderer would send it that has been taken over, from this very frame. Rejects as `ipcRenderer.invoke` does. */
  invokeFrom(frame: Frame, channel: string, ...args: unknown[]): Promise<unknown>;
  /** The same from a frame that is gone by the time main looks. */
  invokeFromGone(window: SimWindow, channel: string, ...args: unknown[]): Promise<unknown>;
  /** As if the page had put a <webview> into itself; false: it was not attached. */
  attachWebview(window: SimWindow, src: string): Promise<boolean>;
  /** Ends what is shown; main has gone. */
  close(why: string): Promise<void>;
}

interface Open extends SimWindow {
  cdp: CDPSession;
  /** The isolated world of the document that is shown now. */
  world: number | undefined;
  mainFrameId: string;
  /** The address that main itself is loading. */
  loading: string | undefined;
  isLoaded: boolean;
}

const HOST = '.app.invalid';
/** As Chromium is given it. */
export const toChromium = (url: string): string => url.replace(/^app:\/\/([^/?#]+)/, `https://$1${HOST}`);
/** As main knows it. */
export const toMain = (url: string): string =>
  url.replace(new RegExp(`^https://([^/?#]+)${HOST.replaceAll('.', '\\.')}(?=[/?#]|$)`), 'app://$1');
const isOurs = (url: string): boolean => toMain(url) !== url;

/** Without them a page has no place in the network's own errors. */
const ownSchemes = new Set(['http:', 'https:', 'about:', 'blob:', 'data:', 'javascript:', 'chrome-error:', 'file:']);

/**
 * On a machine with too much to do Chromium now and then never begins the first navigation of a fresh page: it is led there again. One that
 * has begun is not begun anew: then the machine is only slow.
 *
 * @throws TimeoutError, which says how far it came
 */
async function lead(page: Page, url: string): Promise<void> {
  const again = 3;
  for (let attempt = 1; ; attempt += 1) {
    const asked = page.waitForRequest((request) => request.isNavigationRequest() && request.frame() === page.mainFrame(), {
      timeout: 20_000,
    });
    const begun = asked.then(
      () => true,
      () => false,
    );
    const loaded = page.goto(url, { timeout: 90_000 });
    // Where it never began, the next attempt takes its place.
    loaded.catch(() => undefined);
    if (await Promise.race([begun, loaded.then(() => true)])) return void (await loaded);
    if (attempt === again) throw new errors.TimeoutError(`${toMain(url)} was never asked for, in ${again} attempts`);
  }
}

export function openScreen(browser: Browser, channel: Parameters<typeof openWire>[0]): Screen {
  const contexts = new Map<string, Promise<BrowserContext>>();
  const open = new Map<number, Open>();
  const births = new Map<number, Promise<Open>>();
  const complaints: string[] = [];
  const reached: string[] = [];
  const waiting = new Set<() => void>();
  const given: string[] = [];
  const wanted: ((url: string) => void)[] = [];
  let scheme: 'light' | 'dark' | null = null;

  const main = openWire<MainTable, WindowsTable>(channel, {
    create(birth) {
      const born = bear(birth);
      births.set(birth.window, born);
      born.catch((error: unknown) => complaints.push(`window ${birth.window}: ${String(error)}`));
    },
    async load({ window, url }) {
      const shown = await whole(window);
      shown.loading = toChromium(url);
      try {
        await lead(shown.page, shown.loading);
      } catch (error) {
        // Nobody else would say so: the shell takes a window that was closed for one that could not load.
        if (error instanceof errors.TimeoutError) complaints.push(`window ${window}: ${error.message}`);
        throw error;
      } finally {
        shown.loading = undefined;
      }
    },
    async tell({ window, channel: name, args }) {
      await hear(await whole(window), { kind: 'event', channel: name, args });
    },
    async destroy({ window }) {
      const shown = await whole(window);
      open.delete(window);
      births.delete(window);
      await shown.page.close();
    },
    evaluate: async ({ window, code }) => (await whole(window)).page.evaluate(code),
    async reload({ window }) {
      const shown = await whole(window);
      shown.loading = shown.page.url();
      await shown.page.reload();
      shown.loading = undefined;
    },
    async colours({ scheme: wanted }) {
      scheme = wanted === 'system' ? null : wanted;
      for (const { page } of open.values()) await page.emulateMedia({ colorScheme: scheme });
    },
    external({ url }) {
      const waiter = wanted.shift();
      if (waiter === undefined) given.push(url);
      else waiter(url);
    },
  });

  async function whole(window: number): Promise<Open> {
    const born = births.get(window);
    if (born === undefined) throw new Error('the window is gone');
    return born;
  }

  function contextOf(partition: string): Promise<BrowserContext> {
    const found = contexts.get(partition);
    if (found !== undefined) return found;
    const made = browser.newContext({ serviceWorkers: 'block', acceptDownloads: false, colorScheme: scheme, reducedMotion: 'reduce' });
    const routed = made.then(async (context) => {
      context.setDefaultTimeout(WAIT_MS);
      await context.route('**/*', (route, request) => answer(partition, route, request));
      return context;
    });
    contexts.set(partition, routed);
    return routed;
  }

  async function bear({ window: id, partition, preload, width, height }: WindowBirth): Promise<Open> {
    const context = await contextOf(partition);
    const page = await context.newPage();
    await page.setViewportSize({ width, height });
    const cdp = await context.newCDPSession(page);
    const secret = randomBytes(16).toString('hex');
    const shown: Open = { ...{ id, page, partition, cdp }, world: undefined, mainFrameId: '', loading: undefined, isLoaded: false };
    watch(shown);
    await cdp.send('Page.enable');
    const { frameTree } = await cdp.send('Page.getFrameTree');
    shown.mainFrameId = frameTree.frame.id;
    await cdp.send('Runtime.enable');
    await cdp.send('Runtime.addBinding', { name: BINDING, executionContextName: WORLD });
    const text = preload === null ? '' : readFileSync(preload, 'utf8');
    await cdp.send('Page.addScriptToEvaluateOnNewDocument', { source: isolatedWorld(secret, text), worldName: WORLD });
    await cdp.send('Page.addScriptToEvaluateOnNewDocument', { source: pageWorld(secret) });
    open.set(id, shown);
    return shown;
  }

  function watch(shown: Open): void {
    const { cdp, page, id } = shown;
    const tellLoaded = (phase: MainTable['loaded']['ask']['phase'], title: string): void =>
      ignore(main.ask('loaded', { window: id, phase, url: toMain(page.url()), title }));
    cdp.on('Runtime.executionContextCreated', ({ context }) => {
      const of = context.auxData as { frameId?: string } | undefined;
      if (context.name === WORLD && of?.frameId === shown.mainFrameId) shown.world = context.id;
    });
    cdp.on('Runtime.bindingCalled', ({ name, payload, executionContextId }) => {
      if (name === BINDING) void heard(shown, executionContextId, unpack(payload) as Said);
    });
    cdp.on('Page.windowOpen', ({ url, windowName, windowFeatures }) => {
      void main
        .ask('open-window', { window: id, url: toMain(url), frameName: windowName, features: windowFeatures.join(',') })
        .then((action) => action === 'allow' && complaints.push('a window was allowed to open another, which the stand-in cannot do'));
    });
    // Programs that belong to other schemes: no request of Chromium's shows them.
    cdp.on('Page.frameRequestedNavigation', ({ url, frameId }) => {
      if (!ownSchemes.has(URL.parse(url)?.protocol ?? '')) void leaveFor(shown, url, frameId === shown.mainFrameId);
    });
    page.on('download', (download) => {
      void main
        .ask('download', { window: id, url: download.url() })
        .then((saved) => saved && complaints.push('a file was allowed to be saved, which the stand-in does not do'));
    });
    page.on('popup', (popup) => void popup.close());
    page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('framenavigated', (frame) => frame === page.mainFrame() && tellLoaded('commit', ''));
    page.on('domcontentloaded', () => tellLoaded('dom-ready', ''));
    page.on('load', () => {
      shown.isLoaded = true;
      for (const look of waiting) look();
      void page.title().then(
        (title) => tellLoaded('finish', title),
        () => undefined,
      );
    });
    page.on('crash', () => ignore(main.ask('gone', { window: id, crashed: true })));
    page.on('close', () => {
      if (open.delete(id)) ignore(main.ask('gone', { window: id, crashed: false }));
    });
  }

  type Said =
    | { kind: 'invoke'; id: number; channel: string; args: unknown[] }
    | { kind: 'send'; channel: string; args: unknown[] }
    | { kind: 'permission'; id: number; which: 'request' | 'check'; permission: string }
    | { kind: 'title'; title: string }
    | { kind: 'preload-error'; message: string };

  async function heard(shown: Open, world: number, said: Said): Promise<void> {
    const { id: window, page } = shown;
    // A document that has gone in the meantime has no frame any more.
    const frame = world === shown.world ? viewOf(shown, page.mainFrame()) : null;
    const url = toMain(page.url());
    switch (said.kind) {
      case 'preload-error':
        complaints.push(`preload: ${said.message}`);
        return ignore(main.ask('loaded', { window, phase: 'preload-error', url, title: said.message }));
      case 'title':
        return ignore(main.ask('loaded', { window, phase: 'title', url, title: said.title }));
      case 'send':
        return ignore(main.ask('send', { window, frame, channel: said.channel, args: said.args }));
      case 'invoke':
        return reply(shown, world, said.id, main.ask('invoke', { window, frame, channel: said.channel, args: said.args }));
      case 'permission': {
        const { permission } = said;
        const asked =
          said.which === 'request'
            ? main.ask('permission/request', { window, permission, url })
            : main.ask('permission/check', { window, permission, origin: new URL(url).origin });
        return reply(shown, world, said.id, asked);
      }
    }
  }

  async function reply(shown: Open, world: number, id: number, answered: Promise<unknown>): Promise<void> {
    const said = await answered.then(
      (value) => ({ kind: 'answer', id, ok: true, value }),
      (error: Error) => ({ kind: 'answer', id, ok: false, value: error.message }),
    );
    await hear(shown, said, world);
  }

  /** Says something to the preload's world of the document that is shown, or of the one that asked. */
  async function hear({ cdp, world }: Open, said: unknown, contextId = world): Promise<void> {
    if (contextId === undefined) return;
    const expression = `hear(${JSON.stringify(pack(said))})`;
    // The document may be gone: nobody is there to hear it, as in Electron.
    const { exceptionDetails } = (await cdp.send('Runtime.evaluate', { expression, contextId }).catch(() => undefined)) ?? {};
    if (exceptionDetails !== undefined) complaints.push(exceptionDetails.exception?.description ?? exceptionDetails.text);
  }

  async function leaveFor(shown: Open, url: string, isMainFrame: boolean): Promise<void> {
    const frame = viewOf(shown, shown.page.mainFrame());
    const { id: window } = shown;
    const asked = { window, url, frame: isMainFrame ? frame : { ...frame, routingId: 2, parent: frame }, redirect: false };
    if (await main.ask('navigate', asked)) return;
    if (await main.ask('permission/request', { window, permission: 'openExternal', url: frame.url }))
      complaints.push(`the system was allowed to open ${url}, which the stand-in does not do`);
  }

  async function answer(partition: string, route: Route, request: Request): Promise<void> {
    const url = request.url();
    const shown = windowOf(request);
    try {
      // A window that one of ours has opened: it is closed, and reaches nothing until then.
      if (shown === undefined) return await route.abort('aborted');
      if (request.isNavigationRequest() && !isOwnLoad(shown, request)) {
        const asked = { window: shown.id, url: toMain(url), frame: viewOf(shown, request.frame()), redirect: false };
        if (await main.ask('navigate', asked)) return await route.abort('aborted');
      }
      if (isOurs(url)) return await serve(partition, route, request);
      if (!(await main.ask('before-request', { partition, url, method: request.method() }))) return await route.abort('blockedbyclient');
      await visit(shown, route, request);
    } catch (error) {
      // A page that is gone needs no answer; anything else a test has to see.
      if (shown === undefined || !shown.page.isClosed()) complaints.push(`${toMain(url)}: ${String(error)}`);
      await route.abort('failed').catch(() => undefined);
    }
  }

  const isOwnLoad = (shown: Open, request: Request): boolean =>
    request.frame() === shown.page.mainFrame() && shown.loading === request.url();

  async function serve(partition: string, route: Route, request: Request): Promise<void> {
    // Not all that Chromium would send: it says the rest only of a request that goes on, and this one waits for us.
    const headers = request.headers();
    const sent = await main.ask('request', { partition, url: toMain(request.url()), method: request.method(), headers });
    if (sent === null) return route.abort('failed');
    await route.fulfill({
      status: sent.status,
      headers: Object.fromEntries(sent.headers.map(([name, value]) => [name, value.replaceAll('app://', 'https://')])),
      body: Buffer.from(sent.body),
    });
  }

  async function visit(shown: Open, route: Route, request: Request): Promise<void> {
    reached.push(request.url());
    const page = screen.site(new URL(request.url()));
    if (page === undefined) return route.abort('namenotresolved');
    const { status = 200, headers = {}, body = '' } = page;
    const to = headers['location'];
    if (to !== undefined && request.isNavigationRequest()) {
      const asked = { window: shown.id, url: toMain(to), frame: viewOf(shown, request.frame()), redirect: true };
      if (await main.ask('navigate', asked)) return route.abort('aborted');
    }
    await route.fulfill({ status, headers: { 'content-type': 'text/html', ...headers }, body });
  }

  function windowOf(request: Request): Open | undefined {
    try {
      const page = request.frame().page();
      return [...open.values()].find((each) => each.page === page);
    } catch {
      // A navigation of a window that has no frame yet: none of ours begins that way.
      return undefined;
    }
  }

  /** From what Chromium says of the frame. Frames of another origin live in another process. */
  function viewOf(shown: Open, frame: Frame): FrameView {
    const url = toMain(frame.url());
    const parent = frame.parentFrame();
    const processId = 1000 + shown.id;
    if (parent === null) return { url, routingId: 1, processId, parent: null };
    const routingId = 2 + shown.page.frames().indexOf(frame);
    return { url, routingId, processId: isOurs(frame.url()) ? processId : processId + 1000, parent: viewOf(shown, parent) };
  }

  const ignore = (asked: Promise<unknown>): void => void asked.catch(() => undefined);
  const ownerOf = (frame: Frame): Open => {
    const shown = [...open.values()].find(({ page }) => page === frame.page());
    if (shown === undefined) throw new Error('the frame is in none of the windows');
    return shown;
  };

  const screen: Screen = {
    ...{ complaints, reached, main },
    windows: () => [...open.values()],
    async opened() {
      const next = given.shift();
      return next ?? new Promise((resolve) => wanted.push(resolve));
    },
    async windowAt(url) {
      const found = Promise.withResolvers<SimWindow>();
      const look = (): void => {
        const shown = [...open.values()].find((each) => each.isLoaded && toMain(each.page.url()) === url);
        if (shown !== undefined) found.resolve(shown);
      };
      waiting.add(look);
      look();
      return found.promise.finally(() => waiting.delete(look));
    },
    site: () => undefined,
    async invokeFrom(frame, name, ...args) {
      const shown = ownerOf(frame);
      return main.ask('invoke', { window: shown.id, frame: viewOf(shown, frame), channel: name, args });
    },
    invokeFromGone: ({ id }, name, ...args) => main.ask('invoke', { window: id, frame: null, channel: name, args }),
    attachWebview: async ({ id }, src) => !(await main.ask('webview', { window: id, src })),
    async close(why) {
      main.cut(why);
      open.clear();
      for (const context of contexts.values()) await (await context).close();
    },
  };
  return screen;
}
