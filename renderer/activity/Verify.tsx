/** Whether the audit log is whole, and what that says and does not say. */
import { useState } from 'react';
import type { AuditVerdict } from '../../preload/contract/activity.ts';
import type { Line } from '../door/connection.ts';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { Card } from '../ui/Card.tsx';
import { AttemptNotice, Notice } from '../ui/Notice.tsx';
import { Progress } from '../ui/Progress.tsx';
import { Moment } from '../ui/time.tsx';
import { useAct } from '../ui/use-act.ts';
import styles from './Verify.module.css';

const words = texts.activity.verify;

export function Verify({ line }: { line: Line }) {
  const { attempt, run } = useAct();
  const [verdict, setVerdict] = useState<AuditVerdict | null>(null);
  const isRunning = attempt.phase === 'running';
  const verify = (): void => void run(async () => setVerdict(await line.ask('audit/verify', {})));
  const act = (
    <Button isBusy={isRunning} onPress={verify}>
      {verdict === null ? words.act : words.again}
    </Button>
  );
  return (
    <Card heading={words.heading} acts={act}>
      <p className="quiet-text">{words.text}</p>
      {isRunning ? <Progress label={words.running} /> : null}
      <AttemptNotice attempt={attempt} />
      <div role="status">{verdict === null || isRunning ? null : <Verdict verdict={verdict} />}</div>
    </Card>
  );
}

function Verdict({ verdict }: { verdict: AuditVerdict }) {
  return (
    <div className="stack">
      <Notice look={verdict.ok ? 'good' : 'bad'}>
        <p>
          <strong>{verdict.ok ? words.good : words.bad}</strong>
        </p>
        <p>
          {words.records(verdict.records)}{' '}
          {verdict.from === null || verdict.to === null ? null : <Span from={verdict.from} to={verdict.to} />}
        </p>
      </Notice>
      <List heading={words.problems} lines={verdict.problems} />
      <List heading={words.notes} lines={verdict.notes} />
      <List heading={words.proven} lines={verdict.ok ? verdict.proven : [words.provenBad]} />
      <List heading={words.limits} lines={verdict.cannotProve} />
      <p className="small">
        {words.folder} <code>{verdict.folder}</code>
      </p>
    </div>
  );
}

function Span({ from, to }: { from: string; to: string }) {
  return (
    <>
      {words.span} <Moment at={from} /> {words.until} <Moment at={to} />.
    </>
  );
}

function List({ heading, lines }: { heading: string; lines: readonly string[] }) {
  if (lines.length === 0) return null;
  return (
    <section className={styles.list} aria-label={heading}>
      <h3>{heading}</h3>
      <ul>
        {[...new Set(lines)].map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </section>
  );
}
