/** Every session on this machine, each with its way out, and one way out of all. What a sign-out did is said as it was. */
import { useState } from 'react';
import type { SessionView, SignOutReport } from '../../preload/contract/session.ts';
import type { Line } from '../door/connection.ts';
import { texts } from '../texts.ts';
import { Badge } from '../ui/Badge.tsx';
import { Card } from '../ui/Card.tsx';
import { ConfirmButton } from '../ui/ConfirmButton.tsx';
import { LineItem, Lines } from '../ui/Lines.tsx';
import { AttemptNotice, FailureNotice, Notice } from '../ui/Notice.tsx';
import { moment } from '../ui/time.tsx';
import { useAct } from '../ui/use-act.ts';
import type { ProfileView } from './Profile.tsx';

const lookOf = { 'signed-out': 'plain', 'signing-in': 'accent', 'signed-in': 'good', ended: 'warn', locked: 'bad' } as const;

export function Sessions({ line, profiles }: { line: Line; profiles: readonly ProfileView[] }) {
  const { attempt, run } = useAct();
  const [reports, setReports] = useState<readonly SignOutReport[]>([]);
  const isBusy = attempt.phase === 'running';
  const signOut = (profile?: string): void =>
    void run(async () => setReports((await line.ask('sign-out', profile === undefined ? {} : { profile })).reports));
  const isAnyIn = profiles.some(({ session }) => session.phase === 'signed-in' || session.phase === 'locked');
  const everywhere = isAnyIn ? (
    <ConfirmButton
      ask={texts.home.signOutAll}
      confirm={texts.home.reallySignOutAll}
      keep={texts.grants.keep}
      size="compact"
      isBusy={isBusy}
      onConfirm={() => signOut()}
    />
  ) : null;
  return (
    <Card heading={texts.home.sessions} acts={everywhere}>
      <AttemptNotice attempt={attempt} />
      <div role="status">
        {reports.map((report) => (
          <Report key={report.profile} report={report} />
        ))}
      </div>
      <Lines>
        {profiles.map(({ name, session }) => (
          <LineItem
            key={name}
            note={noteOf(session)}
            aside={
              <>
                <Badge look={lookOf[session.phase]}>{texts.home.phases[session.phase]}</Badge>
                {session.phase === 'signed-in' ? (
                  <ConfirmButton
                    ask={texts.home.signOut}
                    confirm={texts.home.reallySignOut}
                    keep={texts.grants.keep}
                    size="compact"
                    isBusy={isBusy}
                    onConfirm={() => signOut(name)}
                    {...(profiles.length > 1 ? { label: `${texts.home.signOut}: ${name}` } : {})}
                  />
                ) : null}
              </>
            }
          >
            {name}
          </LineItem>
        ))}
      </Lines>
    </Card>
  );
}

function noteOf({ phase, identity, endsAt }: SessionView): string {
  if (phase !== 'signed-in') return identity?.username ?? '';
  return [identity?.username ?? '', endsAt === null ? '' : texts.home.until(moment(endsAt))].filter(Boolean).join(' · ');
}

/** Only what did not go as it should is worth more than a line. */
function Report({ report }: { report: SignOutReport }) {
  if (report.problem !== null) return <FailureNotice failure={report.problem} />;
  const isWhole = report.refreshToken === 'revoked' || report.refreshToken === 'none';
  return (
    <Notice look={isWhole ? 'good' : 'warning'}>
      <p>{texts.home.signedOutOf(report.profile)}</p>
      <p className="small">{texts.home.tokenEnds[report.refreshToken]}</p>
    </Notice>
  );
}
