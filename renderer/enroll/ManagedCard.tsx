/** Who manages this device, in full, for Settings: by what, from where, which revision, until when; and the way out, where there is one. */
import { useState } from 'react';
import type { ManagedView } from '../../preload/contract/managed.ts';
import type { Line } from '../door/connection.ts';
import type { Host } from '../door/host.ts';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { Card } from '../ui/Card.tsx';
import { CopyButton } from '../ui/CopyButton.tsx';
import { Detail, Details } from '../ui/Details.tsx';
import { Dialog } from '../ui/Dialog.tsx';
import { AttemptNotice, FailureNotice } from '../ui/Notice.tsx';
import { Moment } from '../ui/time.tsx';
import { Decided, useDecision } from './Decision.tsx';
import { Exemptions, ManagedBadge, ManagedHeading, Standing } from './ManagedParts.tsx';
import { standingOf, troublesOf } from './standing.ts';

const words = texts.managed;
/** As much of a hash as people compare; the command line shows as much. */
const short = 16;

interface ManagedCardProps {
  line: Line;
  host: Host;
  managed: ManagedView;
  /** A request waits for the person. */
  isWaiting: boolean;
}

export function ManagedCard({ line, host, managed, isWaiting }: ManagedCardProps) {
  const { url, revision, hash, signedBy, device, acceptedAt, askedAt, answeredAt } = managed;
  return (
    <Card heading={<ManagedHeading managed={managed} />} acts={<ManagedBadge standing={standingOf(managed)} />}>
      <Standing managed={managed} />
      {troublesOf(managed).map((failure) => (
        <FailureNotice key={failure.code} failure={failure} />
      ))}
      <Exemptions managed={managed} />
      <Details>
        <Detail name={words.how}>
          {words.sources[managed.source]}
          {managed.source === 'managed' || acceptedAt === null ? null : (
            <>
              , <Moment at={acceptedAt} />
            </>
          )}
        </Detail>
        {url === null ? null : (
          <Detail name={words.asks}>
            <span className="value">{url}</span>
            {askedAt === null || askedAt === answeredAt ? null : (
              <p className="small">
                {words.asked} <Moment at={askedAt} />.
              </p>
            )}
          </Detail>
        )}
        {revision === null || hash === null ? null : (
          <Detail name={words.bundle}>
            {words.revision(revision)} <span className="value">{hash.slice(0, short)}</span>{' '}
            <CopyButton text={hash} host={host} what={words.hash} />
          </Detail>
        )}
        {signedBy === null ? null : (
          <Detail name={words.signedBy}>
            <span className="value">{signedBy}</span>
          </Detail>
        )}
        {device === null ? null : (
          <Detail name={words.device}>
            <span className="value">{device}</span> <CopyButton text={device} host={host} what={words.device} />
          </Detail>
        )}
      </Details>
      {managed.source === 'link' ? <Leave {...{ line, host, managed, isWaiting }} /> : <p className="small">{words.byIt}</p>}
    </Card>
  );
}

function Leave({ line, host, managed, isWaiting }: ManagedCardProps) {
  const [isOpen, setOpen] = useState(false);
  const decision = useDecision(host, managed.managedBy);
  const leave = (): void => {
    setOpen(false);
    decision.decide(() => line.ask('enroll/leave', {}));
  };
  return (
    <>
      <div>
        <Button look="quiet" size="compact" icon="leave" isBusy={decision.attempt.phase === 'running'} onPress={() => setOpen(true)}>
          {words.leave(managed.managedBy)}
        </Button>
      </div>
      <AttemptNotice attempt={decision.attempt} />
      <Decided decision={decision} host={host} text={words.leaveTap} isWaiting={isWaiting} />
      <Dialog
        isOpen={isOpen}
        heading={words.leaveHeading(managed.managedBy)}
        onClose={() => setOpen(false)}
        acts={
          <>
            <Button onPress={() => setOpen(false)}>{words.stay}</Button>
            <Button look="danger" onPress={leave}>
              {words.leaveNow}
            </Button>
          </>
        }
      >
        <p>{words.leaveEnds}</p>
        <ul className="bullets">
          {words.leaveList.map((one) => (
            <li key={one}>{one}</li>
          ))}
        </ul>
      </Dialog>
    </>
  );
}
