/** Where the first run stands: what the agent says of each step, and what the person has skipped here. */
import { type SetupStep, type SetupView, setupSteps } from '../../preload/contract/setup.ts';
import type { UiState } from '../../preload/contract/ui.ts';

/** Without these nothing works. */
const needed: readonly SetupStep[] = ['profile', 'sign-in', 'key'];
export const canSkip = (step: SetupStep): boolean => !needed.includes(step);

export type StepState = 'done' | 'now' | 'later' | 'skipped';

export interface Progress {
  /** The step that is shown; 'end': all are done or skipped. */
  at: SetupStep | 'end';
  states: Readonly<Record<SetupStep, StepState>>;
}

/** What only this page knows: steps that the person passes over, and one whose outcome is still being looked at. */
export interface Passage {
  skipped: readonly SetupStep[];
  lingering: SetupStep | null;
}
/** Whoever comes to the setup while the query is under way, as after the touch that approved it, is shown what comes of it. */
export const firstPassage = ({ query }: Pick<SetupView, 'query'>): Passage => ({
  skipped: [],
  lingering: query === null || query.state === 'idle' || query.state === 'failed' ? null : 'query',
});

function isDone(step: SetupStep, setup: SetupView, { status }: UiState): boolean {
  // A sign-in or a key shows in the state at once, the agent's own list of steps a moment later.
  if (step === 'sign-in' && status.profiles.some(({ session }) => session.phase === 'signed-in')) return true;
  if (step === 'key' && status.tapKeys.length > 0) return true;
  if (step === 'query' && setup.query?.state === 'done') return true;
  return setup.next === null || setupSteps.indexOf(step) < setupSteps.indexOf(setup.next);
}

export function progressOf(setup: SetupView, state: UiState, { skipped, lingering }: Passage): Progress {
  const open = setupSteps.filter((step) => !isDone(step, setup, state));
  const at = lingering ?? open.find((step) => !skipped.includes(step)) ?? 'end';
  const stateOf = (step: SetupStep): StepState => {
    if (step === at) return 'now';
    if (!open.includes(step)) return 'done';
    return skipped.includes(step) ? 'skipped' : 'later';
  };
  return { at, states: Object.fromEntries(setupSteps.map((step) => [step, stateOf(step)])) as Record<SetupStep, StepState> };
}

/**
 * Whether a person who opens Lakepass is still on the way to their first key. The steps after it are offered where they can be found
 * again, and get in nobody's way.
 */
export const isBeforeFirstKey = ({ status, grants }: UiState): boolean => {
  if (hasNoPeople(status)) return false;
  return status.profiles.length === 0 || (status.tapKeys.length === 0 && grants.length === 0 && status.lock.state !== 'locked');
};

/** Only service principals are configured: nobody has to sign in, and there is no key to add. */
export const hasNoPeople = ({ profiles, servicePrincipals }: UiState['status']): boolean =>
  profiles.length === 0 && servicePrincipals.length > 0;
