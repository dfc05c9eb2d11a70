/** Where a person begins: who they are, whether tokens flow, and what helps most now. */
import type { StatusView } from '../../preload/contract/control.ts';
import { History } from '../consent/History.tsx';
import type { Line } from '../door/connection.ts';
import { Lock } from '../lock/Lock.tsx';
import { texts } from '../texts.ts';
import { Card } from '../ui/Card.tsx';
import { FailureNotice, Notice, WithCommands } from '../ui/Notice.tsx';
import { Profile } from './Profile.tsx';
import { useSignIn } from './use-sign-in.ts';

interface HomeProps {
  line: Line;
  status: StatusView;
  openTab: (url: string) => boolean;
  leave: (url: string) => void;
}

export function Home({ line, status, openTab, leave }: HomeProps) {
  return (
    <>
      {status.next === '' ? null : (
        <p className="next">
          <span className="next-label">{texts.home.next}</span>{' '}
          <WithCommands text={/^lakepass /.test(status.next) ? `\`${status.next}\`` : status.next} />
        </p>
      )}
      {status.profiles.length === 0 ? <NoProfile file={status.configFile} /> : null}
      {status.profiles.map((profile) => (
        <ProfileOf key={profile.name} line={line} profile={profile} openTab={openTab} />
      ))}
      <Lock line={line} lock={status.lock} leave={leave} />
      {status.problems.length === 0 ? null : (
        <Card heading={texts.home.problems}>
          {status.problems.map((failure) => (
            <FailureNotice key={`${failure.code} ${failure.detail ?? ''}`} failure={failure} />
          ))}
        </Card>
      )}
      {status.warnings.length === 0 ? null : (
        <Card heading={texts.home.warnings}>
          {status.warnings.map((warning) => (
            <Notice key={warning}>
              <p>
                <WithCommands text={warning} />
              </p>
            </Notice>
          ))}
        </Card>
      )}
      <History asked={status.queue.history} />
    </>
  );
}

function ProfileOf({ line, profile, openTab }: Pick<HomeProps, 'line' | 'openTab'> & { profile: StatusView['profiles'][number] }) {
  return <Profile profile={profile} signIn={useSignIn(line, profile.name, openTab)} />;
}

function NoProfile({ file }: { file: string }) {
  return (
    <Card heading={texts.home.none}>
      <p>
        {texts.home.noneNext} <code>{file}</code>
      </p>
    </Card>
  );
}
