/**
 * What the pages are shown in: a tab of a browser, or a window of the desktop app. The one place that touches either; everything else
 * takes a `Host`.
 */
import type { Bridge, LinkName, Outcome } from '../../preload/contract/desktop.ts';
import { links } from '../../preload/contract/desktop.ts';

declare global {
  interface Window {
    /** The bridge of the desktop app; absent in a browser. */
    readonly lakepass?: Bridge;
  }
}

export interface Host {
  readonly kind: 'browser' | 'desktop';
  /** Leaves this page for another of ours. False: this host goes nowhere, and the address is to be shown. */
  leave(url: string): boolean;
  /** Opens the provider's page beside this one. False: it could not be opened, and the address is to be shown. */
  open(url: string): boolean;
  setTitle(title: string): void;
  /** Puts a text on the clipboard; false where that was refused. Never for a token. */
  copy(text: string): Promise<boolean>;
  /** Brings the request that is in front before the person, in its own window; false where there is none. */
  showRequest(): Promise<boolean>;
  /** Opens one of the few pages on the web that help; false where that was refused. */
  link(name: LinkName): Promise<boolean>;
}

export const browserHost: Host = {
  kind: 'browser',
  leave(url) {
    location.assign(url);
    return true;
  },
  // The provider's page learns nothing of ours: our own policies cut the opener and the referrer.
  open: (url) => window.open(url, '_blank') !== null,
  setTitle(title) {
    document.title = title;
  },
  copy: (text) =>
    navigator.clipboard.writeText(text).then(
      () => true,
      () => false,
    ),
  showRequest: async () => false,
  link: async (name) => window.open(links[name], '_blank', 'noopener,noreferrer') !== null,
};

/** The agent opens pages itself, in the system browser: an address that arrives here could not be opened. */
export const desktopHost = (bridge: Bridge): Host => {
  const asked = async (name: string, input: unknown): Promise<boolean> =>
    ((await bridge.call[name]?.(input)) as Outcome | undefined)?.ok ?? false;
  return {
    kind: 'desktop',
    leave: () => false,
    open: () => false,
    setTitle(title) {
      document.title = title;
    },
    copy: (text) => asked('shell/copy', { text }),
    showRequest: () => asked('shell/approval', {}),
    link: (name) => asked('shell/link', { link: name }),
  };
};

export const hostHere = (): Host => (window.lakepass === undefined ? browserHost : desktopHost(window.lakepass));
