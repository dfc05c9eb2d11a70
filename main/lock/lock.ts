/** The two lock states. It decides when; what is forgotten then is the work of those who listen. */
import type { LockState } from '../../preload/contract/lock.ts';
import { asAppError } from '../app-error.ts';
import type { AuditLog } from '../audit/event.ts';
import type { Clock, Log } from '../ports.ts';
import { type EpochMs, later, type Ms, minutes, ms, seconds } from '../units.ts';

export type LockCause = 'screen-lock' | 'idle' | 'command' | 'daily-cap' | 'suspend' | 'start';

export interface Lock {
  state(): LockState;
  since(): EpochMs | null;
  why(): LockCause | null;
  /** The moment until which approved runs are served while away; null where it is not away or has no limit. */
  graceEnds(): EpochMs | null;
  /**
   * The moment at which the daily cap locks, by the wall clock as it goes now; null where there is no cap, and while locked. It stays the same
   * until a proof, a policy or the clock moves it, so that whoever is told of it is told once.
   */
  locksAt(): EpochMs | null;
  /** Resolves when every listener has done its part (keys zeroed, tokens dropped); never rejects. */
  lock(why: LockCause): Promise<void>;
  away(why: 'screen-lock' | 'idle'): void;
  /** The screen was unlocked or the person came back: ends Away, never Locked. */
  back(): void;
  /** The machine is about to sleep: locks where policy says so. Resolves as `lock` does. A sleep nobody announced is noticed afterwards. */
  suspending(): Promise<void>;
  /** Whoever calls has seen to the proof: a key, a passphrase or a fresh sign-in. The daily cap starts anew. */
  unlocked(): void;
  /**
   * The provider says that it saw the person at this moment: the day begins then, unless it began later, and an Away that is older ends.
   * Never opens what is locked. A sign-in without such a moment shows nobody, because the browser may have remembered it.
   */
  seenAt(at: EpochMs): void;
  /** At the start: the last proof, by the wall clock, is that of a session taken up again. A restart does not begin the day anew. */
  provenAt(at: EpochMs): void;
  /** A person did something: the idle clock starts anew, and an Away that idleness brought ends. */
  touch(): void;
  /** A listener that throws is logged and keeps no other from running. */
  onChange(listener: (state: LockState, why: LockCause | null) => void | Promise<void>): void;
  close(): void;
}

/** The part of a policy that is about locks. Lengths of time count whichever ran on further, the wall clock or the machine. */
export interface LockLimits {
  readonly awayGrace: Ms;
  readonly idle: Ms | null;
  readonly dailyCap: Ms | null;
  readonly lockOnSuspend: boolean;
}

interface Parts {
  clock: Clock;
  audit: Pick<AuditLog, 'append'>;
  log: Log;
  /** Asked each time: a policy may be replaced while the agent runs. */
  limits: () => LockLimits;
  /** 'locked': the vault is sealed, and the agent begins as if it had been locked. */
  begin?: 'open' | 'locked';
}

const LONGEST_TICK: Ms = seconds(60);
const SHORTEST_TICK: Ms = seconds(1);
/** Between wall and running time: more than drift, and more than NTP corrects at once on a machine that is set up well. */
const SLEPT: Ms = seconds(30);

/** A moment on both clocks. Timers stand still while the machine sleeps and the wall clock can be turned back: either alone would let a limit slip. */
interface Moment {
  wall: EpochMs;
  running: Ms;
}

