/** In place of the setup, above Home, where the agent cannot say how it stands: why, what to do, and once more. */
import type { Answer } from '../door/answer.ts';
import { texts } from '../texts.ts';
import { Answered } from '../ui/Answered.tsx';
import { Card } from '../ui/Card.tsx';

const words = texts.setup;

export function SetupFailed({ answer }: { answer: Answer<unknown> }) {
  return (
    <Card heading={words.failed} look="strong">
      <p className="quiet-text">{words.failedText}</p>
      <Answered answer={answer} waitingFor={words.loading}>
        {() => null}
      </Answered>
    </Card>
  );
}
