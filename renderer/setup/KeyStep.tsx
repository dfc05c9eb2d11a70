/** The first key: it is added in the browser, on the page that follows the sign-in, and nowhere else. */
import { WayOutNotice } from '../door/WayOutNotice.tsx';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { AttemptNotice } from '../ui/Notice.tsx';
import { Progress } from '../ui/Progress.tsx';
import type { StepProps } from './FirstRun.tsx';
import { StepCard } from './StepCard.tsx';
import { useBeginSignIn } from './use-begin-sign-in.ts';

const words = texts.setup.key;

export function KeyStep({ line, host, state, onSkip }: StepProps) {
  const profile = state.status.profiles.find(({ session }) => session.phase === 'signed-in') ?? state.status.profiles[0];
  const signIn = useBeginSignIn(line, host, String(profile?.session.signedInAt));
  const isWaiting = profile?.session.signInWaiting === true;
  return (
    <StepCard step="key" heading={words.heading} text={words.text} touch={words.touch} onSkip={onSkip}>
      <Progress label={isWaiting ? texts.setup.signIn.waiting : words.waiting} />
      <p className="small">{words.lost}</p>
      {profile === undefined ? null : (
        <div>
          {isWaiting ? (
            <Button look="quiet" onPress={() => signIn.cancel(profile.name)}>
              {texts.setup.signIn.cancel}
            </Button>
          ) : (
            <Button isBusy={signIn.attempt.phase === 'running'} onPress={() => signIn.begin(profile.name)}>
              {words.again}
            </Button>
          )}
        </div>
      )}
      <AttemptNotice attempt={signIn.attempt} />
      {signIn.way.way.at === 'address' && profile !== undefined ? (
        <WayOutNotice
          way={signIn.way.way}
          host={host}
          text={texts.setup.signIn.waiting}
          cancel={texts.setup.signIn.cancel}
          onCancel={() => signIn.cancel(profile.name)}
        />
      ) : null}
    </StepCard>
  );
}
