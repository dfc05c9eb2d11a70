/** What lies beyond this machine, looked at when the person asks: it takes some seconds, and the provider and the workspaces hear of it. */
import { useState } from 'react';
import type { Line } from '../door/connection.ts';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { Card } from '../ui/Card.tsx';
import { AttemptNotice } from '../ui/Notice.tsx';
import { Progress } from '../ui/Progress.tsx';
import { useAct } from '../ui/use-act.ts';
import { CheckList } from './CheckList.tsx';
import { type Check, groupsOf, summaryOf } from './report.ts';

const words = texts.doctor.far;

/** @param onFound so that the report of the screen has it, too */
export function Far({ line, found, onFound }: { line: Line; found: readonly Check[] | null; onFound: (checks: Check[]) => void }) {
  const { attempt, run } = useAct();
  const [looked, setLooked] = useState(false);
  const isBusy = attempt.phase === 'running';
  const look = (): void => {
    setLooked(true);
    void run(async () => onFound((await line.ask('doctor/far', {})).checks));
  };
  return (
    <Card
      heading={words.heading}
      acts={
        <Button isBusy={isBusy} onPress={look}>
          {looked ? words.again : words.look}
        </Button>
      }
    >
      <p className="quiet-text">{words.lead}</p>
      {isBusy ? <Progress label={words.loading} /> : null}
      <AttemptNotice attempt={attempt} />
      <div role="status">
        {found === null || isBusy ? null : (
          <>
            <p>
              <strong>{summaryOf(found)}</strong>
            </p>
            <CheckList checks={groupsOf(found).flatMap((group) => group.checks)} />
          </>
        )}
      </div>
    </Card>
  );
}
