/** A question, taken apart once so that many rules can look at it, and what a rule can ask of it. */
import type { CallerKind } from '../../preload/contract/caller.ts';
import { type Cloud, cloudOf } from '../databricks/scopes.ts';
import type { Ms } from '../units.ts';
import { readAddress } from './address-range.ts';
import { type Host, readHost } from './glob.ts';
import type { Question } from './question.ts';

/** 'unknown': the system did not say. It never satisfies a rule that allows, and never spares from one that denies. */
export type Truth = 'yes' | 'no' | 'unknown';

/** What a person could do at once about a part that does not hold. */
export type Cure = 'sign-in' | 'tap';

/** One thing a rule asks for. Parts are made once per policy; rules that name the same caller or condition share them. */
export interface Part {
  truth(facts: Facts): Truth;
  /** After "it holds that …". */
  readonly says: string;
  /** What would make it hold. */
  readonly change: string;
  readonly cure: Cure | null;
  /** For 'sign-in': what the new sign-in must prove. */
  readonly demand?: { readonly acr: readonly string[] | null; readonly maxAge: Ms | null };
}

export interface Facts {
  readonly question: Question;
  readonly host: Host | null;
  readonly cloud: Cloud;
  readonly executable: readonly string[] | null;
  readonly parents: readonly (readonly string[])[];
  readonly groups: readonly (readonly string[])[];
  readonly addresses: readonly NonNullable<ReturnType<typeof readAddress>>[];
  /** Filled in by the policy. */
  readonly roles: Set<string>;
  readonly known: Map<Part, Truth>;
}

export function factsOf(question: Question): Facts {
  const { caller, workspace, addresses, person } = question;
  const host = readHost(workspace);
  return {
    question,
    host,
    cloud: host === null ? 'aws' : cloudOf(workspace),
    executable: caller.executable?.split('/') ?? null,
    parents: caller.parents.map((path) => path.split('/')),
    groups: person.groups.map((group) => group.split('/')),
    addresses: addresses.flatMap((text) => readAddress(text) ?? []),
    roles: new Set(),
    known: new Map(),
  };
}

/** Whether a part holds; looked at once per question. */
export function truthOf(part: Part, facts: Facts): Truth {
  const known = facts.known.get(part);
  if (known !== undefined) return known;
  const truth = part.truth(facts);
  facts.known.set(part, truth);
  return truth;
}

export const asTruth = (holds: boolean): Truth => (holds ? 'yes' : 'no');

/** 'yes' where any is; else 'unknown' where any is. */
export const anyOf = (truths: readonly Truth[]): Truth => (truths.includes('yes') ? 'yes' : truths.includes('unknown') ? 'unknown' : 'no');
/** 'no' where any is; else 'unknown' where any is. */
export const allOf = (truths: readonly Truth[]): Truth => (truths.includes('no') ? 'no' : truths.includes('unknown') ? 'unknown' : 'yes');

/** Whoever asks in one of these ways is refused unless a rule names the kind. */
export const heldOff: ReadonlySet<CallerKind> = new Set(['forwarder', 'container', 'unknown']);

/** 90000 → "90 s", 28800000 → "8 h". */
export function lengthWords(length: Ms): string {
  const seconds = Math.round(length / 1000);
  if (seconds % 3600 === 0) return `${seconds / 3600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

/** At most so many of the names, for a sentence. */
export const someOf = (names: readonly string[], most = 4): string =>
  names.length <= most ? names.join(', ') : `${names.slice(0, most).join(', ')} and ${names.length - most} more`;
