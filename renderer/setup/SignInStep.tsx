/** Signing in at the company's own page, in the browser. */
import { texts } from '../texts.ts';
import { Empty } from '../ui/Empty.tsx';
import type { StepProps } from './FirstRun.tsx';
import { SignIns } from './SignIns.tsx';
import { StepCard } from './StepCard.tsx';

const words = texts.setup.signIn;

export function SignInStep({ line, host, state, onSkip }: StepProps) {
  return (
    <StepCard step="sign-in" heading={words.heading} text={words.text} touch={words.touch} onSkip={onSkip}>
      {state.status.profiles.length === 0 ? <Empty icon="person" heading={words.none} /> : null}
      <SignIns {...{ line, host, state }} />
    </StepCard>
  );
}
