/** Says which steps of the first run are left, and leads back to them; nothing where none is, or where that is not known. */
import { setupSteps } from '../../preload/contract/setup.ts';
import type { Line } from '../door/connection.ts';
import { useAnswer } from '../door/use-answer.ts';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { Card } from '../ui/Card.tsx';

const words = texts.setup.left;

export function SetupLeft({ line, revision, onGoOn }: { line: Line; revision: number; onGoOn: () => void }) {
  const answer = useAnswer(line, revision, 'setup', {});
  if (answer.phase !== 'ready' || answer.value.next === null) return null;
  const left = setupSteps.slice(setupSteps.indexOf(answer.value.next)).map((step) => texts.setup.steps[step]);
  return (
    <Card
      heading={words.heading}
      acts={
        <Button look="primary" onPress={onGoOn}>
          {words.goOn}
        </Button>
      }
    >
      <p className="quiet-text">{words.text(texts.activity.and(left))}</p>
    </Card>
  );
}
