/** What was looked at on this machine, worst first. Whatever checks come are shown: the screen knows none of them by name. */
import { useState } from 'react';
import type { ScreenProps } from '../door/screen-props.ts';
import { useAnswer } from '../door/use-answer.ts';
import { texts } from '../texts.ts';
import { Answered } from '../ui/Answered.tsx';
import { Badge } from '../ui/Badge.tsx';
import { Button } from '../ui/Button.tsx';
import { Card } from '../ui/Card.tsx';
import { CopyButton, Snippet } from '../ui/CopyButton.tsx';
import { Empty } from '../ui/Empty.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Screen } from '../ui/Screen.tsx';
import { CheckList, looks } from './CheckList.tsx';
import styles from './Doctor.module.css';
import { ErrorText } from './ErrorText.tsx';
import { Far } from './Far.tsx';
import { type Check, groupsOf, reportOf, summaryOf } from './report.ts';

const words = texts.doctor;
export function Doctor({ line, host, state }: ScreenProps) {
  const [far, setFar] = useState<Check[] | null>(null);
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
        {({ checks }) => <Checks checks={checks} far={far} host={host} state={state} />}
      </Answered>
      <Far line={line} found={far} onFound={setFar} />
      <ErrorText line={line} />
      <Card heading={words.bundle.heading}>
        <p className="quiet-text">{words.bundle.lead}</p>
        <Snippet text="lakepass doctor --bundle lakepass-support.json" host={host} what={words.bundle.what} />
      </Card>
    </Screen>
  );
}

type ChecksProps = Pick<ScreenProps, 'host' | 'state'> & { checks: readonly Check[]; far: readonly Check[] | null };

function Checks({ checks, far, host, state }: ChecksProps) {
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
          <CheckList checks={group.checks} />
        </Card>
      ))}
      <div className={styles.report}>
        <p className="small">{words.reportNote}</p>
        <CopyButton
          text={reportOf({ checks: [...checks, ...(far ?? [])], version: state.status.version, host: state.host })}
          host={host}
          what={words.report.title}
        />
      </div>
    </>
  );
}
