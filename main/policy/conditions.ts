/** The named conditions of a policy, each as the parts that must all hold, and the fresh sign-in that a grant can ask for. */
import { type EpochMs, type Ms, minutes } from '../units.ts';
import { inRanges } from './address-range.ts';
import { asTruth, type Facts, lengthWords, type Part, type Truth } from './facts.ts';
import type { Identity, Question } from './question.ts';
import type { ConditionRule, GrantRule } from './schema.ts';
import { timeWindow } from './time-window.ts';

const levels = ['unknown', 'mfa', 'config-asserted', 'phr'] as const;

/** As far as two clocks may differ; a moment further ahead than this is not known to be past at all. */
const SKEW: Ms = minutes(2);

/** Whether something is at most `most` old. */
function ageTruth(moment: EpochMs | null, at: EpochMs, most: Ms): Truth {
  // check: policy-future-time
  if (moment === null || moment > at + SKEW) return 'unknown';
  // end check
  return asTruth(at - moment <= most);
}

/** @param setsOf turns AAGUIDs and names of sets into AAGUIDs, in lower case */
export function conditionParts(name: string, rule: ConditionRule, setsOf: (names: readonly string[]) => ReadonlySet<string>): Part[] {
  const { assurance, authAgeMax, tapKey, identity, cidr, time } = rule;
  const parts: (Part | null)[] = [
    assurance === undefined ? null : assurancePart(assurance),
    authAgeMax === undefined ? null : authAgePart(authAgeMax),
    tapKey === undefined ? null : tapKeyPart(tapKey, setsOf),
    identity === undefined ? null : identityPart(identity),
    cidr === undefined ? null : addressPart(cidr),
    time === undefined ? null : timePart(time),
  ];
  return parts.filter((part) => part !== null).map((part) => ({ ...part, says: `${part.says} (${name})` }));
}

const assurancePart = (least: NonNullable<ConditionRule['assurance']>): Part => ({
  truth: ({ question }) => asTruth(levels.indexOf(question.session.assurance) >= levels.indexOf(least)),
  says: `the sign-in is proven as ${least} or better`,
  change: `a sign-in that is proven as ${least} or better`,
  cure: 'sign-in',
  demand: { acr: null, maxAge: null },
});

const identityWords: Readonly<Record<Identity, string>> = { person: 'a person', 'service-principal': 'a service principal' };

const identityPart = (wanted: Identity): Part => ({
  truth: ({ question }) => asTruth(question.identity === wanted),
  says: `it is ${identityWords[wanted]} that asks`,
  change: `asking as ${identityWords[wanted]}`,
  cure: null,
});

const authAgePart = (most: Ms): Part => ({
  truth: ({ question }) => ageTruth(question.session.authTime, question.at, most),
  says: `the sign-in is at most ${lengthWords(most)} old`,
  change: `a sign-in at most ${lengthWords(most)} old`,
  cure: 'sign-in',
  demand: { acr: null, maxAge: most },
});

/** An `acr` is compared to the letter: which of them is stronger than another is nothing the words themselves say. */
export function stepUpPart({ acr, maxAge }: NonNullable<GrantRule['stepUp']>): Part {
  const words = acr === undefined ? '' : ` and says ${acr.join(' or ')}`;
  return {
    truth: ({ question: { session, at } }) => {
      const age = ageTruth(session.authTime, at, maxAge);
      // check: policy-step-up-acr
      if (acr !== undefined && !acr.includes(session.acr ?? '')) return 'no';
      // end check
      return age;
    },
    says: `the sign-in is at most ${lengthWords(maxAge)} old${words}`,
    change: `a fresh sign-in, at most ${lengthWords(maxAge)} old${acr === undefined ? '' : `, with acr ${acr.join(' or ')}`}`,
    cure: 'sign-in',
    demand: { acr: acr ?? null, maxAge },
  };
}

type TapKeyRule = NonNullable<ConditionRule['tapKey']>;
type TapKey = Question['tapKeys'][number];

function tapKeyPart(rule: TapKeyRule, setsOf: (names: readonly string[]) => ReadonlySet<string>): Part {
  const models = rule.aaguids === undefined ? null : setsOf(rule.aaguids);
  /** One key must be all of it: a proven model and a PIN on another key are no proven key with a PIN. */
  const isIt = (key: TapKey, at: EpochMs): boolean =>
    (models === null || models.has(key.aaguid.toLowerCase())) &&
    (rule.attested !== true || key.attested) &&
    (rule.userVerified !== true || key.userVerified) &&
    (rule.hardwareBound !== true || key.hardwareBound) &&
    (rule.maxAge === undefined || ageTruth(key.touchedAt, at, rule.maxAge) === 'yes');
  const words = tapKeyWords(rule);
  return {
    truth: ({ question }) => asTruth(question.tapKeys.some((key) => isIt(key, question.at))),
    says: `${words} was touched in this session`,
    change: `a touch of ${words}`,
    cure: 'tap',
  };
}

function tapKeyWords({ aaguids, attested, userVerified, hardwareBound, maxAge }: TapKeyRule): string {
  const facts = [
    aaguids === undefined ? '' : 'of an approved model',
    attested === true ? 'proven by its maker' : '',
    userVerified === true ? 'with PIN or fingerprint' : '',
    hardwareBound === true ? 'that cannot be copied' : '',
    maxAge === undefined ? '' : `in the last ${lengthWords(maxAge)}`,
  ];
  return ['a tap key', facts.filter((fact) => fact !== '').join(', ')].filter((text) => text !== '').join(' ');
}

function addressPart(ranges: readonly string[]): Part {
  const lies = inRanges(ranges);
  return {
    truth: ({ addresses }: Facts) => (addresses.length === 0 ? 'unknown' : asTruth(lies(addresses))),
    says: `an address of this machine lies in ${ranges.join(' or ')}`,
    change: `asking from a network of ${ranges.join(' or ')}`,
    cure: null,
  };
}

function timePart(time: NonNullable<ConditionRule['time']>): Part {
  const lies = timeWindow(time);
  const words = [time.days?.join(', '), time.hours, time.tz].filter((word) => word !== undefined).join(' ');
  return {
    truth: ({ question }) => asTruth(lies(question.at)),
    says: `the time lies in ${words}`,
    change: `asking within ${words}`,
    cure: null,
  };
}
