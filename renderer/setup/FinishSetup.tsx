/** On Home: what of the setup is left, for whoever closed it, until it is done or they want to hear no more of it. */
import { useState } from 'react';
import { setupSteps } from '../../preload/contract/setup.ts';
import type { UiState } from '../../preload/contract/ui.ts';
import { useAnswer } from '../door/use-answer.ts';
import type { ScreenProps } from '../screens.ts';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { Card } from '../ui/Card.tsx';
import { AttemptNotice } from '../ui/Notice.tsx';
import { useAct } from '../ui/use-act.ts';
import { canSkip } from './steps.ts';

const words = texts.setup.finish;

/** Before the first key Home itself says what comes next, and who is locked out or signed out has something else to do. */
const isTime = ({ status, preferences }: UiState): boolean =>
  preferences.remindOfSetup &&
  status.lock.state !== 'locked' &&
  status.tapKeys.length > 0 &&
  status.profiles.some(({ session }) => session.phase === 'signed-in');

export function FinishSetup({ line, state, onSetUp }: Pick<ScreenProps, 'line' | 'state' | 'onSetUp'>) {
  // Looking for what is left starts programs of the person's, so it is not done again once nothing is.
  const [isDone, setDone] = useState(false);
  const { attempt, run } = useAct();
  const isWanted = isTime(state) && !isDone;
  const answer = useAnswer(line, state.revision, 'setup', {}, isWanted);
  if (!isWanted || answer.phase !== 'ready') return null;
  const { next } = answer.value;
  if (next === null) setDone(true);
  if (next === null || !canSkip(next)) return null;
  const left = setupSteps.slice(setupSteps.indexOf(next)).map((step) => texts.setup.steps[step]);
  return (
    <Card
      heading={words.heading}
      acts={
        <>
          <Button size="compact" onPress={onSetUp}>
            {texts.setup.left.goOn}
          </Button>
          <Button
            look="quiet"
            size="compact"
            label={words.hideLabel}
            isBusy={attempt.phase === 'running'}
            onPress={() => void run(() => line.ask('preferences', { remindOfSetup: false }))}
          >
            {words.hide}
          </Button>
        </>
      }
    >
      <p className="quiet-text">{words.text(texts.activity.and(left))}</p>
      <AttemptNotice attempt={attempt} />
    </Card>
  );
}
