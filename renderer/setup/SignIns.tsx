/** One button for each profile that nobody is signed in to yet, and how the sign-in that was begun stands. */
import type { UiState } from '../../preload/contract/ui.ts';
import type { ScreenProps } from '../door/screen-props.ts';
import { WayOutNotice } from '../door/WayOutNotice.tsx';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { AttemptNotice, FailureNotice } from '../ui/Notice.tsx';
import { Progress } from '../ui/Progress.tsx';
import { type BeginSignIn, useBeginSignIn } from './use-begin-sign-in.ts';

const words = texts.setup.signIn;
type Profile = UiState['status']['profiles'][number];

export function SignIns({ line, host, state }: ScreenProps) {
  const { profiles } = state.status;
  const signIn = useBeginSignIn(line, host, profiles.map(({ session }) => session.signedInAt).join(' '));
  return (
    <>
      {profiles.map((profile, index) => (
        <OneProfile key={profile.name} profile={profile} signIn={signIn} isFirst={index === 0} />
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
    </>
  );
}

function OneProfile({ profile, signIn, isFirst }: { profile: Profile; signIn: BeginSignIn; isFirst: boolean }) {
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
        <Button
          look={isFirst ? 'primary' : 'plain'}
          size={isFirst ? 'large' : 'normal'}
          isBusy={signIn.attempt.phase === 'running'}
          onPress={() => signIn.begin(name)}
        >
          {words.begin(name)}
        </Button>
      </div>
    </div>
  );
}
