/** Whether tokens flow, why not, and what opens Lakepass again. */
import type { LockView } from '../../preload/contract/lock.ts';
import type { Line } from '../door/connection.ts';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { Card } from '../ui/Card.tsx';
import { Icon } from '../ui/icons.tsx';
import { AttemptNotice } from '../ui/Notice.tsx';
import { Moment } from '../ui/time.tsx';
import { useAct } from '../ui/use-act.ts';

const iconOf = { open: 'open', away: 'away', locked: 'lock' } as const;

export function Lock({ line, lock, leave }: { line: Line; lock: LockView; leave: (url: string) => void }) {
  const { attempt, run } = useAct();
  const isBusy = attempt.phase === 'running';
  const unlockByKey = (): void =>
    void run(async () => {
      const { url } = await line.ask('ceremony/begin', { kind: 'unlock' });
      if (url !== null) leave(url);
    });
  const acts =
    lock.state === 'locked' ? null : (
      <Button isBusy={isBusy} onPress={() => void run(() => line.ask('lock', {}))}>
        {texts.lock.lock}
      </Button>
    );
  return (
    <Card heading={texts.lock.heading} acts={acts}>
      <p className="state">
        <span className={`badge ${lock.state}`}>
          <Icon name={iconOf[lock.state]} />
          {texts.lock.states[lock.state]}
        </span>{' '}
        {lock.state === 'away' ? texts.lock.away(lock.continuing) : texts.lock[lock.state]}
      </p>
      {lock.why === null || lock.since === null ? null : (
        <p className="small">
          {texts.lock.why[lock.why] ?? lock.why} <Moment at={lock.since} />
        </p>
      )}
      {lock.state === 'open' ? null : <Ways lock={lock} isBusy={isBusy} onKey={unlockByKey} />}
      <AttemptNotice attempt={attempt} />
      <p className="small">{texts.lock.sealing[lock.sealing]}</p>
    </Card>
  );
}

/** A sign-in has its button with the profile, where it always is. */
function Ways({ lock, isBusy, onKey }: { lock: LockView; isBusy: boolean; onKey: () => void }) {
  return (
    <ul className="ways">
      {lock.unlockBy.map((way) => (
        <li key={way}>
          {way === 'key' ? (
            <Button look="primary" isBusy={isBusy} onPress={onKey}>
              {texts.lock.by.key}
            </Button>
          ) : (
            texts.lock.by[way]
          )}{' '}
          {way === 'passphrase' ? <code>{texts.lock.command}</code> : null}
        </li>
      ))}
    </ul>
  );
}
