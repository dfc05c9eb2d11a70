/**
 * A window of the desktop app as its page sees it: the bundled page under the policy that the app's protocol handler sends, and a
 * bridge that hands every call to an agent that is a fake, by the same lists and schemas as the app.
 */
import type { BrowserContext, Page } from '@playwright/test';
import { asAppError } from '../../main/app-error.ts';
import { unknownCaller } from '../../main/caller/caller.ts';
import { readPageFiles } from '../../main/desktop/page-files.ts';
import { pageHost, scheme } from '../../main/desktop/window-options.ts';
import { systemClock } from '../../main/host-ports.ts';
import { callUi } from '../../main/pages/ui-agent.ts';
import { callsOf, type Outcome, type Wanted, type WindowKind } from '../../preload/contract/desktop.ts';
import type { UiCall } from '../../preload/contract/ui.ts';
import { type FakePagesAgent, fakePagesAgent } from '../fakes/pages-agent.ts';
import { contextOf, type Look, type Theatre } from './ui-stage.ts';

export interface AppWindow {
  page: Page;
  agent: FakePagesAgent;
  /** What was asked of the shell itself, oldest first. */
  shell: { name: string; input: unknown }[];
  complaints: string[];
  /** The app shows it another view. */
  show(wanted: Wanted): Promise<void>;
  /** From now on no call is answered; or they are again. */
  isGone: boolean;
  close(): Promise<void>;
}

const origin = 'https://lakepass.invalid';
const firstPath: Record<WindowKind, string> = { main: '/', approval: '/approval' };

/** Stands in for the preload: the same shape, over one function that leads here. */
const bridge = (kind: WindowKind, names: readonly string[]): string => `{
  const listeners = { revision: new Set(), view: new Set() };
  globalThis.tell = (what, value) => listeners[what].forEach((listener) => listener(value));
  const on = (what) => (listener) => (listeners[what].add(listener), () => listeners[what].delete(listener));
  const call = Object.fromEntries(${JSON.stringify(names)}.map((name) => [name, (input) => globalThis.cross(name, input)]));
  Object.defineProperty(globalThis, 'lakepass', {
    value: Object.freeze({ window: '${kind}', call: Object.freeze(call), onRevision: on('revision'), onView: on('view') }),
  });
}`;

export async function openWindow(theatre: Theatre, kind: WindowKind, look: Look = {}): Promise<AppWindow> {
  const agent = fakePagesAgent({ clock: systemClock });
  agent.update((state) => {
    state.host = 'desktop';
  });
  const context: BrowserContext = await contextOf(theatre.browser, look);
  const page = await context.newPage();
  const files = await readPageFiles(`${theatre.folder}/`);
  const opened: AppWindow = {
    ...{ page, agent, shell: [], complaints: [], isGone: false },
    show: (wanted) => page.evaluate(`globalThis.tell('view', ${JSON.stringify(wanted)})`),
    close: () => context.close(),
  };

  async function cross(name: string, input: unknown): Promise<Outcome> {
    if (opened.isGone) throw new Error('nobody is there');
    if (name.startsWith('shell/')) {
      opened.shell.push({ name, input });
      return { ok: true, value: {} };
    }
    try {
      return { ok: true, value: await callUi(agent.ui, name as UiCall, input, unknownCaller) };
    } catch (error) {
      return { ok: false, failure: asAppError(error).toFailure() };
    }
  }

  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && opened.complaints.push(message.text()));
  page.on('pageerror', (error) => opened.complaints.push(String(error)));
  await page.exposeFunction('cross', cross);
  await page.addInitScript(bridge(kind, callsOf[kind]));
  await context.route('**/*', async (route) => {
    const request = route.request();
    const answer = files.answer(kind, { method: request.method(), url: request.url().replace(origin, `${scheme}://${pageHost}`) });
    await route.fulfill({
      status: answer.status,
      headers: Object.fromEntries(answer.headers),
      body: Buffer.from(await answer.arrayBuffer()),
    });
  });
  agent.onChange = () => void page.evaluate(`globalThis.tell?.('revision', ${agent.revision()})`).catch(() => undefined); // a page that is closed wants to know nothing
  await page.goto(`${origin}${firstPath[kind]}`);
  return opened;
}
