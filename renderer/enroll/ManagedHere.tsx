/** Who manages this device, in a few lines for Home: whether that is well, what is wrong and what to do, what the person is exempt from. */
import type { ManagedView } from '../../preload/contract/managed.ts';
import type { ScreenProps } from '../screens.ts';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { Card } from '../ui/Card.tsx';
import { FailureNotice } from '../ui/Notice.tsx';
import { Exemptions, ManagedBadge, ManagedHeading, Standing } from './ManagedParts.tsx';
import { standingOf, troublesOf } from './standing.ts';

const words = texts.managed;

export function ManagedHere({ managed, onOpen }: { managed: ManagedView } & Pick<ScreenProps, 'onOpen'>) {
  return (
    <Card
      heading={<ManagedHeading managed={managed} />}
      acts={
        <>
          <ManagedBadge standing={standingOf(managed)} />
          <Button look="quiet" size="compact" label={words.detailsLabel(managed.managedBy)} onPress={() => onOpen('settings')}>
            {words.details}
          </Button>
        </>
      }
    >
      <Standing managed={managed} />
      {troublesOf(managed).map((failure) => (
        <FailureNotice key={failure.code} failure={failure} />
      ))}
      <Exemptions managed={managed} />
    </Card>
  );
}
