/** What both ways to the agent have in common: how the line stands, who wants to know, and fetching one at a time. */
import type { Connection } from './line.ts';

export const firstPauseMs = 500;
export const longestPauseMs = 8000;

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export interface Watch<Shown> {
  current(): Connection<Shown>;
  subscribe(listener: () => void): () => void;
  show(next: Connection<Shown>): void;
  /**
   * Fetches and shows; changes that come meanwhile are one more. Rejects as `fetch` does.
   *
   * Never resolves before something has been fetched: whoever asks again until a state is shown would else never let it arrive.
   */
  refresh(): Promise<void>;
}

export function createWatch<Shown>(first: Connection<Shown>, fetch: () => Promise<Shown>): Watch<Shown> {
  const listeners = new Set<() => void>();
  let connection = first;
  let running: Promise<void> | null = null;
  let again = false;

  function show(next: Connection<Shown>): void {
    connection = next;
    for (const listener of listeners) listener();
  }

  async function fetchAndShow(): Promise<void> {
    try {
      do {
        again = false;
        show({ phase: 'open', state: await fetch() });
      } while (again);
    } finally {
      running = null;
    }
  }

  return {
    current: () => connection,
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    show,
    refresh() {
      if (running === null) running = fetchAndShow();
      else again = true;
      return running;
    },
  };
}

/** Asks until it is shown: the app may be starting, or be about to end. */
export function tryUntilOpen<Shown>(watch: Watch<Shown>): { keepTrying(): Promise<void>; lose(): void } {
  let isTrying = false;

  async function keepTrying(): Promise<void> {
    if (isTrying) return;
    isTrying = true;
    for (let pauseMs = firstPauseMs; watch.current().phase !== 'open'; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      await watch.refresh().catch(async () => {
        watch.show({ phase: 'lost' });
        await pause(pauseMs);
      });
    }
    isTrying = false;
  }

  return {
    keepTrying,
    lose() {
      watch.show({ phase: 'lost' });
      void keepTrying();
    },
  };
}
