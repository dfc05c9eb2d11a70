/** What reaches the shell from outside before there is anybody to see to it: it waits, in order, and not more of it than makes sense. */
import type { RefusedAct } from './guards.ts';
import { linksIn, readOptions } from './options.ts';

export type Arrival =
  /** A page tried what it may not. */
  | { refused: RefusedAct }
  /** A deep link, as it came: anybody's words. */
  | { link: unknown }
  /** The person has started us again, or clicked on our icon. */
  | { show: true }
  /** The agent has a request for the person. */
  | { request: true }
  /** An address that nobody has configured was to be opened: its host. */
  | { notOpened: string }
  /** The machine woke up or the person came back: what is shown may be old. */
  | { returned: true };

export interface Arrivals {
  push(arrival: Arrival): void;
  /** Hands over what has waited, and whatever comes from now on. */
  listen(listener: (arrival: Arrival) => void): void;
}

const most = 64;

export function createArrivals(): Arrivals {
  const waiting: Arrival[] = [];
  let tell: ((arrival: Arrival) => void) | undefined;
  return {
    push(arrival) {
      if (tell !== undefined) return tell(arrival);
      // check: arrivals-limit
      if (waiting.length >= most) return;
      // end check
      waiting.push(arrival);
    },
    listen(listener) {
      tell = listener;
      for (const arrival of waiting.splice(0)) listener(arrival);
    },
  };
}

/** What a second start wants, by its command line, of which nothing is believed; a verb that starts the app wants the agent and no window. */
export function arrivalOf(words: readonly string[]): Arrival | undefined {
  const [link] = linksIn(words);
  if (link !== undefined) return { link };
  return readOptions(words).hidden ? undefined : { show: true };
}
