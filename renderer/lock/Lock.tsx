/** Whether tokens flow, why not, and what opens Lakepass again. */
import type { LockView } from '../../preload/contract/lock.ts';
import type { Line } from '../door/connection.ts';
import type { Host } from '../door/host.ts';
import { useWayOut } from '../door/use-way-out.ts';
import { WayOutNotice } from '../door/WayOutNotice.tsx';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { Card } from '../ui/Card.tsx';
import { Snippet } from '../ui/CopyButton.tsx';
import { AttemptNotice } from '../ui/Notice.tsx';
import { Moment, moment } from '../ui/time.tsx';
import { useAct } from '../ui/use-act.ts';
import styles from './Lock.module.css';
import { LockBadge } from './LockBadge.tsx';

interface LockProps {
  line: Line;
  host: Host;
  lock: LockView;
  /** Unlocking is what helps most now. */
  isNext: boolean;
}

export function Lock({ line, host, lock, isNext }: LockProps) {
  const { attempt, run } = useAct();
  const { way, leave, forget } = useWayOut(host, lock.state);
  const isBusy = attempt.phase === 'running';
  const unlockByKey = (): void => void run(async () => leave((await line.ask('ceremony/begin', { kind: 'unlock' })).url));
  const acts =
    lock.state === 'locked' ? null : (
      <Button icon="lock" isBusy={isBusy} onPress={() => void run(() => line.ask('lock', {}))}>
        {texts.lock.lock}
      </Button>
    );
  return (
    <Card heading={texts.lock.heading} look={isNext ? 'strong' : 'plain'} acts={acts}>
      <p className={styles.state}>
        <LockBadge state={lock.state} />
        <span>{lock.state === 'away' ? texts.lock.away(lock.continuing) : texts.lock[lock.state]}</span>
      </p>
      {lock.why === null || lock.since === null ? null : (
        <p className="small">
          {texts.lock.why[lock.why] ?? lock.why} <Moment at={lock.since} />
        </p>
      )}
      {lock.locksAt === null ? null : <p className="small">{texts.lock.locksAt(moment(lock.locksAt))}</p>}
      {lock.state === 'open' ? null : <Ways lock={lock} host={host} isBusy={isBusy} isNext={isNext} onKey={unlockByKey} />}
      <WayOutNotice way={way} host={host} text={texts.wayOut.unlock} cancel={texts.wayOut.back} onCancel={forget} />
      <AttemptNotice attempt={attempt} />
      <p className="small">{texts.lock.sealing[lock.sealing]}</p>
    </Card>
  );
}

/** A sign-in has its button with the profile, where it always is. */
function Ways({ lock, host, isBusy, isNext, onKey }: Pick<LockProps, 'lock' | 'host' | 'isNext'> & { isBusy: boolean; onKey: () => void }) {
  return (
    <ul className={styles.ways}>
      {lock.unlockBy.map((way) => (
        <li key={way}>
          {way === 'key' ? (
            <Button look="primary" size={isNext ? 'large' : 'normal'} icon="key" isBusy={isBusy} onPress={onKey}>
              {texts.lock.by.key}
            </Button>
          ) : (
            texts.lock.by[way]
          )}
          {way === 'passphrase' ? <Snippet text={texts.lock.command} host={host} /> : null}
        </li>
      ))}
    </ul>
  );
}
