/**
 * One company: who is signed in there, what its provider says of how that was proven, and until when. Which key was touched with Lakepass
 * last is a fact of its own, from another witness: the provider's answer names no key.
 */
import { useId } from 'react';
import type { StatusView } from '../../preload/contract/control.ts';
import type { SessionView } from '../../preload/contract/session.ts';
import type { TapKeyView } from '../../preload/contract/tap-key.ts';
import type { Host } from '../door/host.ts';
import { WayOutNotice } from '../door/WayOutNotice.tsx';
import { texts } from '../texts.ts';
import { Badge } from '../ui/Badge.tsx';
import { Button } from '../ui/Button.tsx';
import { Detail, Details } from '../ui/Details.tsx';
import { AttemptNotice, FailureNotice, Notice, WithCommands } from '../ui/Notice.tsx';
import { Moment } from '../ui/time.tsx';
import styles from './Profile.module.css';
import { TimeLeft } from './TimeLeft.tsx';
import type { SignIn } from './use-sign-in.ts';

export type ProfileView = StatusView['profiles'][number];

interface ProfileProps {
  profile: ProfileView;
  lastTouched: TapKeyView | null;
  signIn: SignIn;
  host: Host;
  /** Signing in is what helps most now. */
  isNext: boolean;
  /** There are others beside it, so that it has to be named. */
  isOneOfSeveral: boolean;
}

export function Profile({ profile, lastTouched, signIn, host, isNext, isOneOfSeveral }: ProfileProps) {
  const id = useId();
  const { session } = profile;
  const last = lastFailureOf(session);
  // An attempt that failed here says it itself.
  const isJustSaid = signIn.attempt.phase === 'failed' && signIn.attempt.failure.code === last?.code;
  const hasRing = session.phase === 'signed-in' && session.endsAt !== null && session.signedInAt !== null;
  return (
    <section className={hasRing ? styles.profile : `${styles.profile} ${styles.alone}`} aria-labelledby={id}>
      {hasRing ? <TimeLeft session={session} /> : null}
      <div className={styles.facts}>
        <div className={styles.head}>
          <div>
            {isOneOfSeveral ? <p className="small">{profile.name}</p> : null}
            <h2 id={id}>{headingOf(session)}</h2>
            <p className={styles.account}>
              {headingOf(session) === session.identity?.username ? null : session.identity?.username}{' '}
              {profile.test ? <Badge look="warn">{texts.home.test}</Badge> : null}{' '}
              {profile.direct === undefined ? null : <Badge look="warn">{texts.grants.notNarrowed}</Badge>}
            </p>
          </div>
          <SignInButton session={session} signIn={signIn} isNext={isNext} />
        </div>
        {last === null || isJustSaid ? null : <FailureNotice failure={last} isStepBeside={last.nextStep === 'sign-in'} />}
        <AttemptNotice attempt={signIn.attempt} />
        <WayOutNotice way={signIn.way} host={host} text={texts.wayOut.signIn} cancel={texts.home.cancel} onCancel={signIn.cancel} />
        <Facts profile={profile} lastTouched={lastTouched} />
        {session.renewalProblem === null ? null : (
          <Notice>
            <p>
              {texts.home.renewal}: {session.renewalProblem.cause} <WithCommands text={session.renewalProblem.next} />
            </p>
          </Notice>
        )}
      </div>
    </section>
  );
}

/** Whoever is signed in has nothing more to hear of what went wrong before. */
const lastFailureOf = ({ phase, lastFailure }: SessionView): SessionView['lastFailure'] => (phase === 'signed-in' ? null : lastFailure);

/** What the card of the profile says is wrong. */
export const troublesOf = (session: SessionView): SessionView['lastFailure'][] => [lastFailureOf(session), session.renewalProblem];

function headingOf({ identity, phase }: SessionView): string {
  if (phase === 'signing-in') return texts.home.signingIn;
  if (phase === 'ended') return texts.home.ended;
  if (phase === 'locked') return texts.home.locked;
  if (identity === null || phase === 'signed-out') return texts.home.signedOut;
  return identity.displayName || identity.username;
}

function SignInButton({ session, signIn, isNext }: { session: SessionView; signIn: SignIn; isNext: boolean }) {
  const isBusy = signIn.attempt.phase === 'running';
  if (session.signInWaiting) return null;
  if (session.phase === 'signed-in') {
    return (
      <Button look="quiet" isBusy={isBusy} onPress={signIn.begin}>
        {texts.home.signInAgain}
      </Button>
    );
  }
  return (
    <Button look={isNext ? 'primary' : 'plain'} size={isNext ? 'large' : 'normal'} isBusy={isBusy} onPress={signIn.begin}>
      {session.phase === 'ended' ? texts.home.signInAgain : texts.home.signIn}
    </Button>
  );
}

function Facts({ profile, lastTouched }: { profile: ProfileView; lastTouched: TapKeyView | null }) {
  const { session, issuer } = profile;
  const { assurance } = session;
  return (
    <Details>
      <Detail name={texts.home.provider}>
        <span className="value">{issuer}</span>
        {profile.actsAs === undefined ? null : <p className="small">{texts.servicePrincipals.actsAs(profile.actsAs)}</p>}
      </Detail>
      {assurance === null ? null : (
        <Detail name={texts.home.assurance}>
          <p>{texts.home.levels[assurance.level]}</p>
          <p className="small">{assurance.because}</p>
        </Detail>
      )}
      {profile.direct === undefined ? null : (
        <Detail name={texts.home.tokens}>
          <p>{texts.home.notNarrowed}</p>
          <p className="small">
            {texts.prompt.exactly} <code>{profile.direct.join(' ')}</code>
          </p>
        </Detail>
      )}
      {session.phase !== 'signed-in' ? null : (
        <Detail name={texts.home.touched}>
          {lastTouched?.lastTouchedAt ? (
            <>
              <p>
                {lastTouched.name}, <Moment at={lastTouched.lastTouchedAt} />
              </p>
              <p className="small">{texts.home.touchedBy(lastTouched.model)}</p>
            </>
          ) : (
            texts.home.noTouch
          )}
        </Detail>
      )}
      {session.signedInAt === null ? null : (
        <Detail name={texts.home.since}>
          <p>
            <Moment at={session.signedInAt} />
          </p>
          {session.survivesRestart ? null : <p className="small">{texts.home.restart}</p>}
        </Detail>
      )}
    </Details>
  );
}
