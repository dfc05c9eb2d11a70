/**
 * One request to a person, and its three faces: what tells it from others, what the audit log keeps of it, what a page shows of it.
 * No secret, no grant URL and no token is ever part of any.
 */
import type { CallerView } from '../../preload/contract/caller.ts';
import type { AskView, Denial, Purpose, Span } from '../../preload/contract/consent.ts';
import type { AuditEvent } from '../audit/event.ts';
import type { Caller } from '../caller/caller.ts';
import { type EpochMs, iso } from '../units.ts';

export interface Ask {
  purpose: Purpose;
  caller: Caller;
  /** The program the grant was made for, where another one uses it. */
  expected: Caller | null;
  profile: string | null;
  /** The profile is a service principal of its own. */
  identity?: 'service-principal';
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

/**
 * Two requests are one prompt only where a person would read the same on both, so that nobody gets what was approved for another:
 * the key alone is the asker's word for it.
 */
export function mergeKeyOf(ask: Ask): string {
  const told: unknown[] = [ask.key];
  // check: consent-merge-what-is-shown
  const { purpose, caller, profile, workspace, scopes, words, grant, label, until, approval, spans } = ask;
  const { kind, aiAgent, process, interpreter, notebook } = caller;
  told.push(kind, aiAgent, process?.executable ?? null, interpreter?.script ?? null, process?.folder ?? null, notebook);
  told.push(caller.ancestors.map(({ executable }) => executable));
  told.push(purpose, profile, workspace, scopes, words, grant, label, until, approval, spans);
  // end check
  return JSON.stringify(told);
}

/** Control, format (bidi, zero width), private and unassigned characters, and whatever else would break a line. */
const unseen = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** A label is what the asker or the name of a file says. */
function harmless(text: string): string {
  let shown = text;
  // check: consent-words-harmless
  shown = shown.replace(unseen, '\u{fffd}');
  // end check
  return shown;
}

/** Programs are named by their executable alone: what they show of themselves stays out of the log. */
export function askedEvent(id: string, { purpose, identity, grant, caller, workspace, scopes, approval }: Ask): AuditEvent {
  return {
    ...{
      type: 'consent.asked',
      ask: id,
      purpose,
      ...(identity === undefined ? {} : { identity }),
      grant: grant ?? '',
      caller: caller.process?.executable ?? 'unknown',
      callerKind: caller.kind,
    },
    ...(caller.aiAgent === null ? {} : { aiAgent: caller.aiAgent }),
    ...{ workspace: workspace ?? '', scopes, approval },
  };
}

/** @param standing how it stands in the queue; all else is the request itself */
export function askView(
  ask: Ask,
  describe: (caller: Caller) => CallerView,
  standing: Pick<AskView, 'id' | 'askedAt' | 'answerableAt' | 'openUntil' | 'requests'>,
): AskView {
  const { purpose, caller, expected, profile, workspace, scopes, words, grant, label, until, approval, spans } = ask;
  return {
    ...{ purpose, caller: describe(caller), expected: expected === null ? null : describe(expected), profile, workspace },
    ...{
      scopes: [...scopes],
      words: words.map(harmless),
      grant,
      label: harmless(label),
      until: until === null ? null : iso(until),
      approval,
      spans: [...spans],
    },
    ...standing,
  };
}
