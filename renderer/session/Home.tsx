/** Where a person begins: who they are, whether tokens flow, and what helps most now. */
import { codesOfAlerts } from '../../preload/contract/alert.ts';
import type { Failure } from '../../preload/contract/failure.ts';
import type { TapKeyView } from '../../preload/contract/tap-key.ts';
import { History } from '../consent/History.tsx';
import { ManagedHere } from '../enroll/ManagedHere.tsx';
import { codesSaid, isStopped, standingOf } from '../enroll/standing.ts';
import { Lock } from '../lock/Lock.tsx';
import type { ScreenProps } from '../screens.ts';
import { FinishSetup } from '../setup/FinishSetup.tsx';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { Card } from '../ui/Card.tsx';
import { Empty } from '../ui/Empty.tsx';
import { FailureNotice, Notice, WithCommands } from '../ui/Notice.tsx';
import { Screen } from '../ui/Screen.tsx';
import { Alerts, unseenOf } from './Alerts.tsx';
import styles from './Home.module.css';
import { Next, nextActOf } from './Next.tsx';
import { Profile, type ProfileView, troublesOf } from './Profile.tsx';
import { ServicePrincipals } from './ServicePrincipals.tsx';
import { Sessions } from './Sessions.tsx';
import { useSignIn } from './use-sign-in.ts';
import { Workspaces } from './Workspaces.tsx';

const fewRequests = 3;

const lastTouchedOf = (keys: readonly TapKeyView[]): TapKeyView | null =>
  keys
    .filter(({ lastTouchedAt }) => lastTouchedAt !== null)
    .toSorted((one, other) => (String(one.lastTouchedAt) < String(other.lastTouchedAt) ? 1 : -1))[0] ?? null;

export function Home({ line, host, state, onOpen, onSetUp }: ScreenProps) {
  const { status } = state;
  const managed = status.managed ?? null;
  const here = managed === null ? null : <ManagedHere managed={managed} onOpen={onOpen} />;
  const alerts = unseenOf(status.alerts);
  const said = new Set([...codesSaid(managed), ...codesOfAlerts(alerts)]);
  const foremost = nextActOf(state, host);
  // A notebook is not what helps most while something is worth a look; each alert says what is.
  const act = foremost === 'command' && alerts.length > 0 ? 'none' : foremost;
  // Where no key opens it, the sign-in of whoever was there is what helps most.
  const opensBySignIn = act === 'unlock' && !status.lock.unlockBy.some((way) => way === 'key' || way === 'passphrase');
  const owners = [...status.profiles, ...status.servicePrincipals];
  const lock = <Lock line={line} host={host} lock={status.lock} isNext={act === 'unlock'} />;
  return (
    <Screen heading={texts.nav.home}>
      <Next act={act} host={host} state={state} onOpen={onOpen} />
      {act === 'unlock' ? lock : null}
      <Alerts line={line} alerts={alerts} />
      {managed !== null && isStopped(standingOf(managed)) ? here : null}
      <FinishSetup line={line} state={state} onSetUp={onSetUp} />
      {owners.length === 0 ? <NoProfile file={status.configFile} /> : null}
      {status.profiles.map((profile) => (
        <ProfileOf
          key={profile.name}
          profile={profile}
          lastTouched={lastTouchedOf(status.tapKeys)}
          isNext={act === 'sign-in' || (opensBySignIn && profile.session.identity !== null)}
          isOneOfSeveral={status.profiles.length > 1}
          {...{ line, host }}
        />
      ))}
      {managed !== null && isStopped(standingOf(managed)) ? null : here}
      <Trouble
        problems={status.problems.filter((problem) => !said.has(problem.code) && !isSaidBelow(problem, status))}
        warnings={status.warnings}
      />
      <ServicePrincipals principals={status.servicePrincipals} />
      {owners.length === 0 ? null : (
        <div className={styles.pair}>
          <Workspaces owners={owners} />
          {act === 'unlock' ? null : lock}
        </div>
      )}
      {status.profiles.length === 0 ? null : <Sessions line={line} profiles={status.profiles} />}
      <Card
        heading={texts.history.heading}
        acts={
          <Button look="quiet" size="compact" onPress={() => onOpen('requests')}>
            {texts.home.allRequests}
          </Button>
        }
      >
        <History asked={status.queue.history.slice(0, fewRequests)} />
      </Card>
    </Screen>
  );
}

interface ProfileOfProps extends Pick<ScreenProps, 'line' | 'host'> {
  profile: ProfileView;
  lastTouched: TapKeyView | null;
  isNext: boolean;
  isOneOfSeveral: boolean;
}

function ProfileOf({ line, host, profile, ...shown }: ProfileOfProps) {
  const signIn = useSignIn(line, host, profile.name, profile.session.signInWaiting);
  return <Profile profile={profile} signIn={signIn} host={host} {...shown} />;
}

/** With the profile or the service principal whose trouble it is. */
const isSaidBelow = ({ code, detail }: Failure, { profiles, servicePrincipals }: ScreenProps['state']['status']): boolean =>
  [...profiles.flatMap(({ session }) => troublesOf(session)), ...servicePrincipals.map(({ problem }) => problem)].some(
    (problem) => problem?.code === code && problem.detail === detail,
  );

function Trouble({ problems, warnings }: Pick<ScreenProps['state']['status'], 'problems' | 'warnings'>) {
  if (problems.length + warnings.length === 0) return null;
  return (
    <div className={styles.pair}>
      {problems.length === 0 ? null : (
        <Card heading={texts.home.problems}>
          {problems.map((failure) => (
            <FailureNotice key={`${failure.code} ${failure.detail ?? ''}`} failure={failure} />
          ))}
        </Card>
      )}
      {warnings.length === 0 ? null : (
        <Card heading={texts.home.warnings}>
          {warnings.map((warning) => (
            <Notice key={warning}>
              <p>
                <WithCommands text={warning} />
              </p>
            </Notice>
          ))}
        </Card>
      )}
    </div>
  );
}

function NoProfile({ file }: { file: string }) {
  return (
    <Empty icon="person" heading={texts.home.none}>
      <p>
        {texts.home.noneNext} <code>{file}</code>
      </p>
    </Empty>
  );
}
