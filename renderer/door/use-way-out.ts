/**
 * The way to a page that is not ours to show here: the provider's, or the one on which a key is touched. The agent says where it is;
 * what becomes of that depends on the host.
 */
import { useEffect, useState } from 'react';
import type { Host } from './host.ts';

/**
 * 'browser': it was opened in the system browser, and goes on there. 'address': nobody could open it, so the person has to.
 */
export type WayOut = { at: 'none' } | { at: 'browser' } | { at: 'address'; url: string };

export interface Way {
  way: WayOut;
  /** This page becomes the other one, where it can. */
  leave: (url: string | null) => void;
  /** The other one opens beside this page. */
  open: (url: string | null) => void;
  forget: () => void;
}

/** @param since what the other page is going to change, as text: once it is another, nobody is on the way any more */
export function useWayOut(host: Host, since: string): Way {
  const [way, setWay] = useState<WayOut>({ at: 'none' });
  useEffect(() => setWay({ at: 'none' }), [since]);
  const go = (url: string | null, isGone: (url: string) => boolean): void => {
    if (url === null) setWay({ at: 'browser' });
    else setWay(isGone(url) ? { at: 'none' } : { at: 'address', url });
  };
  return {
    way,
    leave: (url) => go(url, (to) => host.leave(to)),
    open: (url) => go(url, (to) => host.open(to)),
    forget: () => setWay({ at: 'none' }),
  };
}
