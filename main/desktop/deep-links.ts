/**
 * `lakepass://VIEW`. Any program can register the scheme and any web page can follow such a link, so a link opens one of our views and
 * does nothing else; it carries no code, no token and no answer. That of a company (`lakepass://enroll?…`) opens the view in which a person
 * looks at what it offers: nothing is fetched and nothing accepted for its sake alone.
 */
import { views, type Wanted } from '../../preload/contract/desktop.ts';
import { hasCode } from '../app-error.ts';
import { parseInvitation } from '../enroll/invitation.ts';
import type { Clock } from '../ports.ts';
import { seconds } from '../units.ts';

export const linkScheme = 'lakepass';

/**
 * The program that the system starts for a link. The bare `--` comes before the link: whatever a browser lets through behind it is no
 * option of ours.
 */
export const linkCommand: [program: string, args: string[]] = [process.execPath, ['--']];

/** The view that is named, or undefined for everything that is not exactly such a link. */
export function readDeepLink(link: unknown): Wanted | undefined {
  if (typeof link !== 'string') return undefined;
  if (/^lakepass:\/\/enroll\/?\?/.test(link)) return readEnrollLink(link);
  if (link.length > 64) return undefined;
  // Browsers and desktops add the slash.
  const name = /^lakepass:\/\/([a-z]+)\/?$/.exec(link)?.[1];
  return views.find((view) => view === name);
}

function readEnrollLink(link: string): Wanted | undefined {
  try {
    parseInvitation(link);
    return { enroll: link };
  } catch (error) {
    if (!hasCode(error, 'INVITATION_INVALID')) throw error;
    return undefined;
  }
}

/** A page can follow a link as often as it likes: a window that springs up again and again is an attack on the person. */
const quiet = seconds(2);

/** Runs `open` for a link that may be followed; others are told to `refused`. */
export function createDeepLinks(parts: { clock: Clock; open: (wanted: Wanted) => void; refused: (reason: 'link' | 'link-rate') => void }) {
  let last: number | undefined;
  return {
    follow(link: unknown): void {
      const wanted = readDeepLink(link);
      if (wanted === undefined) {
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
      parts.open(wanted);
    },
  };
}
