/**
 * The way through the system browser and back (RFC 8252): the door is open before the browser is, the answer is waited for, and the tab is
 * left with a page that says how it went. What is asked and what the answer proves is for whoever sends the person on it to say.
 */
import type { ActionOutcome } from '../../preload/contract/key-registration.ts';
import { AppError } from '../app-error.ts';
import type { AuditLog } from '../audit/event.ts';
import type { Ports } from '../ports.ts';
import type { Profile } from '../profile/profile.ts';
import { judgeResponse } from './authorization-response.ts';
import { refuseSharedRedirect } from './browser-trip-mix-up.ts';
import { type Answer, type CallbackDoor, type CallbackDoorParts, openCallbackDoor } from './callback-door.ts';
import type { IssuerMetadata } from './discovery.ts';
import { loginRefused } from './preset-words.ts';
import type { Identity, SignedIn } from './signed-in.ts';

export interface TripParts extends Pick<Ports, 'clock' | 'openBrowser' | 'log'>, Pick<CallbackDoorParts, 'peerUid' | 'uid'> {
  profile: Profile;
  audit: AuditLog;
  /** Where the browser goes once it has brought the answer and all is well; null: to a page that says so. */
  nextPage?: (identity: Identity) => Promise<URL | null>;
  /** Every profile in use: whose codes could be brought to this one's door. */
  profiles?: () => readonly Profile[];
}

interface Trip {
  metadata: IssuerMetadata;
  /** What must come back unchanged. */
  state: string;
  signal: AbortSignal;
  onUrl: (url: URL) => void;
  /** Told of the door, so that one which still waits for the browser's last request can be closed before the next. */
  onDoor: (door: CallbackDoor) => void;
  urlFor: (redirectUri: string) => Promise<URL>;
}

export interface SignInTrip extends Trip {
  /** The code is exchanged, and what comes for it is checked. */
  conclude: (code: string, redirectUri: string) => Promise<SignedIn>;
}

export interface ActionTrip extends Trip {
  /** The parameter in which the provider says what came of it. */
  actionAnswer: string;
}

type Brought = Extract<Answer, { kind: 'code' }>;

/** @throws AppError LOGIN_* (LOGIN_REDIRECT_SHARED before a browser opens) and whatever `urlFor` and `conclude` throw; LOGIN_CANCELLED whenever `signal` is aborted */
export const takeThroughBrowser = (parts: TripParts, trip: SignInTrip): Promise<SignedIn> =>
  goThroughBrowser(parts, trip, async ({ code }, door) => {
    const signedIn = await trip.conclude(code, door.redirectUri);
    await door.finish('signed-in', await nextPage(parts, signedIn.identity));
    return signedIn;
  });

/**
 * For what a provider has people do while they sign in there. The code is never exchanged, so nobody is signed in to Lakepass by it.
 *
 * @returns what the provider said of it, which proves nothing
 * @throws AppError as `takeThroughBrowser`
 */
export const hearThroughBrowser = (parts: TripParts, trip: ActionTrip): Promise<ActionOutcome> =>
  goThroughBrowser(parts, trip, async ({ said = 'unsaid' }, door) => {
    await door.finish('unknown');
    return said;
  });

async function goThroughBrowser<T>(
  parts: TripParts,
  trip: SignInTrip | ActionTrip,
  conclude: (brought: Brought, door: CallbackDoor) => Promise<T>,
): Promise<T> {
  const { metadata, signal, onUrl, onDoor } = trip;
  const door = await openDoor(parts, trip);
  onDoor(door);
  try {
    refuseSharedRedirect(parts.profile, metadata, door.redirectUri, parts.profiles?.() ?? []);
    const url = await trip.urlFor(door.redirectUri);
    stopIfCancelled(signal);
    onUrl(url);
    openBrowser(parts, metadata, url);
    const answer = await waitForAnswer(parts, door, signal);
    return await conclude(codeIn(answer, parts.profile), door);
  } catch (error) {
    await door.finish('failed');
    throw signal.aborted ? cancelled() : error;
  }
}

/** The sign-in has succeeded; a page that cannot be had must not undo it. */
async function nextPage({ nextPage, log }: TripParts, identity: Identity): Promise<URL | null> {
  try {
    return (await nextPage?.(identity)) ?? null;
  } catch (error) {
    log('login.next-page', { error: error instanceof Error ? error.name : 'unknown' });
    return null;
  }
}

const cancelled = () => new AppError('LOGIN_CANCELLED');

export function stopIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw cancelled();
}

function openDoor({ profile, peerUid, uid, clock, audit, log }: TripParts, trip: SignInTrip | ActionTrip): Promise<CallbackDoor> {
  const { host, ports, path } = profile.idp.redirect;
  const issPromised = trip.metadata.authorization_response_iss_parameter_supported === true;
  const asked = 'actionAnswer' in trip ? { actionAnswer: trip.actionAnswer } : {};
  const judge = (params: URLSearchParams) =>
    judgeResponse(params, { state: trip.state, issuer: profile.idp.issuer, issPromised, ...asked });
  return openCallbackDoor({ host, ports, path, judge, peerUid, uid, clock, audit, log });
}

/** A browser that does not open is no failure: the URL was shown, and the person may open it. */
function openBrowser({ openBrowser, log }: TripParts, { authorization_endpoint }: IssuerMetadata, url: URL): void {
  openBrowser(url, new URL(authorization_endpoint)).then(
    (outcome) => log('login.browser', { outcome }),
    () => log('login.browser', { outcome: 'failed' }),
  );
}

/**
 * @throws AppError LOGIN_CANCELLED | LOGIN_TIMED_OUT
 */
async function waitForAnswer({ profile, clock }: TripParts, door: CallbackDoor, signal: AbortSignal): Promise<Answer> {
  // A signal that was aborted while the browser was being opened tells no listener any more.
  stopIfCancelled(signal);
  const end = Promise.withResolvers<never>();
  const onAbort = () => end.reject(cancelled());
  const stop = clock.after(profile.limits.loginTimeout, () => end.reject(new AppError('LOGIN_TIMED_OUT')));
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([door.answer, end.promise]);
  } finally {
    stop();
    signal.removeEventListener('abort', onAbort);
  }
}

function codeIn(answer: Answer, profile: Profile): Brought {
  if (answer.kind === 'error') throw loginRefused(profile, answer.error);
  return answer;
}
