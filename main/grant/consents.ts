/**
 * The consent queue: one prompt at a time, identical requests merged, bounded, and quiet once nobody answers. It knows nothing of
 * screens; whoever shows a prompt says so, because nothing can be approved in its first half second.
 */
import type { AskQueueView, Denial, Purpose, Span } from '../../preload/contract/consent.ts';
import type { Caller } from '../caller/caller.ts';
import type { EpochMs } from '../units.ts';

export interface Ask {
  purpose: Purpose;
  caller: Caller;
  /** The program the grant was made for, where another one uses it. */
  expected: Caller | null;
  profile: string | null;
  workspace: string | null;
  scopes: readonly string[];
  words: readonly string[];
  grant: string | null;
  label: string;
  until: EpochMs | null;
  approval: 'click' | 'tap';
  spans: readonly Span[];
  /** Requests of equal keys are one prompt. */
  key: string;
}

export type Answer =
  | { verdict: 'approved'; how: 'click' | 'tap'; span: Span; tapKey: string | null }
  | { verdict: 'denied'; reach: Denial };

export interface Asked {
  readonly id: string;
  /** Settles once: an answer, or null where nobody answered until the request closed. Never rejects. */
  readonly outcome: Promise<Answer | null>;
}

export interface Consents {
  /** @throws AppError CONSENT_QUEUE_FULL | CONSENT_QUIET: too many went unanswered, so nobody is asked until the person looks */
  ask(ask: Ask): Asked;
  /** The request the person is asked about now; undefined while snoozed, quiet, away or idle. */
  front(): { id: string; ask: Ask; answerableAt: EpochMs | null } | undefined;
  find(id: string): Ask | undefined;
  /** The front has come before the person's eyes: from now on half a second must pass. */
  shown(id: string): void;
  /**
   * @throws AppError ASK_UNKNOWN (over, or never was) | ASK_TOO_EARLY (not shown for half a second yet, or not the front) |
   *   TAP_NEEDED (a click where a tap is asked for) | SPAN_REFUSED
   */
  answer(id: string, answer: Answer): void;
  /** Requests whose asker has gone; others that were merged with them stay. */
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
