/**
 * `lakepass://VIEW`. Any program can register the scheme and any web page can follow such a link, so a link opens one of our views and
 * does nothing else; it carries no code, no token and no answer.
 */
import { type View, views } from '../../preload/contract/desktop.ts';
import type { Clock } from '../ports.ts';
import { seconds } from '../units.ts';

export const linkScheme = 'lakepass';

/**
 * The program that the system starts for a link. The bare `--` comes before the link: whatever a browser lets through behind it is no
 * option of ours.
 */
export const linkCommand: [program: string, args: string[]] = [process.execPath, ['--']];

/** The view that is named, or undefined for everything that is not exactly such a link. */
export function readDeepLink(link: unknown): View | undefined {
  if (typeof link !== 'string' || link.length > 64) return undefined;
  // Browsers and desktops add the slash.
  const name = /^lakepass:\/\/([a-z]+)\/?$/.exec(link)?.[1];
  return views.find((view) => view === name);
}

/** A page can follow a link as often as it likes: a window that springs up again and again is an attack on the person. */
const quiet = seconds(2);

/** Runs `open` for a link that may be followed; others are told to `refused`. */
export function createDeepLinks(parts: { clock: Clock; open: (view: View) => void; refused: (reason: 'link' | 'link-rate') => void }) {
  let last: number | undefined;
  return {
    follow(link: unknown): void {
      const view = readDeepLink(link);
      if (view === undefined) {
        parts.refused('link');
        return;
      }
      const now = parts.clock.elapsed();
      // check: deep-link-rate
      if (last !== undefined && now - last < quiet) {
        parts.refused('link-rate');
        return;
      }
      // end check
      last = now;
      parts.open(view);
    },
  };
}
