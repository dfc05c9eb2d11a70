/** The records of the audit log, newest first, by day; what is looked for and how far back is the person's to choose. */
import { useState } from 'react';
import type { ActivityRecord } from '../../preload/contract/activity.ts';
import type { Line } from '../door/connection.ts';
import { useAnswerPages } from '../door/use-answer.ts';
import { texts } from '../texts.ts';
import { Answered } from '../ui/Answered.tsx';
import { Badge } from '../ui/Badge.tsx';
import { Button } from '../ui/Button.tsx';
import { Card } from '../ui/Card.tsx';
import { Detail, Details } from '../ui/Details.tsx';
import { Empty } from '../ui/Empty.tsx';
import { Icon, type IconName } from '../ui/icons.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Filters } from './Filters.tsx';
import { sentenceOf, textOf } from './record-words.ts';
import styles from './Timeline.module.css';
import { type Day, daysOf, type Filter, isFiltered, noFilter, queryOf } from './timeline.ts';

const words = texts.activity;

export function Timeline({ line, revision }: { line: Line; revision: number }) {
  const [filter, setFilter] = useState(noFilter);
  const pages = useAnswerPages(
    line,
    revision,
    'activity',
    (before) => queryOf(filter, before),
    ({ next }) => next,
  );
  return (
    <Card heading={words.timeline}>
      <Filters filter={filter} onChange={setFilter} />
      <Answered answer={pages.answer} waitingFor={words.loading}>
        {(answered) => (
          <>
            <Damaged lines={answered.reduce((lines, { damaged }) => lines + damaged, 0)} />
            <Records records={answered.flatMap(({ records }) => records)} filter={filter} hasMore={pages.hasMore} />
            <div className={styles.foot}>
              {pages.hasMore ? (
                <Button isBusy={pages.isAdding} onPress={pages.more}>
                  {words.older}
                </Button>
              ) : (
                <End records={answered.flatMap(({ records }) => records).length} filter={filter} />
              )}
            </div>
          </>
        )}
      </Answered>
    </Card>
  );
}

function Damaged({ lines }: { lines: number }) {
  if (lines === 0) return null;
  return (
    <Notice>
      <p>{words.damaged(lines)}</p>
    </Notice>
  );
}

function End({ records, filter }: { records: number; filter: Filter }) {
  if (records === 0) return null;
  return <p className="small">{isFiltered(filter) ? words.endOfMatches : words.end}</p>;
}

/** The agent reads so much of the log at a time: a page without a record is not the end of it. */
function Records({ records, filter, hasMore }: { records: readonly ActivityRecord[]; filter: Filter; hasMore: boolean }) {
  const days = daysOf(records, Date.now());
  return (
    <>
      <p className="hidden" role="status">
        {records.length === 0 ? null : words.shown(records.length)}
      </p>
      {records.length > 0 ? null : hasMore || isFiltered(filter) ? (
        <Empty icon="search" heading={hasMore ? words.noneSoFar : words.noMatch} />
      ) : (
        <Empty icon="activity" heading={words.none}>
          <p>{words.noneNext}</p>
        </Empty>
      )}
      {days.map((day) => (
        <OneDay key={day.title} day={day} />
      ))}
    </>
  );
}

function OneDay({ day }: { day: Day }) {
  return (
    <section className={styles.day} aria-label={day.title}>
      <h3>{day.title}</h3>
      <ol>
        {day.records.map((record) => (
          <li key={record.seq}>
            <OneRecord record={record} />
          </li>
        ))}
      </ol>
    </section>
  );
}

const iconOf: Readonly<Record<ActivityRecord['kind'], IconName>> = {
  'sign-in': 'person',
  token: 'verified',
  grant: 'access',
  request: 'request',
  refusal: 'stop',
  key: 'key',
  policy: 'policy',
  lock: 'lock',
  agent: 'settings',
};

const clockOf = (at: string): string => new Date(at).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' });

function OneRecord({ record }: { record: ActivityRecord }) {
  return (
    <details className={styles.record}>
      <summary>
        <time className={styles.time} dateTime={record.at}>
          {clockOf(record.at)}
        </time>
        <span className={record.kind === 'refusal' ? `${styles.sign} ${styles.refusal}` : styles.sign}>
          <Icon name={iconOf[record.kind]} />
        </span>
        <span className={styles.sentence}>{sentenceOf(record)}</span>
        <span className={styles.kind}>
          <Badge look={record.kind === 'refusal' ? 'bad' : 'plain'}>{words.kinds[record.kind]}</Badge>
        </span>
      </summary>
      <div className={styles.more}>
        <Details>
          <Detail name={words.record}>{record.seq}</Detail>
          <Detail name={words.type}>
            <code>{record.type}</code>
          </Detail>
          <Detail name={words.when}>{new Date(record.at).toLocaleString()}</Detail>
          {Object.entries(record.fields).map(([name, value]) => (
            <Detail key={name} name={name}>
              <span className="value">{textOf(value)}</span>
            </Detail>
          ))}
        </Details>
      </div>
    </details>
  );
}
