/**
 * A security key at the identity provider, which is another thing than a tap key: its page is opened, and a sign-in shows what came of it.
 */
import { useEffect } from 'react';
import type { StatusView } from '../../preload/contract/control.ts';
import type { Line } from '../door/connection.ts';
import type { Host } from '../door/host.ts';
import { useWayOut } from '../door/use-way-out.ts';
import { WayOutNotice } from '../door/WayOutNotice.tsx';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { Card } from '../ui/Card.tsx';
import { AttemptNotice, FailureNotice, Notice } from '../ui/Notice.tsx';
import { useAct } from '../ui/use-act.ts';

interface ProviderKeyProps {
  line: Line;
  host: Host;
  profile: StatusView['profiles'][number];
  isOneOfSeveral: boolean;
}

export function ProviderKey({ line, host, profile, isOneOfSeveral }: ProviderKeyProps) {
  const { name, session, keyRegistration } = profile;
  const { attempt, run } = useAct();
  const { way, open, forget } = useWayOut(host, name);
  const phase = keyRegistration?.phase;
  const isGoing = session.signInWaiting && (phase === 'registering' || phase === 'proving');
  // What was shown is over once nothing waits any more.
  useEffect(() => (isGoing ? forget : undefined), [isGoing]);
  const begin = (call: 'keys/register' | 'keys/prove') => (): void =>
    void run(async () => open((await line.ask(call, { profile: name })).url));
  const cancel = (): void => {
    forget();
    if (isGoing) void run(() => line.ask('sign-in/cancel', { profile: name }));
  };
  const isBusy = attempt.phase === 'running';
  const words = texts.keys.provider;
  return (
    <Card heading={isOneOfSeveral ? words.headingOf(name) : words.heading}>
      <p className="small">{words.lead}</p>
      {keyRegistration?.failure == null ? null : <FailureNotice failure={keyRegistration.failure} />}
      {keyRegistration?.proof == null ? null : (
        <Notice look={keyRegistration.proof.verified ? 'good' : 'warning'}>
          <p>{keyRegistration.proof.words}</p>
        </Notice>
      )}
      {phase === 'registered' ? <p>{words.done}</p> : null}
      <AttemptNotice attempt={attempt} />
      <WayOutNotice
        way={way.at === 'none' && isGoing ? { at: 'browser' } : way}
        host={host}
        text={phase === 'proving' ? words.proving : words.going}
        cancel={isGoing ? texts.home.cancel : texts.wayOut.back}
        onCancel={cancel}
      />
      {session.signInWaiting ? null : (
        <div className="row">
          {phase === 'registered' ? (
            <Button look="primary" isBusy={isBusy} onPress={begin('keys/prove')}>
              {words.prove}
            </Button>
          ) : null}
          <Button isBusy={isBusy} onPress={begin('keys/register')}>
            {words.register}
          </Button>
        </div>
      )}
    </Card>
  );
}
