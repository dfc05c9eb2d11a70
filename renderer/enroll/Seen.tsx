/** What others get to see of this device: what was sent, where to, when, how much waits; and what never leaves. */
import type { StatusView } from '../../preload/contract/control.ts';
import type { Line } from '../door/connection.ts';
import { useAnswer } from '../door/use-answer.ts';
import { texts } from '../texts.ts';
import { Answered } from '../ui/Answered.tsx';
import { Badge, type BadgeLook } from '../ui/Badge.tsx';
import { Card } from '../ui/Card.tsx';
import { Collapsible } from '../ui/Collapsible.tsx';
import { DataTable } from '../ui/DataTable.tsx';
import { Detail, Details } from '../ui/Details.tsx';
import { Meter } from '../ui/Meter.tsx';
import { FailureNotice } from '../ui/Notice.tsx';
import { Moment } from '../ui/time.tsx';
import { type Sent, type SentRow, sentOf } from './sent.ts';

const words = texts.managed.seen;

/** Nothing on a device that is nobody's, and that sends nothing. */
export function Seen({ line, revision, managed, audit }: Pick<StatusView, 'managed' | 'audit'> & { line: Line; revision: number }) {
  const answer = useAnswer(line, revision, 'audit/sent', {});
  const hasMore = (audit?.sinks ?? []).length > 0 || (answer.phase === 'ready' && sentOf({ sent: answer.value }).length > 0);
  if (managed === undefined && !hasMore) return null;
  const ofRecord = sentOf({ managed, sent: null });
  return (
    <Card heading={managed === undefined ? words.ownHeading : words.heading(managed.managedBy)}>
      <p className="quiet-text">{ofRecord.length === 0 && !hasMore ? words.nothing : words.lead}</p>
      <All sent={ofRecord} />
      {hasMore ? (
        <Answered answer={answer} waitingFor={words.loading}>
          {(sent) => <All sent={sentOf({ sent })} />}
        </Answered>
      ) : null}
      <h3>{words.staysHeading}</h3>
      <ul className="bullets">
        {words.stays.map((one) => (
          <li key={one}>{one}</li>
        ))}
      </ul>
      {managed === undefined || managed.url === null ? null : <p className="small">{words.host}</p>}
    </Card>
  );
}

const All = ({ sent }: { sent: readonly Sent[] }) => sent.map((one) => <OneSent key={one.id} sent={one} />);

const looks: Readonly<Record<NonNullable<Sent['standing']>, BadgeLook>> = {
  good: 'good',
  waiting: 'plain',
  never: 'plain',
  failing: 'bad',
};

function OneSent({ sent }: { sent: Sent }) {
  const { heading, to, sentAt, problem, standing, waiting, behind, people, rows, notes } = sent;
  return (
    <>
      <h3>
        {heading} {standing === null ? null : <Badge look={looks[standing]}>{words.standings[standing]}</Badge>}
      </h3>
      {problem === null ? null : <FailureNotice failure={problem} />}
      <Details>
        <Detail name={words.to}>
          <span className="value">{to}</span>
        </Detail>
        <Detail name={words.sent}>{sentAt === null ? words.never : <Moment at={sentAt} />}</Detail>
        {waiting === null ? null : (
          <Detail name={words.behind}>
            {behind === null ? waiting : <Meter label={waiting} part={behind} look={problem === null ? 'plain' : 'bad'} />}
          </Detail>
        )}
        {people === null ? null : <Detail name={words.people}>{people}</Detail>}
      </Details>
      {notes.map((note) => (
        <p key={note} className="small">
          {note}
        </p>
      ))}
      {rows === null ? null : (
        <Collapsible summary={people === null ? words.open(rows.length) : words.openLast(rows.length)}>
          <DataTable caption={words.caption(heading)} head={[words.field, words.value]} rows={rows.map(cellsOf)} />
        </Collapsible>
      )}
    </>
  );
}

const cellsOf = ({ means, name, value }: SentRow) => [
  name === null ? (
    means
  ) : (
    <>
      {means}
      <br />
      <code className="small">{name}</code>
    </>
  ),
  value,
];
