/** Signing in at the company's own page, in the browser. */
import type { UiState } from '../../preload/contract/ui.ts';
import { WayOutNotice } from '../door/WayOutNotice.tsx';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { Empty } from '../ui/Empty.tsx';
import { AttemptNotice, FailureNotice } from '../ui/Notice.tsx';
import { Progress } from '../ui/Progress.tsx';
import type { StepProps } from './FirstRun.tsx';
import { StepCard } from './StepCard.tsx';
import { type BeginSignIn, useBeginSignIn } from './use-begin-sign-in.ts';

const words = texts.setup.signIn;
type Profile = UiState['status']['profiles'][number];

export function SignInStep({ line, host, state, onSkip }: StepProps) {
  const { profiles } = state.status;
  const signIn = useBeginSignIn(line, host, profiles.map(({ session }) => session.signedInAt).join(' '));
  return (
    <StepCard step="sign-in" heading={words.heading} text={words.text} touch={words.touch} onSkip={onSkip}>
      {profiles.length === 0 ? <Empty icon="person" heading={words.none} /> : null}
      {profiles.map((profile) => (
        <OneProfile key={profile.name} profile={profile} signIn={signIn} />
      ))}
      <AttemptNotice attempt={signIn.attempt} />
      {signIn.way.way.at === 'address' ? (
        <WayOutNotice
          way={signIn.way.way}
          host={host}
          text={words.waiting}
          cancel={words.cancel}
          onCancel={() => signIn.cancel(profiles.find(({ session }) => session.signInWaiting)?.name ?? '')}
        />
      ) : null}
    </StepCard>
  );
}

function OneProfile({ profile, signIn }: { profile: Profile; signIn: BeginSignIn }) {
  const { session, name } = profile;
  if (session.signInWaiting) {
    return (
      <div className="stack">
        <Progress label={words.waiting} />
        <div>
          <Button look="quiet" onPress={() => signIn.cancel(name)}>
            {words.cancel}
          </Button>
        </div>
      </div>
    );
  }
  return (
    <div className="stack">
      {session.lastFailure === null ? null : <FailureNotice failure={session.lastFailure} isStepBeside />}
      <div>
        <Button look="primary" size="large" isBusy={signIn.attempt.phase === 'running'} onPress={() => signIn.begin(name)}>
          {words.begin(name)}
        </Button>
      </div>
    </div>
  );
}
