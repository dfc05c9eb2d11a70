/** The way to a company for a device that nobody manages. */
import type { ScreenProps } from '../screens.ts';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { Card } from '../ui/Card.tsx';

const words = texts.enroll;

export function Join({ onOpen }: Pick<ScreenProps, 'onOpen'>) {
  return (
    <Card
      heading={words.heading}
      acts={
        <Button icon="company" onPress={() => onOpen('enroll')}>
          {words.join}
        </Button>
      }
    >
      <p className="quiet-text">{words.joinText}</p>
    </Card>
  );
}
