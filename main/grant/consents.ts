/**
 * The consent queue: one prompt at a time, identical requests merged, bounded, and quiet once nobody answers. It knows nothing of
 * screens; whoever shows a prompt says so, because nothing can be approved in its first half second.
 *
 * Nothing is ever approved by itself: not by time, not by an error, not by closing.
 */
import type { CallerView } from '../../preload/contract/caller.ts';
import type { AskedView, AskQueueView, AskView } from '../../preload/contract/consent.ts';
import { AppError, asAppError } from '../app-error.ts';
import type { AuditEvent, AuditLog } from '../audit/event.ts';
import type { Caller } from '../caller/caller.ts';
import type { Clock, Log } from '../ports.ts';
import { type EpochMs, iso, later, type Ms, minutes, ms, remaining } from '../units.ts';
import { type Answer, type Ask, askedEvent, askView, mergeKeyOf } from './ask.ts';

export type { Answer, Ask } from './ask.ts';

export interface Asked {
  readonly id: string;
  /** Settles once: an answer, or null where nobody answered until the request closed. Never rejects. */
  readonly outcome: Promise<Answer | null>;
  /** This one asker has gone; said twice it counts once. */
  withdraw(): void;
}

export interface Consents {
  /** @throws AppError CONSENT_QUEUE_FULL | AUDIT_UNWRITABLE | CONSENT_QUIET: too many went unanswered, so nobody is asked until the person looks */
  ask(ask: Ask): Asked;
  /** The request the person is asked about now; undefined while snoozed, quiet, away or idle. */
  front(): { id: string; ask: Ask; answerableAt: EpochMs | null } | undefined;
  find(id: string): Ask | undefined;
  /** The front has come before the person's eyes: from now on half a second must pass. */
  shown(id: string): void;
  /**
   * @throws AppError ASK_UNKNOWN (over, or never was) | ASK_TOO_EARLY (not shown for half a second yet, or not the front) |
   *   TAP_NEEDED (a click where a tap is asked for) | SPAN_REFUSED | AUDIT_UNWRITABLE (an approval that cannot be recorded; it is
   *   still open). Denying is refused for nothing but ASK_UNKNOWN.
   */
  answer(id: string, answer: Answer): void;
  /**
   * One asker of the request has gone; those that were merged with it stay, and without any the request is over. Whoever may say so
   * twice uses `Asked.withdraw`.
   */
  withdraw(id: string): void;
  snooze(until: EpochMs): void;
  /** The person is here: ends the quiet and the snooze. */
  attend(): void;
  /** While held (away, locked) nothing is shown and nothing can be approved. */
  hold(held: boolean): void;
  view(): AskQueueView;
  onChange(listener: () => void): void;
  close(): void;
}

/** Requests that wait for a person at once, merged ones counted once. */
const queueLimit = 32;
const openFor: Ms = minutes(10);
/** A prompt that has just come up may lie under a finger that meant something else. */
const readingTime: Ms = ms(500);
/** After so many in a row that nobody answered, nobody is there. */
const patience = 3;
const historyLimit = 100;
/** The wall clock may jump while a timer sleeps, so what hangs on it is looked at afresh at least this often. */
const longestWait: Ms = minutes(5);

interface Entry {
  readonly id: string;
  readonly ask: Ask;
  readonly key: string;
  readonly askedAt: EpochMs;
  /** By both hands of the clock: on the wall, and in running time, which nobody can set back. */
  readonly openUntil: EpochMs;
  readonly closesAtElapsed: number;
  readonly outcome: Promise<Answer | null>;
  readonly settle: (answer: Answer | null) => void;
  askers: number;
  shown: { elapsed: Ms; answerableAt: EpochMs } | null;
}

/**
 * @param parts.describe what a person is shown of a program
 * @param parts.random for the ids of requests
 */
