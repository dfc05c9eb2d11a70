/** The first start on a device that a company manages: one button, or what is waited for. Nothing is to be typed in. */
import type { ManagedView } from '../../preload/contract/managed.ts';
import type { ScreenProps } from '../screens.ts';
import { SignIns } from '../setup/SignIns.tsx';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { Card } from '../ui/Card.tsx';
import { FailureNotice } from '../ui/Notice.tsx';
import { Progress } from '../ui/Progress.tsx';
import { Screen } from '../ui/Screen.tsx';
import { Moment } from '../ui/time.tsx';
import { hostOf } from './offer-words.ts';
import { isStopped, managedStart, standingOf, troublesOf } from './standing.ts';

const words = texts.managed;

export function ManagedStart({ line, host, state, onOpen, managed }: Omit<ScreenProps, 'onSetUp'> & { managed: ManagedView }) {
  const isWaiting = managedStart(state.status) === 'awaited';
  const isOver = !isWaiting && isStopped(standingOf(managed));
  const troubles = troublesOf(managed).map((failure) => <FailureNotice key={failure.code} failure={failure} />);
  return (
    <Screen heading={words.by(managed.managedBy)} lead={isWaiting ? words.startAwaited : words.start}>
      <Card heading={isWaiting ? words.waitingHeading : words.signInHeading} look="strong">
        {isWaiting && managed.url !== null ? (
          <>
            <Progress label={words.waiting(hostOf(managed.url))} />
            {troubles}
            {managed.askedAt === null ? null : (
              <p className="small">
                {words.asked} <Moment at={managed.askedAt} />. {words.askedAgain}
              </p>
            )}
          </>
        ) : (
          <>
            {troubles}
            {isOver ? null : (
              <>
                <p>{texts.setup.signIn.text}</p>
                <SignIns {...{ line, host, state }} />
              </>
            )}
          </>
        )}
      </Card>
      <div>
        <Button look="quiet" size="compact" onPress={() => onOpen('settings')}>
          {words.startMore(managed.managedBy)}
        </Button>
      </div>
    </Screen>
  );
}
