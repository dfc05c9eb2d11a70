/** What was looked at on this machine, worst first. Whatever checks come are shown: the screen knows none of them by name. */
import type { ScreenProps } from '../door/screen-props.ts';
import { useAnswer } from '../door/use-answer.ts';
import { texts } from '../texts.ts';
import { Answered } from '../ui/Answered.tsx';
import { Badge, type BadgeLook } from '../ui/Badge.tsx';
import { Button } from '../ui/Button.tsx';
import { Card } from '../ui/Card.tsx';
import { CopyButton } from '../ui/CopyButton.tsx';
import { Empty } from '../ui/Empty.tsx';
import { Icon, type IconName } from '../ui/icons.tsx';
import { Notice, WithCommands } from '../ui/Notice.tsx';
import { Screen } from '../ui/Screen.tsx';
import styles from './Doctor.module.css';
import { type Check, groupsOf, reportOf, summaryOf } from './report.ts';

const words = texts.doctor;
const looks = {
  bad: { look: 'bad', icon: 'stop' },
  weak: { look: 'warn', icon: 'warning' },
  unknown: { look: 'plain', icon: 'info' },
  good: { look: 'good', icon: 'done' },
} as const satisfies Record<Check['state'], { look: BadgeLook; icon: IconName }>;

export function Doctor({ line, host, state }: ScreenProps) {
  const answer = useAnswer(line, state.revision, 'doctor', {});
  const again =
    answer.phase === 'ready' ? (
      <Button isBusy={answer.isFetching} onPress={answer.retry}>
        {words.again}
      </Button>
    ) : null;
  return (
    <Screen heading={words.heading} lead={words.lead} acts={again}>
      <Answered answer={answer} waitingFor={words.loading}>
        {({ checks }) => <Checks checks={checks} host={host} state={state} />}
      </Answered>
    </Screen>
  );
}

function Checks({ checks, host, state }: Pick<ScreenProps, 'host' | 'state'> & { checks: readonly Check[] }) {
  if (checks.length === 0) return <Empty icon="doctor" heading={words.none} />;
  const groups = groupsOf(checks);
  const worst = groups[0]?.state ?? 'good';
  return (
    <>
      <Notice look={worst === 'good' ? 'good' : worst === 'bad' ? 'bad' : 'warning'}>
        <p role="status">
          <strong>{summaryOf(checks)}</strong>
        </p>
      </Notice>
      {groups.map((group) => (
        <Card key={group.state} heading={words.states[group.state]} acts={<Badge {...looks[group.state]}>{group.checks.length}</Badge>}>
          <ul className={styles.checks}>
            {group.checks.map((check) => (
              <OneCheck key={check.id} check={check} />
            ))}
          </ul>
        </Card>
      ))}
      <div className={styles.report}>
        <p className="small">{words.reportNote}</p>
        <CopyButton text={reportOf({ checks, version: state.status.version, host: state.host })} host={host} what={words.report.title} />
      </div>
    </>
  );
}

function OneCheck({ check }: { check: Check }) {
  return (
    <li className={styles.check}>
      <span className={`${styles.sign} ${styles[check.state]}`}>
        <Icon name={looks[check.state].icon} />
      </span>
      <div className={styles.words}>
        <h3>{check.title}</h3>
        <p>
          <WithCommands text={check.finding} />
        </p>
        {check.next === null ? null : (
          <p className={styles.next}>
            <span className={styles.label}>{words.next}</span> <WithCommands text={check.next} />
          </p>
        )}
        {check.code === null ? null : <p className={styles.code}>{check.code}</p>}
      </div>
    </li>
  );
}
