/**
 * The pages door: the UI in the browser and the page on which a key is touched. It is open only while a page of ours needs it, and
 * whatever it is asked passes in this order: the user on the other end, the host, the shape of the request, its origin, the bearer,
 * the schema. A page that we did not open learns nothing here, not even whether anybody is asked for anything.
 */
import type { z } from 'zod';
import type { CeremonyView, ceremonyFinishedSchema, ceremonyFinishSchema } from '../../preload/contract/pages.ts';
import { AppError } from '../app-error.ts';
import { createDoorTally } from '../audit/door-tally.ts';
import type { AuditLog } from '../audit/event.ts';
import { createTally } from '../audit/tally.ts';
import type { Attribution, Caller, Peer } from '../caller/caller.ts';
import type { Dropped } from '../caller/own-user.ts';
import type { Clock, Log } from '../ports.ts';
import { minutes } from '../units.ts';
import { type Assets, createAssets } from './assets.ts';
import { openPageDoor, type PageDoor } from './door.ts';
import { createEntries, type Entry } from './entries.ts';
import { createListeners } from './listeners.ts';
import type { Address } from './page-guard.ts';
import { pageRoutes } from './page-routes.ts';
import { createPageServing } from './page-serving.ts';
import type { UiAgent } from './ui-agent.ts';

export interface Pages {
  /** `http://127.0.0.1:PORT/#CODE`; opens the door where it is closed. The code works once, for two minutes. */
  uiUrl(): Promise<URL>;
  /** `http://lakepass.localhost:PORT/#CODE` for one ceremony. */
  ceremonyUrl(ticket: string): Promise<URL>;
  /** `http://lakepass.localhost:PORT`; port 0, which is nobody's origin, while the door is closed. */
  ceremonyOrigin(): string;
  /** A UI page listens right now, so that nobody needs to be shown another. */
  watched(): boolean;
  /** Something changed: pages that listen are told the new revision. */
  changed(): void;
  close(): Promise<void>;
}

/** The agent as the two pages see it. `by` is the program at the other end of the page's connection: a browser, unless somebody pretends. */
export interface PagesAgent {
  ui: UiAgent;
  /** Moves whenever something that the UI shows has changed. */
  revision(): number;
  /** @throws AppError PAGE_REFUSED: the ticket is spent or unknown */
  ceremony(ticket: string): CeremonyView;
  ceremonyOptions(ticket: string, origin: string): Promise<{ id: string; options: Record<string, unknown> }>;
  finishCeremony(
    ticket: string,
    answer: z.output<typeof ceremonyFinishSchema>,
    by: Caller,
  ): Promise<z.output<typeof ceremonyFinishedSchema>>;
  /** The person says no on the ceremony page. */
  refuseCeremony(ticket: string): void;
}

interface Parts {
  agent: PagesAgent;
  attribute: (peer: Peer) => Promise<Attribution>;
  /** The only user who is let in. */
  uid: number;
  clock: Clock;
  random: (bytes: number) => Buffer;
  audit: AuditLog;
  log: Log;
  /** The files of the pages; by default where the build put them. */
  assets?: Assets;
  /** Which port to try next; 0, the default: any that is free. */
  pickPort?: () => number;
}

const ceremonyHost = 'lakepass.localhost';
const sweepEvery = minutes(1);
/** How long the door stays open when nobody needs it any more. */
const lingerMs = minutes(10);

/**
 * Does nothing until the first URL is asked for: no port, no file, no timer.
 *
 * @throws AppError from `uiUrl` and `ceremonyUrl`: INTERNAL (the pages are not built) | AGENT_START_FAILED (no port)
 */
export function createPages({
  agent,
  attribute,
  uid,
  clock,
  random,
  audit,
  log,
  assets = createAssets(),
  pickPort = () => 0,
}: Parts): Pages {
  const entries = createEntries({ clock, random });
  const listeners = createListeners({ clock, revision: () => agent.revision() });
  const tally = createTally({ clock, audit, log });
  const { refused, dropped } = createDoorTally('pages', tally);
  let door: PageDoor | undefined;
  let opening: Promise<PageDoor> | undefined;
  let emptySince: number | undefined;
  let stopSweeping = (): void => undefined;
  let closed = false;

  const portOf = (): number => door?.port ?? 0;
  const address = (name: Address['name'], host: string): Address => ({ name, host, origin: `http://${host}` });
  const addresses = (): Address[] => [address('ui', `127.0.0.1:${portOf()}`), address('ceremony', `${ceremonyHost}:${portOf()}`)];
  const routes = pageRoutes(agent, { ceremonyOrigin });
  const serving = createPageServing({ addresses, assets, entries, listeners, routes, refused, log });

  function ceremonyOrigin(): string {
    return `http://${ceremonyHost}:${portOf()}`;
  }

  /** A crowd is a crowd here, whether it is looked up or only holds connections: this door serves one person. */
  function turnedAway(what: Dropped): void {
    if (what.why === 'busy') refused({ code: 'DOOR_BUSY', reason: 'connections' });
    else dropped(what);
  }

  function urlFor(origin: string, entry: Entry): URL {
    emptySince = undefined;
    return new URL(`${origin}/#${entries.code(entry)}`);
  }

  async function open(): Promise<void> {
    await assets.load();
    if (closed) throw new AppError('PAGE_REFUSED', { reason: 'closed' });
    opening ??= openPageDoor({ attribute, uid, answer: serving.answer, refused, dropped: turnedAway, log, pickPort });
    try {
      door = await opening;
    } catch (error) {
      opening = undefined;
      throw error;
    }
    stopSweeping();
    stopSweeping = clock.after(sweepEvery, sweep);
  }

  function sweep(): void {
    if (entries.sweep()) emptySince = undefined;
    else emptySince ??= clock.elapsed();
    if (emptySince !== undefined && clock.elapsed() - emptySince >= lingerMs) void shut();
    else stopSweeping = clock.after(sweepEvery, sweep);
  }

  async function shut(): Promise<void> {
    stopSweeping();
    const ending = door;
    door = undefined;
    opening = undefined;
    emptySince = undefined;
    await ending?.close();
  }

  return {
    async uiUrl() {
      await open();
      return urlFor(`http://127.0.0.1:${portOf()}`, { host: 'ui' });
    },
    async ceremonyUrl(ticket) {
      await open();
      return urlFor(ceremonyOrigin(), { host: 'ceremony', ticket });
    },
    ceremonyOrigin,
    watched: () => listeners.count > 0,
    changed: () => listeners.changed(),
    async close() {
      closed = true;
      entries.clear();
      listeners.close();
      await opening?.catch(() => undefined);
      await shut();
      tally.close();
    },
  };
}
