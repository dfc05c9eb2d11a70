/**
 * What a person is told of while they look elsewhere, each thing once. It is made from what the agent says now, what it said before and
 * the time; no secret, no host and no code is in any of it.
 */
import { codesOfAlerts } from '../../preload/contract/alert.ts';
import type { GrantView, StatusView } from '../../preload/contract/control.ts';
import type { View } from '../../preload/contract/desktop.ts';
import type { UiState } from '../../preload/contract/ui.ts';
import { type EpochMs, minutes } from '../units.ts';
import { openRequests, workspaceName } from './tray-model.ts';
import { plainLine, words } from './words.ts';

export interface Notice {
  /** The same thing has the same key. */
  key: string;
  title: string;
  body: string;
  /** What a click opens; 'request': the window in which it is answered. */
  opens: View | 'request';
}

/** How long before an end a person is told of it. */
const ahead = minutes(10);
/** Keys that are remembered; far more than can be current at once. */
const mostKeys = 1000;
/** Alerts that nobody has seen yet. */
const mostAlerts = 3;

const text = words.notices;
const programOf = (view: { caller: GrantView['caller']; label: string }): string =>
  plainLine(view.caller?.title ?? view.label) || words.unknownProgram;

/** Remembers what was told. @returns for each new state what is to be told now */
export function createNotices(): (state: UiState, now: EpochMs) => Notice[] {
  const told = new Set<string>();
  let before: UiState | undefined;
  return (state, now) => {
    const due = noticesOf(before, state, now).filter(({ key }) => !told.has(key));
    before = state;
    for (const { key } of due) told.add(key);
    for (const key of told) {
      if (told.size <= mostKeys) break;
      told.delete(key);
    }
    return due;
  };
}

/** @param before undefined at the start: what was so already is no news, an end that is near or a trouble is */
export function noticesOf(before: UiState | undefined, state: UiState, now: EpochMs): Notice[] {
  return [
    ...ofRequest(state.status),
    ...ofEnds(state, now),
    ...ofAlerts(state.status),
    ...ofProblems(state.status),
    ...(before === undefined
      ? []
      : [...ofUnanswered(before.status, state.status), ...ofLock(before.status, state), ...ofEndedSessions(before.status, state.status)]),
  ];
}

function ofRequest({ queue, profiles }: StatusView): Notice[] {
  const [front] = queue.asks;
  if (front === undefined || openRequests(queue) === 0) return [];
  const workspace = front.workspace === null ? null : workspaceName(profiles, front.workspace);
  const body = text.asksBody(programOf({ caller: front.caller, label: '' }), workspace);
  return [{ key: `ask ${front.id}`, title: text.asks, body, opens: 'request' }];
}

function ofUnanswered(before: StatusView, { queue }: StatusView): Notice[] {
  const known = new Set(before.queue.history.map(({ id }) => id));
  return queue.history
    .filter(({ id, outcome }) => outcome === 'unanswered' && !known.has(id))
    .map(({ id, title }) => ({
      key: `unanswered ${id}`,
      title: text.unanswered,
      body: text.unansweredBody(plainLine(title) || words.unknownProgram),
      opens: 'requests' as const,
    }));
}

/** Whatever stops somebody's work at a moment that is known beforehand. */
function ofEnds({ status, grants }: UiState, now: EpochMs): Notice[] {
  const soon = (key: string, end: string | null, notice: (left: string) => Omit<Notice, 'key'>): Notice[] => {
    const left = end === null ? Number.POSITIVE_INFINITY : Date.parse(end) - now;
    return left > 0 && left <= ahead ? [{ key: `${key} ${end}`, ...notice(words.length(left)) }] : [];
  };
  const sessions = status.profiles.flatMap(({ name, session }) =>
    session.phase === 'signed-in'
      ? soon(`session-ends ${name}`, session.endsAt, (left) => ({
          title: text.sessionEnds,
          body: text.sessionEndsBody(left),
          opens: 'home',
        }))
      : [],
  );
  const inUse = grants.filter(({ state, members, paused }) => state === 'live' && members > 0 && !paused);
  const ending = inUse.flatMap((grant) =>
    soon(`grant-ends ${grant.id}`, grant.until, (left) => ({
      title: text.grantEnds,
      body: text.grantEndsBody(programOf(grant), workspaceName(status.profiles, grant.workspace), left),
      opens: 'grants',
    })),
  );
  // Where nobody is signed in a lock takes nothing from anybody.
  const isHeld = status.profiles.some(({ session }) => session.phase === 'signed-in');
  const lock = isHeld
    ? soon('locks', status.lock.locksAt, (left) => ({ title: text.locks, body: text.locksBody(left), opens: 'home' }))
    : [];
  const policy = soon('policy-ends', status.policy.expires, (left) => ({
    title: text.policyEnds,
    body: text.policyEndsBody(left),
    opens: 'policy',
  }));
  return [...sessions, ...lock, ...ending, ...policy];
}

/**
 * Severe ones that the person has not seen, in the words of the table of alerts. With so many before them nothing more is shown: the app
 * has them all.
 */
const ofAlerts = ({ alerts = [] }: StatusView): Notice[] =>
  alerts
    .filter(({ severity, seen }) => severity === 'severe' && !seen)
    .slice(0, mostAlerts)
    .map(({ kind, about, since, cause, next }) => ({ key: `alert ${kind} ${about} ${since}`, title: cause, body: next, opens: 'home' }));

/** What is refused now, with the way out, in the words of the table of failures; what the detail adds may not be for every eye. */
const ofProblems = ({ problems, alerts = [] }: StatusView): Notice[] =>
  problems
    .filter(({ code }) => !codesOfAlerts(alerts).has(code))
    .map(({ code, cause, next }) => ({ key: `problem ${code}`, title: cause, body: next, opens: 'doctor' }));

function ofLock(before: StatusView, { status: { lock }, grants }: UiState): Notice[] {
  if (before.lock.state === lock.state) return [];
  const key = `lock ${lock.state} ${lock.since}`;
  if (lock.state === 'away' && lock.continuing > 0)
    return [{ key, title: text.away, body: text.awayBody(lock.continuing), opens: 'grants' }];
  const held = grants.filter(({ state, members }) => state === 'live' && members > 0).length;
  if (lock.state === 'locked' && held > 0) return [{ key, title: text.locked, body: text.lockedBody(held), opens: 'home' }];
  return [];
}

/** Ended by itself or by the provider; a person who signs out knows. */
function ofEndedSessions(before: StatusView, { profiles }: StatusView): Notice[] {
  const was = new Map(before.profiles.map(({ name, session }) => [name, session.phase]));
  return profiles.flatMap(({ name, session: { phase, lastFailure, signedInAt } }) =>
    phase === 'ended' && was.get(name) !== 'ended' && lastFailure !== null
      ? [
          {
            key: `ended ${name} ${signedInAt}`,
            title: text.ended,
            body: `${lastFailure.cause} ${lastFailure.next}`,
            opens: 'home' as const,
          },
        ]
      : [],
  );
}
