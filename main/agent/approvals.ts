/**
 * Brings a request before a person and waits for the answer. There is one prompt at a time: in the window of a host that has one, else in
 * one browser tab for all of them, where a page that listens already is told, else one is opened.
 */
import type { AskView } from '../../preload/contract/consent.ts';
import { AppError, asAppError } from '../app-error.ts';
import type { Answer, Ask, Asked, Consents } from '../grant/consents.ts';
import type { Pages } from '../pages/pages.ts';
import type { Ports } from '../ports.ts';

/** What the asking program's terminal is told: the request, and where to answer where no browser could be opened. */
export type Tell = (asking: { asking: AskView; url: string | null }) => void;

export type Approved = Extract<Answer, { verdict: 'approved' }>;

/** `url` is null where a window of our own shows it, so that there is nowhere to go. */
export interface Opened {
  url: string | null;
  browser: 'opened' | 'none' | 'shown';
}

export interface Approvals {
  /**
   * @param options.signal whoever asked has gone: the request is withdrawn
   * @throws AppError TAP_KEY_NEEDED | CONSENT_DENIED (reason: how far the no reaches) | CONSENT_UNANSWERED | CONSENT_QUIET | CONSENT_QUEUE_FULL
   */
  request(ask: Ask, options: { signal: AbortSignal; tell: Tell }): Promise<Approved>;
  /** Puts the request into the queue and leaves it there; the answer comes to `settled`. @throws AppError as `request` does at once */
  post(ask: Ask, settled: (answer: Answer | null) => void | Promise<void>): string;
  /** Shows the UI: in the window of this host, in the tab that listens, or in a new one. */
  openUi(): Promise<Opened>;
  /** The request as a person sees it; undefined once it is over. */
  viewOf(id: string): AskView | undefined;
  /** Told of each request that has come to the front, once. */
  onFront(listener: (view: AskView, url: string | null) => void): void;
}

export function createApprovals(parts: {
  consents: Consents;
  pages: () => Pages;
  openBrowser: Ports['openBrowser'];
  screen: Ports['screen'];
  /** Without an enrolled key, or its person, nobody ever will. @throws AppError TAP_KEY_NEEDED | SIGNED_OUT */
  requireTap: (profile: string | null) => void;
  log: Ports['log'];
}): Approvals {
  const { consents, pages, screen } = parts;
  const listeners: ((view: AskView, url: string | null) => void)[] = [];
  let front: string | undefined;
  let opening: Promise<Opened> | undefined;

  const viewOf = (id: string): AskView | undefined => consents.view().asks.find((view) => view.id === id);

  consents.onChange(() => {
    pages().changed();
    const now = consents.front()?.id;
    if (now === front) return;
    front = now;
    if (now !== undefined) void reveal(now);
  });

  async function reveal(id: string): Promise<void> {
    try {
      const { url, browser } = await openRequest();
      const view = viewOf(id);
      if (view === undefined) return;
      for (const listener of listeners) listener(view, browser === 'none' ? url : null);
    } catch (error) {
      parts.log('approvals.not-shown', { error: error instanceof Error ? error.name : 'unknown' });
    }
  }

  /** Several requests in one moment open one tab, or one window. */
  function openRequest(): Promise<Opened> {
    opening ??= (screen === undefined ? openPage() : showOn(() => screen.showRequest())).finally(() => {
      opening = undefined;
    });
    return opening;
  }

  async function showOn(show: () => void): Promise<Opened> {
    show();
    return { url: null, browser: 'shown' };
  }

  async function openPage(): Promise<Opened> {
    const url = await pages().uiUrl();
    if (pages().watched()) return { url: url.href, browser: 'shown' };
    return { url: url.href, browser: await parts.openBrowser(url) };
  }

  /** A request behind another, or in a snooze, opens nothing: a page is there, or the person wants none. */
  async function show(id: string): Promise<Opened> {
    return consents.front()?.id === id ? openRequest() : { url: null, browser: 'shown' };
  }

  function put(ask: Ask): Asked {
    // check: approval-needs-tap-key
    if (ask.approval === 'tap') parts.requireTap(ask.profile);
    // end check
    return consents.ask(ask);
  }

  return {
    async request(ask, { signal, tell }) {
      // Whoever has gone already wants no page either.
      if (signal.aborted) throw new AppError('CONSENT_UNANSWERED');
      const { id, outcome, withdraw } = put(ask);
      signal.addEventListener('abort', withdraw, { once: true });
      try {
        const { url, browser } = await show(id);
        const view = viewOf(id);
        // An AI agent that could open the page could press its buttons; the person knows other ways to it.
        if (view !== undefined) tell({ asking: view, url: browser === 'none' && ask.caller.aiAgent === null ? url : null });
        const answer = await outcome;
        if (answer === null) throw new AppError('CONSENT_UNANSWERED');
        if (answer.verdict === 'denied') throw new AppError('CONSENT_DENIED', { reason: answer.reach });
        return answer;
      } finally {
        signal.removeEventListener('abort', withdraw);
        // Where nobody could be shown anything, nobody is asked either; after an answer this is nothing.
        withdraw();
      }
    },
    post(ask, settled) {
      const { id, outcome } = put(ask);
      void outcome.then(settled).catch((error: unknown) => parts.log('approvals.not-settled', { code: asAppError(error).code }));
      return id;
    },
    openUi: () => (screen === undefined ? openRequest() : showOn(() => screen.show())),
    viewOf,
    onFront: (listener) => void listeners.push(listener),
  };
}
