/**
 * Who may speak as a page of ours: one-time codes that travel in a URL's fragment, and the bearers they are exchanged for. Both are
 * kept as hashes alone, so that nothing that is read out of this process opens anything. They never reach a disk.
 */
import { hash } from 'node:crypto';
import { AppError } from '../app-error.ts';
import type { Clock } from '../ports.ts';
import { hours, type Ms, minutes } from '../units.ts';

export type PageHost = 'ui' | 'ceremony';
/** What a code opens: the UI, or the ceremony page for one ticket. */
export type Entry = { host: 'ui' } | { host: 'ceremony'; ticket: string };

export interface Bearer {
  readonly entry: Entry;
  /** Streams that are open under it; while there is one, it does not idle. */
  listeners: number;
  /** Ends what hangs on it when it dies. */
  readonly gone: AbortSignal;
}

export interface Entries {
  /** A new code, 43 characters of base64url. The oldest goes where too many are open. */
  code(entry: Entry): string;
  /** @throws AppError PAGE_REFUSED (reason code): not a code, used before, too old, or for the other host. It is spent in any case. */
  enter(code: string, host: PageHost): string;
  /** @throws AppError PAGE_REFUSED (reason bearer): not a bearer, dead, or of the other host */
  find(bearer: string, host: PageHost): Bearer;
  end(bearer: Bearer): void;
  /** Drops what is too old; false where nothing is left. */
  sweep(): boolean;
  clear(): void;
}

const codeLife: Ms = minutes(2);
const bearerLife: Ms = hours(12);
const bearerIdle: Ms = minutes(10);
const mostCodes = 32;
const mostBearers = 64;
const secretBytes = 32;

/** On both clocks: running time stands still while the machine sleeps, the wall may be moved back. The later of the two counts. */
interface Moment {
  wall: number;
  running: number;
}

interface OpenCode {
  entry: Entry;
  madeAt: Moment;
}

interface LiveBearer extends Bearer {
  madeAt: Moment;
  seenAt: Moment;
  end: AbortController;
}

const keyOf = (secret: string): string => hash('sha256', secret, 'base64url');

export function createEntries({ clock, random }: { clock: Clock; random: (bytes: number) => Buffer }): Entries {
  const codes = new Map<string, OpenCode>();
  const bearers = new Map<string, LiveBearer>();

  const moment = (): Moment => ({ wall: clock.now(), running: clock.elapsed() });
  const age = ({ wall, running }: Moment): number => Math.max(clock.now() - wall, clock.elapsed() - running);
  const newSecret = (): string => random(secretBytes).toString('base64url');

  function isTooOld(bearer: LiveBearer): boolean {
    // check: page-bearer-life
    if (age(bearer.madeAt) >= bearerLife) return true;
    // end check
    // check: page-bearer-idle
    if (bearer.listeners === 0 && age(bearer.seenAt) >= bearerIdle) return true;
    // end check
    return false;
  }

  function drop(key: string): void {
    bearers.get(key)?.end.abort();
    bearers.delete(key);
  }

  function issue(entry: Entry): string {
    const [oldest] = bearers.keys();
    if (oldest !== undefined && bearers.size >= mostBearers) drop(oldest);
    const bearer = newSecret();
    const end = new AbortController();
    bearers.set(keyOf(bearer), { entry, listeners: 0, gone: end.signal, end, madeAt: moment(), seenAt: moment() });
    return bearer;
  }

  return {
    code(entry) {
      const [oldest] = codes.keys();
      // check: page-codes-limit
      if (oldest !== undefined && codes.size >= mostCodes) codes.delete(oldest);
      // end check
      const code = newSecret();
      codes.set(keyOf(code), { entry, madeAt: moment() });
      return code;
    },
    enter(code, host) {
      const key = keyOf(code);
      const open = codes.get(key);
      // check: page-code-once
      codes.delete(key);
      // end check
      if (open === undefined) throw new AppError('PAGE_REFUSED', { reason: 'code' });
      // check: page-code-life
      if (age(open.madeAt) >= codeLife) throw new AppError('PAGE_REFUSED', { reason: 'code' });
      // end check
      // check: page-code-host
      if (open.entry.host !== host) throw new AppError('PAGE_REFUSED', { reason: 'code' });
      // end check
      return issue(open.entry);
    },
    find(secret, host) {
      const key = keyOf(secret);
      const bearer = bearers.get(key);
      if (bearer === undefined) throw new AppError('PAGE_REFUSED', { reason: 'bearer' });
      // check: page-bearer-host
      if (bearer.entry.host !== host) throw new AppError('PAGE_REFUSED', { reason: 'bearer' });
      // end check
      if (isTooOld(bearer)) {
        drop(key);
        throw new AppError('PAGE_REFUSED', { reason: 'bearer' });
      }
      bearer.seenAt = moment();
      return bearer;
    },
    end(ended) {
      for (const [key, bearer] of bearers) if (bearer === ended) drop(key);
    },
    sweep() {
      for (const [key, { madeAt }] of codes) if (age(madeAt) >= codeLife) codes.delete(key);
      for (const [key, bearer] of bearers) if (isTooOld(bearer)) drop(key);
      return codes.size + bearers.size > 0;
    },
    clear() {
      codes.clear();
      for (const key of [...bearers.keys()]) drop(key);
    },
  };
}
