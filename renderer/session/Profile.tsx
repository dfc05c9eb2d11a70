/** One company: who is signed in there, how strongly that was proven, until when. */
import type { StatusView } from '../../preload/contract/control.ts';
import type { Failure } from '../../preload/contract/failure.ts';
import type { SessionView } from '../../preload/contract/session.ts';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { Card } from '../ui/Card.tsx';
import { ConfirmButton } from '../ui/ConfirmButton.tsx';
import { AttemptNotice, FailureNotice, Notice } from '../ui/Notice.tsx';
import { Moment } from '../ui/time.tsx';
import type { SignIn } from './use-sign-in.ts';

type ProfileView = StatusView['profiles'][number];

export function Profile({ profile, signIn }: { profile: ProfileView; signIn: SignIn }) {
  const { session } = profile;
  return (
    <Card heading={headingOf(session)} look="strong" acts={<Acts session={session} signIn={signIn} />}>
      {profile.test ? <span className="badge warn">{texts.home.test}</span> : null}
      {session.lastFailure === null || session.phase === 'signed-in' ? null : <LastFailure failure={session.lastFailure} />}
      <AttemptNotice attempt={signIn.attempt} />
      {signIn.blockedUrl === null ? null : (
        <Notice look="plain">
          <p>{texts.home.blocked}</p>
          <p>
            <a href={signIn.blockedUrl} target="_blank" rel="noreferrer">
              {texts.home.goOn}
            </a>
          </p>
        </Notice>
      )}
      <Details profile={profile} />
      {session.renewalProblem === null ? null : (
        <Notice>
          <p>
            {texts.home.renewal}: {session.renewalProblem.cause} {session.renewalProblem.next}
          </p>
        </Notice>
      )}
    </Card>
  );
}

function LastFailure({ failure }: { failure: Failure }) {
  return <FailureNotice failure={failure} isStepBeside={failure.nextStep === 'sign-in'} />;
}

function headingOf(session: SessionView) {
  const { identity, phase } = session;
  if (phase === 'signing-in') return texts.home.signingIn;
  if (phase === 'ended') return texts.home.ended;
  if (identity === null) return texts.home.signedOut;
  return (
    <>
      {identity.displayName || identity.username} <span className="account">{identity.username}</span>
    </>
  );
}

function Acts({ session, signIn }: { session: SessionView; signIn: SignIn }) {
  const isBusy = signIn.attempt.phase === 'running';
  if (session.signInWaiting) {
    return (
      <Button isBusy={isBusy} onPress={signIn.cancel}>
        {texts.home.cancel}
      </Button>
    );
  }
  if (session.phase !== 'signed-in') {
    return (
      <Button look="primary" isBusy={isBusy} onPress={signIn.begin}>
        {session.phase === 'ended' ? texts.home.signInAgain : texts.home.signIn}
      </Button>
    );
  }
  return (
    <>
      <Button look="quiet" isBusy={isBusy} onPress={signIn.begin}>
        {texts.home.signInAgain}
      </Button>
      <ConfirmButton
        ask={texts.home.signOut}
        confirm={texts.home.reallySignOut}
        keep={texts.grants.keep}
        isBusy={isBusy}
        onConfirm={signIn.signOut}
      />
    </>
  );
}

function Details({ profile }: { profile: ProfileView }) {
  const { session, issuer, workspaces } = profile;
  const { assurance } = session;
  return (
    <dl className="matter">
      <div>
        <dt>{texts.home.provider}</dt>
        <dd className="value">{issuer}</dd>
      </div>
      {assurance === null ? null : (
        <div>
          <dt>{texts.home.assurance}</dt>
          <dd>
            {texts.home.levels[assurance.level]} <span className="small">{assurance.because}</span>
          </dd>
        </div>
      )}
      {session.signedInAt === null ? null : (
        <div>
          <dt>{texts.home.since}</dt>
          <dd>
            <Moment at={session.signedInAt} />
          </dd>
        </div>
      )}
      {session.endsAt === null ? null : (
        <div>
          <dt>{texts.home.ends}</dt>
          <dd>
            <Moment at={session.endsAt} /> {session.survivesRestart ? null : <span className="small">{texts.home.restart}</span>}
          </dd>
        </div>
      )}
      <div>
        <dt>{texts.home.workspaces}</dt>
        <dd>
          <ul className="plain">
            {workspaces.map(({ name, host, health }) => (
              <li key={name}>
                <span className="value">{host}</span> <span className="small">{health}</span>
              </li>
            ))}
          </ul>
        </dd>
      </div>
    </dl>
  );
}