export function createLock({ clock, audit, log, limits, begin = 'open' }: Parts): Lock {
  const listeners: ((state: LockState, why: LockCause | null) => void | Promise<void>)[] = [];
  const present = (): Moment => ({ wall: clock.now(), running: clock.elapsed() });
  /** A moment from the future is the work of a clock that was wrong. */
  const momentOf = (at: EpochMs): Moment => {
    const ago = Math.max(0, clock.now() - at);
    return { wall: (clock.now() - ago) as EpochMs, running: ms(clock.elapsed() - ago) };
  };
  const spentSince = ({ wall, running }: Moment): Ms => ms(Math.max(clock.now() - wall, clock.elapsed() - running));

  let state: LockState = begin;
  let why: LockCause | null = begin === 'locked' ? 'start' : null;
  let changed: Moment | null = begin === 'locked' ? present() : null;
  let touched = present();
  let proven = present();
  let seen = present();
  let locking: Promise<void> = Promise.resolve();
  let cancelTimer = (): void => undefined;
  let closed = false;

  const tell = async (): Promise<void> => {
    const [now, because] = [state, why];
    const told = listeners.map(async (listener) => listener(now, because));
    for (const outcome of await Promise.allSettled(told))
      if (outcome.status === 'rejected') log('lock.listener-failed', { state: now, code: asAppError(outcome.reason).code });
  };
  /** A log that cannot be written must not keep anything open; no token is handed out on one anyway. */
  const record = (how: string): void => {
    try {
      audit.append({ type: 'lock.changed', state, why: how });
    } catch (error) {
      log('lock.not-recorded', { state, code: asAppError(error).code });
    }
  };
  const change = (next: LockState, because: LockCause | null, how: string): void => {
    if (next !== state) changed = next === 'open' ? null : present();
    state = next;
    why = because;
    record(how);
    schedule();
  };

  const lockNow = (because: LockCause): Promise<void> => {
    if (state === 'locked') return locking;
    change('locked', because, because);
    locking = tell();
    return locking;
  };
  const goAway = (because: 'screen-lock' | 'idle'): void => {
    // A screen that is locked over an idle machine is no longer opened by a touch of the mouse.
    const news = state === 'open' || (state === 'away' && why === 'idle' && because === 'screen-lock');
    if (!news) return;
    change('away', because, because);
    void tell();
  };
  const comeBack = (how: string): void => {
    touched = present();
    if (state === 'open') return;
    change('open', null, how);
    // Whoever forgets finishes forgetting before anybody takes up again.
    void locking.then(tell);
  };

  /** Running time stands still in a sleep: what is due then is found out by whoever comes first afterwards. */
  const noticeSleep = (): void => {
    const slept = clock.now() - seen.wall - (clock.elapsed() - seen.running);
    seen = present();
    if (slept > SLEPT && limits().lockOnSuspend) void lockNow('suspend');
  };
  const settle = (): void => {
    noticeSleep();
    const { dailyCap, idle } = limits();
    // check: lock-daily-cap
    if (dailyCap !== null && spentSince(proven) >= dailyCap) void lockNow('daily-cap');
    // end check
    // check: lock-idle
    if (idle !== null && spentSince(touched) >= idle) goAway('idle');
    // end check
  };
  const schedule = (): void => {
    cancelTimer();
    if (closed || state === 'locked') return;
    const { dailyCap, idle } = limits();
    const due = [LONGEST_TICK];
    if (dailyCap !== null) due.push(ms(dailyCap - spentSince(proven)));
    if (idle !== null && state === 'open') due.push(ms(idle - spentSince(touched)));
    cancelTimer = clock.after(ms(Math.max(SHORTEST_TICK, Math.min(...due))), () => {
      settle();
      schedule();
    });
  };
  const now = (): LockState => {
    settle();
    return state;
  };

  schedule();
  return {
    state: now,
    since: () => (now() === 'open' ? null : (changed?.wall ?? null)),
    why: () => (now() === 'open' ? null : why),
    graceEnds() {
      const { awayGrace } = limits();
      if (now() !== 'away' || changed === null || !Number.isFinite(awayGrace)) return null;
      return later(clock.now(), ms(awayGrace - spentSince(changed)));
    },
    locksAt() {
      const { dailyCap } = limits();
      if (now() === 'locked' || dailyCap === null) return null;
      const spent = spentSince(proven);
      const turnedBack = spent - (clock.now() - proven.wall) > SLEPT;
      if (!turnedBack) return later(proven.wall, dailyCap);
      // Counted anew by the other clock each time, which runs a little apart: the whole minute is the same.
      return (Math.floor(later(clock.now(), ms(dailyCap - spent)) / minutes(1)) * minutes(1)) as EpochMs;
    },
    lock: lockNow,
    away: goAway,
    back() {
      settle();
      // check: lock-back-ends-away-only
      if (state === 'locked') return;
      // end check
      comeBack('back');
    },
    async suspending() {
      if (limits().lockOnSuspend) await lockNow('suspend');
    },
    unlocked() {
      proven = present();
      comeBack('unlocked');
      schedule();
    },
    seenAt(at) {
      settle();
      const then = momentOf(at);
      if (spentSince(then) < spentSince(proven)) proven = then;
      let isBack = state === 'away';
      // check: lock-away-outlives-older-proof
      if (changed !== null && spentSince(then) > spentSince(changed)) isBack = false;
      // end check
      if (isBack) comeBack('seen');
      else schedule();
    },
    provenAt(at) {
      proven = momentOf(at);
      schedule();
    },
    touch() {
      settle();
      if (state === 'away' && why === 'idle') comeBack('back');
      else if (state === 'open') touched = present();
      schedule();
    },
    onChange: (listener) => void listeners.push(listener),
    close() {
      closed = true;
      cancelTimer();
    },
  };
}
