/** The first minutes, one step at a time. Where it stands comes from the agent, so that it goes on there after it was closed. */
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { type SetupStep, type SetupView, setupSteps } from '../../preload/contract/setup.ts';
import { useAnswer } from '../door/use-answer.ts';
import type { ScreenProps } from '../screens.ts';
import { texts } from '../texts.ts';
import { Answered } from '../ui/Answered.tsx';
import { Screen } from '../ui/Screen.tsx';
import { DefaultStep } from './DefaultStep.tsx';
import { End } from './End.tsx';
import { KeyStep } from './KeyStep.tsx';
import { ProfileStep } from './ProfileStep.tsx';
import { QueryStep } from './QueryStep.tsx';
import { SetupFailed } from './SetupFailed.tsx';
import { SignInStep } from './SignInStep.tsx';
import { StepList } from './StepList.tsx';
import { canSkip, firstPassage, type Passage, type Progress, progressOf } from './steps.ts';

const words = texts.setup;

export interface FirstRunProps extends Omit<ScreenProps, 'onSetUp'> {
  /** Goes on to the rest of Lakepass. */
  onDone: () => void;
  /** What is shown where nobody can say which step is next. */
  instead: ReactNode;
}

/** What every step is given. */
export interface StepProps extends Omit<ScreenProps, 'onSetUp'> {
  setup: SetupView;
  /** The step has changed something: the agent is asked anew how it stands. */
  onChanged: () => void;
  /** The outcome of this step is looked at, until `onGoOn`. */
  onLinger: () => void;
  onGoOn: () => void;
  /** null: this step cannot be passed over. */
  onSkip: (() => void) | null;
}

export function FirstRun({ onDone, instead, ...screen }: FirstRunProps) {
  const answer = useAnswer(screen.line, screen.state.revision, 'setup', {});
  const [passage, setPassage] = useState<Passage | null>(null);
  // While it is tried again, what the person is reading stays.
  const [hasFailed, setHasFailed] = useState(false);
  if (answer.phase !== 'loading' && hasFailed !== (answer.phase === 'failed')) setHasFailed(answer.phase === 'failed');
  if (answer.phase !== 'ready' && hasFailed) {
    return (
      <>
        <SetupFailed answer={answer} />
        {instead}
      </>
    );
  }
  return (
    <Screen heading={words.heading} lead={words.lead}>
      <Answered answer={answer} waitingFor={words.loading}>
        {(setup) => (
          <Steps
            {...screen}
            setup={setup}
            passage={passage ?? firstPassage(setup)}
            onPassage={setPassage}
            onChanged={() => answer.phase !== 'loading' && answer.retry()}
            onDone={onDone}
          />
        )}
      </Answered>
    </Screen>
  );
}

interface StepsProps extends Omit<FirstRunProps, 'instead'>, Pick<StepProps, 'setup' | 'onChanged'> {
  passage: Passage;
  onPassage: (passage: Passage) => void;
}

function Steps({ passage, onPassage, onDone, setup, onChanged, ...screen }: StepsProps) {
  const progress = progressOf(setup, screen.state, passage);
  const { at } = progress;
  const place = useFocusOnChange(at);
  const resume = (step: SetupStep): void => onPassage({ skipped: passage.skipped.filter((one) => one !== step), lingering: null });
  const step = (here: SetupStep): StepProps => ({
    ...screen,
    setup,
    onChanged,
    onLinger: () => onPassage({ ...passage, lingering: here }),
    onGoOn: () => onPassage({ ...passage, lingering: null }),
    onSkip: canSkip(here) ? () => onPassage({ skipped: [...passage.skipped, here], lingering: null }) : null,
  });
  return (
    <>
      <StepList progress={progress} onResume={resume} />
      <p className="hidden" role="status">
        {said(progress)}
      </p>
      <div ref={place}>
        {at === 'profile' ? <ProfileStep {...step(at)} /> : null}
        {at === 'sign-in' ? <SignInStep {...step(at)} /> : null}
        {at === 'key' ? <KeyStep {...step(at)} /> : null}
        {at === 'default' ? <DefaultStep {...step(at)} /> : null}
        {at === 'query' ? <QueryStep {...step(at)} /> : null}
        {at === 'end' ? <End host={screen.host} skipped={passage.skipped} onDone={onDone} /> : null}
      </div>
    </>
  );
}

const said = ({ at }: Progress): string =>
  at === 'end' ? words.end.heading : `${words.progress(setupSteps.indexOf(at) + 1, setupSteps.length)}: ${words.steps[at]}`;

/** When another step comes, the focus goes to its name; not when the page itself does. */
function useFocusOnChange(at: string) {
  const place = useRef<HTMLDivElement>(null);
  const before = useRef(at);
  useEffect(() => {
    if (before.current !== at) place.current?.querySelector<HTMLElement>('[data-step]')?.focus();
    before.current = at;
  }, [at]);
  return place;
}