export function createConsents(parts: {
  clock: Clock;
  random: (bytes: number) => Buffer;
  audit: AuditLog;
  describe: (caller: Caller) => CallerView;
  log?: Log;
}): Consents {
  const { clock, random, audit, describe, log } = parts;
  let queue: Entry[] = [];
  let history: AskedView[] = [];
  let snoozedUntil: EpochMs | null = null;
  let held = false;
  let quiet = false;
  let closed = false;
  let unansweredInARow = 0;
  let cancelTimer = (): void => undefined;
  const listeners: (() => void)[] = [];

  function isHidden(): boolean {
    return held || quiet || (snoozedUntil !== null && clock.now() < snoozedUntil);
  }
  const frontEntry = (): Entry | undefined => (isHidden() ? undefined : queue[0]);

  /** Whatever was before the person's eyes is so no longer; it has to be shown again. */
  function forgetShown(): void {
    for (const entry of queue) entry.shown = null;
  }

  /** Told last, when all is in order again: a listener may ask and answer in its turn. */
  function changed(): void {
    setTimer();
    for (const listener of listeners) listener();
  }

  function setTimer(): void {
    cancelTimer();
    const now = clock.now();
    const waits = queue.map((entry) => Math.min(entry.closesAtElapsed - clock.elapsed(), remaining(entry.openUntil, now)));
    if (snoozedUntil !== null) waits.push(remaining(snoozedUntil, now));
    if (closed || waits.length === 0) {
      cancelTimer = () => undefined;
      return;
    }
    cancelTimer = clock.after(ms(Math.min(longestWait, Math.max(0, Math.min(...waits)))), () => {
      if (!catchUp()) setTimer();
    });
  }

  /** Closes what is past its time and ends a snooze that is over. True when that changed anything, which is told then. */
  function catchUp(): boolean {
    const now = clock.now();
    const over = queue.filter((entry) => now >= entry.openUntil || clock.elapsed() >= entry.closesAtElapsed);
    const awake = snoozedUntil !== null && now >= snoozedUntil;
    if (over.length === 0 && !awake) return false;
    for (const entry of over) leaveUnanswered(entry);
    if (awake) {
      snoozedUntil = null;
      forgetShown();
    }
    changed();
    return true;
  }

  function leaveUnanswered(entry: Entry): void {
    if (!queue.includes(entry)) return;
    // Somebody who snoozed or locked the screen has said why there is no answer.
    if (!isHidden()) unansweredInARow += 1;
    finish(entry, 'unanswered', null);
    // check: consent-quiet
    if (unansweredInARow >= patience && !quiet) {
      quiet = true;
      for (const each of [...queue]) finish(each, 'unanswered', null);
    }
    // end check
  }

  function finish(entry: Entry, outcome: AskedView['outcome'], answer: Answer | null): void {
    queue = queue.filter((each) => each !== entry);
    const { id, ask } = entry;
    if (outcome === 'unanswered') record({ type: 'consent.unanswered', ask: id, purpose: ask.purpose });
    const { purpose, workspace, scopes } = ask;
    const over = { id, purpose, title: describe(ask.caller).title, workspace, scopes: [...scopes], at: iso(clock.now()), outcome };
    history = [over, ...history].slice(0, historyLimit);
    entry.settle(answer);
  }

  /** For what must happen although the log cannot be written: refusals and ends. */
  function record(event: AuditEvent): void {
    try {
      audit.append(event);
    } catch (error) {
      log?.('consents.not-recorded', { event: event.type, code: asAppError(error).code });
    }
  }

  function withdrawOne(id: string): void {
    catchUp();
    const entry = queue.find((each) => each.id === id);
    if (entry === undefined) return;
    entry.askers -= 1;
    if (entry.askers === 0) finish(entry, 'withdrawn', null);
    changed();
  }

  function join(entry: Entry): Asked {
    let gone = false;
    entry.askers += 1;
    return {
      id: entry.id,
      outcome: entry.outcome,
      withdraw() {
        if (gone) return;
        gone = true;
        withdrawOne(entry.id);
      },
    };
  }

  function enqueue(ask: Ask): Entry {
    // check: consent-queue-limit
    if (queue.length >= queueLimit) throw new AppError('CONSENT_QUEUE_FULL');
    // end check
    const id = `a${random(12).toString('base64url')}`;
    audit.append(askedEvent(id, ask));
    const { promise, resolve } = Promise.withResolvers<Answer | null>();
    const now = clock.now();
    const entry: Entry = {
      ...{ id, ask, key: mergeKeyOf(ask), askedAt: now, openUntil: later(now, openFor), closesAtElapsed: clock.elapsed() + openFor },
      ...{ outcome: promise, settle: resolve, askers: 0, shown: null },
    };
    queue.push(entry);
    return entry;
  }

  function refuseApproval(entry: Entry, answer: Extract<Answer, { verdict: 'approved' }>): void {
    // check: consent-front-only
    if (entry !== frontEntry()) throw new AppError('ASK_TOO_EARLY', { reason: 'front' });
    // end check
    // check: consent-reading-time
    if (entry.shown === null || clock.elapsed() - entry.shown.elapsed < readingTime)
      throw new AppError('ASK_TOO_EARLY', { reason: 'shown' });
    // end check
    // check: consent-tap-needed
    if (entry.ask.approval === 'tap' && (answer.how !== 'tap' || answer.tapKey === null)) throw new AppError('TAP_NEEDED');
    // end check
    // check: consent-span-offered
    if (!entry.ask.spans.includes(answer.span)) throw new AppError('SPAN_REFUSED');
    // end check
  }

  function approve(entry: Entry, answer: Extract<Answer, { verdict: 'approved' }>): void {
    refuseApproval(entry, answer);
    const { how, span, tapKey } = answer;
    audit.append({
      type: 'consent.answered',
      ask: entry.id,
      purpose: entry.ask.purpose,
      verdict: 'approved',
      how,
      span,
      tapKey: tapKey ?? '',
    });
    finish(entry, 'approved', answer);
  }

  function deny(entry: Entry, answer: Extract<Answer, { verdict: 'denied' }>): void {
    const { purpose } = entry.ask;
    record({ type: 'consent.answered', ask: entry.id, purpose, verdict: 'denied', how: 'click', span: answer.reach, tapKey: '' });
    finish(entry, 'denied', answer);
  }

  const viewOf = (entry: Entry): AskView =>
    askView(entry.ask, describe, {
      ...{ id: entry.id, askedAt: iso(entry.askedAt), openUntil: iso(entry.openUntil), requests: entry.askers },
      answerableAt: entry.shown === null ? null : iso(entry.shown.answerableAt),
    });

  return {
    ask(ask) {
      catchUp();
      // check: consent-quiet-refuses
      if (quiet || closed) throw new AppError('CONSENT_QUIET');
      // end check
      const key = mergeKeyOf(ask);
      const asked = join(queue.find((each) => each.key === key) ?? enqueue(ask));
      changed();
      return asked;
    },
    front() {
      catchUp();
      const entry = frontEntry();
      return entry && { id: entry.id, ask: entry.ask, answerableAt: entry.shown?.answerableAt ?? null };
    },
    find(id) {
      catchUp();
      return queue.find((each) => each.id === id)?.ask;
    },
    shown(id) {
      catchUp();
      const entry = frontEntry();
      if (entry === undefined || entry.id !== id || entry.shown !== null) return;
      entry.shown = { elapsed: clock.elapsed(), answerableAt: later(clock.now(), readingTime) };
      changed();
    },
    answer(id, answer) {
      catchUp();
      const entry = queue.find((each) => each.id === id);
      if (entry === undefined) throw new AppError('ASK_UNKNOWN');
      if (answer.verdict === 'approved') approve(entry, answer);
      else deny(entry, answer);
      unansweredInARow = 0;
      changed();
    },
    withdraw: withdrawOne,
    snooze(until) {
      catchUp();
      if (until <= clock.now()) return;
      snoozedUntil = until;
      forgetShown();
      changed();
    },
    attend() {
      catchUp();
      const wasHidden = quiet || snoozedUntil !== null;
      quiet = false;
      snoozedUntil = null;
      unansweredInARow = 0;
      if (wasHidden) changed();
    },
    hold(hold) {
      catchUp();
      if (held === hold) return;
      held = hold;
      forgetShown();
      changed();
    },
    view() {
      catchUp();
      return { asks: queue.map(viewOf), snoozedUntil: snoozedUntil === null ? null : iso(snoozedUntil), quiet, history: [...history] };
    },
    onChange: (listener) => void listeners.push(listener),
    close() {
      if (closed) return;
      closed = true;
      for (const entry of [...queue]) finish(entry, 'unanswered', null);
      changed();
    },
  };
}
