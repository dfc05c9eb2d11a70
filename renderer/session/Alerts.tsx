/** On Home: what should be looked at, with a next step. What the person has seen leaves the page and goes on all the same. */
import type { AlertView } from '../../preload/contract/alert.ts';
import type { Line } from '../door/connection.ts';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { Card } from '../ui/Card.tsx';
import { AttemptNotice, Notice, WithCommands } from '../ui/Notice.tsx';
import { Moment } from '../ui/time.tsx';
import { useAct } from '../ui/use-act.ts';

const words = texts.alerts;
/** Severe ones first, then what began last. */
const rank = ({ severity, since }: AlertView): string => `${severity === 'severe' ? 1 : 0} ${since}`;

export const unseenOf = (alerts: readonly AlertView[] = []): AlertView[] =>
  alerts.filter(({ seen }) => !seen).toSorted((one, other) => (rank(one) < rank(other) ? 1 : -1));

export function Alerts({ line, alerts }: { line: Line; alerts: readonly AlertView[] }) {
  if (alerts.length === 0) return null;
  return (
    <Card heading={words.heading}>
      {alerts.map((alert) => (
        <Alert key={`${alert.kind} ${alert.about}`} line={line} alert={alert} />
      ))}
      <p className="small quiet-text">
        <WithCommands text={words.goesOn} />
      </p>
    </Card>
  );
}

function Alert({ line, alert }: { line: Line; alert: AlertView }) {
  const { kind, about, severity, name, cause, next, since, lastAt, count } = alert;
  const { attempt, run } = useAct();
  return (
    <Notice look={severity === 'severe' ? 'bad' : 'warning'}>
      <p>
        <strong>{severity === 'severe' ? words.severe(cause) : cause}</strong>
      </p>
      <p>
        <WithCommands text={next} />
      </p>
      <p className="small">
        {name === '' ? null : words.about(name)}
        {words.since}
        <Moment at={since} />
        {count === 1 ? null : (
          <>
            {words.times(count)}
            <Moment at={lastAt} />
          </>
        )}
      </p>
      <div className="row">
        <Button
          size="compact"
          label={words.seenLabel(cause)}
          isBusy={attempt.phase === 'running'}
          onPress={() => void run(() => line.ask('alerts/seen', { kind, about }))}
        >
          {words.seen}
        </Button>
      </div>
      <AttemptNotice attempt={attempt} />
    </Notice>
  );
}
