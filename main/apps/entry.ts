/**
 * How a browser gets in: a code that is good once, in the fragment of the address on the terminal, is exchanged for a cookie. A fragment
 * reaches no server, no log and no Referer; the cookie is host-only, out of reach of scripts, and never sent from another site.
 *
 * Browsers share cookies among all ports of a host name: a page served on another port of the run's name is shown this
 * cookie when the browser goes there. It opens nothing by itself, for whoever may use it is checked anew with each request: see `guard.ts`,
 * the user behind the connection, and the program: it opens for the one that brought the code.
 */
import { hash, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../ports.ts';
import { type EpochMs, later, minutes } from '../units.ts';

/** Long enough to copy it from a terminal by hand. */
const CODE_LIFE = minutes(10);
/** Browsers and profiles of one person; the oldest makes room. */
const mostSessions = 16;
const cookiePrefix = 'lakepass-app-';

/** Path of its executable, as the system says; null where it does not. A browser may have many processes, of one file. */
export type Program = string | null;

export interface Entry {
  /** A fresh code; an older one opens nothing any more. */
  newCode(): string;
  /** Whether a code waits to be used. */
  isOpen(): boolean;
  /** The cookie to set for a code that is good; undefined for any other. The code is used up. */
  exchange(code: string, by: Program): string | undefined;
  /** Whether one of the `Cookie` headers holds a session of ours that was given to this program. */
  knows(cookies: readonly string[], by: Program): boolean;
}

/** Cookies of every run are kept from every app. */
export const isOwnCookie = (name: string): boolean => name.toLowerCase().startsWith(cookiePrefix);

const digest = (text: string): Buffer => hash('sha256', text, 'buffer');

/** @param parts.port of the door: cookies of several runs lie side by side in one browser */
export function createEntry({ clock, random, port }: { clock: Clock; random: (bytes: number) => Buffer; port: number }): Entry {
  const cookieName = `${cookiePrefix}${port}`;
  let open: { digest: Buffer; until: EpochMs } | undefined;
  const sessions: { digest: Buffer; by: Program }[] = [];

  const secret = (): string => random(32).toString('base64url');
  const isOpen = (): boolean => open !== undefined && clock.now() < open.until;

  return {
    newCode() {
      const code = secret();
      open = { digest: digest(code), until: later(clock.now(), CODE_LIFE) };
      return code;
    },
    isOpen,
    exchange(code, by) {
      if (open === undefined) return undefined;
      // check: apps-code-life
      if (!isOpen()) return undefined;
      // end check
      // check: apps-code-match
      if (!timingSafeEqual(digest(code), open.digest)) return undefined;
      // end check
      // check: apps-code-once
      open = undefined;
      // end check
      const session = secret();
      sessions.push({ digest: digest(session), by });
      if (sessions.length > mostSessions) sessions.shift();
      return `${cookieName}=${session}; Path=/; HttpOnly; SameSite=Strict`;
    },
    knows(cookies, by) {
      const shown = cookiesIn(cookies).filter(({ name }) => name === cookieName);
      let found = sessions.filter((session) => shown.some(({ value }) => timingSafeEqual(session.digest, digest(value))));
      // check: apps-cookie-program
      found = found.filter((session) => session.by === by);
      // end check
      return found.length > 0;
    },
  };
}

interface Cookie {
  name: string;
  value: string;
  /** As it was sent. */
  text: string;
}

const cookiesIn = (headers: readonly string[]): Cookie[] =>
  headers
    .flatMap((header) => header.split(';'))
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .map((text) => {
      const at = text.indexOf('=');
      return { name: (at < 0 ? text : text.slice(0, at)).trim(), value: at < 0 ? '' : text.slice(at + 1).trim(), text };
    });

/** The cookies that are the app's own, as one header; undefined where none is left. */
export function cookiesOfApp(headers: readonly string[]): string | undefined {
  let found = cookiesIn(headers);
  // check: apps-cookie-kept
  found = found.filter(({ name }) => !isOwnCookie(name));
  // end check
  return found.length === 0 ? undefined : found.map(({ text }) => text).join('; ');
}
