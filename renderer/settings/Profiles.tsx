/** The companies that are set up here, and how each of their sessions stands. */
import type { StatusView } from '../../preload/contract/control.ts';
import { texts } from '../texts.ts';
import { Badge } from '../ui/Badge.tsx';
import { Card } from '../ui/Card.tsx';
import { Detail, Details } from '../ui/Details.tsx';
import { Empty } from '../ui/Empty.tsx';
import { Moment } from '../ui/time.tsx';
import styles from './Settings.module.css';

const words = texts.settings;
type ProfileView = StatusView['profiles'][number];

export function Profiles({ status }: { status: StatusView }) {
  return (
    <Card heading={words.profiles}>
      <p className="quiet-text">{status.managed === undefined ? words.profilesHint : words.profilesManaged(status.managed.managedBy)}</p>
      {status.profiles.length === 0 ? (
        <Empty icon="workspace" heading={status.servicePrincipals.length === 0 ? words.noProfiles : words.noPeople} />
      ) : null}
      {status.profiles.map((profile) => (
        <Profile key={profile.name} profile={profile} />
      ))}
      <Details>
        <Detail name={words.configFile}>
          <span className="value">{status.configFile}</span>
        </Detail>
        {status.policy.source === 'built-in' ? null : (
          <Detail name={words.policyFile}>
            <span className="value">{status.policy.source}</span>
          </Detail>
        )}
      </Details>
    </Card>
  );
}

function Profile({ profile }: { profile: ProfileView }) {
  return (
    <section className={styles.profile} aria-label={profile.name}>
      <h3>
        {profile.name} {profile.test ? <Badge look="warn">{words.testProfile}</Badge> : null}
      </h3>
      <Details>
        <Detail name={words.issuer}>
          <span className="value">{profile.issuer}</span>
        </Detail>
        <Detail name={words.workspaces}>
          <ul>
            {profile.workspaces.map(({ name, host }) => (
              <li key={host}>
                {name} <span className="value">{host}</span>
              </li>
            ))}
          </ul>
        </Detail>
        <Detail name={words.session}>
          <Session session={profile.session} />
        </Detail>
      </Details>
    </section>
  );
}

function Session({ session }: { session: ProfileView['session'] }) {
  const { identity, phase, endsAt, idleEndsAt, survivesRestart } = session;
  if (phase !== 'signed-in') return <>{words.notSignedIn}</>;
  return (
    <>
      {identity?.username}
      {endsAt === null ? null : (
        <>
          , {words.sessionEnds} <Moment at={endsAt} />
        </>
      )}
      {idleEndsAt === null ? null : (
        <>
          {' '}
          {words.sessionIdle} <Moment at={idleEndsAt} />
        </>
      )}
      . <span className="small">{survivesRestart ? words.restarts : words.restartEnds}</span>
    </>
  );
}
