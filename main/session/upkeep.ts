/**
 * The passing of time: limits, renewals ahead of expiry, writes that wait for a disk. One timer, at most a minute apart, and a
 * look at the clocks whenever somebody asks, so that a machine that slept is judged by the wall clock the moment it is used.
 */
import { AppError, asAppError } from '../app-error.ts';
import type { Clock, Log } from '../ports.ts';
import type { Profile } from '../profile/profile.ts';
import { type Ms, minutes, ms, seconds } from '../units.ts';
import type { Backoff } from './backoff.ts';
import type { Ending } from './ending.ts';
import type { LiveSession } from './live-session.ts';
import type { Renewal } from './renewal.ts';
import type { Rotation } from './rotation.ts';
import type { Background, SessionState } from './session-state.ts';
import type { SessionStore } from './stored-session.ts';

const LONGEST_TICK: Ms = seconds(60);
const SHORTEST_TICK: Ms = ms(100);
/** More than drift between wall and running time: the machine slept, or somebody set the clock. */
const JUMP: Ms = seconds(5);
const RETRY_WRITE: Ms = seconds(5);

export interface Upkeep {
  /** Ends the session if its time is up; called before every use. */
  enforceLimits(): void;
  /** Does what is due and sets the timer. */
  tick(): void;
  /** Sets the timer for what is due next; none where nobody is signed in. */
  schedule(): void;
  /** No timer from here on. */
  stop(): void;
}

interface Parts {
  profile: Profile;
  state: SessionState;
  store: SessionStore;
  rotation: Rotation;
  renewal: Renewal;
  backoff: Backoff;
  ending: Ending;
  background: Background;
  clock: Clock;
  log: Log;
}

export function createUpkeep({ profile, state, store, rotation, renewal, backoff, ending, background, clock, log }: Parts): Upkeep {
  let cancelTimer: (() => void) | null = null;
  let stopped = false;
  let wall = clock.now();
  let running = clock.elapsed();

  const noticeJump = (): void => {
    const jump = clock.now() - wall - (clock.elapsed() - running);
    wall = clock.now();
    running = clock.elapsed();
    if (Math.abs(jump) <= JUMP) return;
    // After a sleep the network is another one: what failed before it says nothing about now.
    backoff.forget();
    log('session.clock-jumped', { profile: profile.name, ms: jump });
  };

  const enforceLimits = (): void => {
    noticeJump();
    // check: session-absolute-limit
    if (state.live !== null && state.live.ends.left() <= 0)
      ending.end('expired', new AppError('SESSION_EXPIRED', { reason: state.live.stored === null ? 'no-refresh-token' : 'limit' }));
    // end check
    // check: session-idle-limit
    if (state.live !== null && state.live.idle.left() <= 0) ending.end('idle', new AppError('SESSION_EXPIRED', { reason: 'idle' }));
    // end check
    // check: session-spent-token
    if (state.live?.spent && (state.live.jwt === null || state.live.jwt.left() <= 0)) ending.end('lost', state.live.spent);
    // end check
  };

  const schedule = (): void => {
    cancelTimer?.();
    cancelTimer = null;
    const { live } = state;
    if (stopped || live === null || state.locked) return;
    const times = [LONGEST_TICK, live.ends.left(), live.idle.left(), renewal.dueIn(live) ?? LONGEST_TICK];
    if (state.unkept !== null) times.push(RETRY_WRITE);
    if (live.spent !== null && live.jwt !== null) times.push(live.jwt.left());
    cancelTimer = clock.after(ms(Math.max(SHORTEST_TICK, Math.min(...times))), tick);
  };

  const tick = (): void => {
    enforceLimits();
    const { live, locked } = state;
    if (live !== null && !locked) {
      keepUse(live);
      if (renewal.dueIn(live) === 0) background.add(renewal.renew(live).catch(() => undefined));
      else if (state.unkept !== null) background.add(retryWrite());
    }
    schedule();
  };

  const retryWrite = async (): Promise<void> => {
    state.unkept = await rotation.keepUnkept();
  };

  /** What the disk does not know of the last use only makes the idle limit come sooner after a restart. */
  const keepUse = (session: LiveSession): void => {
    const grain = Math.min(minutes(5), profile.limits.idle / 10);
    if (session.stored === null || session.lastUsedAt - session.useKeptAt < grain) return;
    const { lastUsedAt } = session;
    session.useKeptAt = lastUsedAt;
    const failed = (error: unknown): void => log('session.use-unkept', { profile: profile.name, code: asAppError(error).code });
    background.add(store.keepActivity({ id: session.stored.id, lastUsedAt }).catch(failed));
  };

  return {
    enforceLimits,
    tick,
    schedule,
    stop() {
      stopped = true;
      schedule();
    },
  };
}
