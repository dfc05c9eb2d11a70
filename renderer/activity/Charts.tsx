/** How much happened, as four small charts, each with its numbers in words; or all of it as one table. */
import { useState } from 'react';
import type { ActivitySummary } from '../../preload/contract/activity.ts';
import type { Line } from '../door/connection.ts';
import { useAnswer } from '../door/use-answer.ts';
import { texts } from '../texts.ts';
import { Answered } from '../ui/Answered.tsx';
import { Button } from '../ui/Button.tsx';
import { Card } from '../ui/Card.tsx';
import { DataTable } from '../ui/DataTable.tsx';
import { Segmented } from '../ui/Segmented.tsx';
import styles from './Charts.module.css';
import { type Panel, type Point, panelsOf, pointsOf, tableOf } from './chart-data.ts';
import { PanelChart, seriesOf } from './PanelChart.tsx';

const words = texts.activity;
const spans = ['hour', 'day', 'week'] as const satisfies readonly ActivitySummary['span'][];

export function Charts({ line, revision }: { line: Line; revision: number }) {
  const [span, setSpan] = useState<ActivitySummary['span']>('day');
  const [isTable, setTable] = useState(false);
  const answer = useAnswer(line, revision, 'activity/summary', { span });
  const acts = (
    <>
      <Segmented
        label={words.span}
        value={span}
        options={spans.map((value) => ({ value, label: words.spans[value] }))}
        onChange={setSpan}
      />
      <Button look="quiet" size="compact" onPress={() => setTable(!isTable)}>
        {isTable ? words.asCharts : words.asTable}
      </Button>
    </>
  );
  return (
    <Card heading={words.charts} acts={acts}>
      <Answered answer={answer} waitingFor={words.chartsLoading}>
        {(summary) => (isTable ? <SummaryTable summary={summary} /> : <Panels summary={summary} />)}
      </Answered>
    </Card>
  );
}

function Panels({ summary }: { summary: ActivitySummary }) {
  const points = pointsOf(summary);
  return (
    <div className={styles.panels}>
      {panelsOf(summary).map((panel) => (
        <OnePanel key={panel.name} panel={panel} points={points} />
      ))}
    </div>
  );
}

/** The drawing is for the eye alone: the words beside it say what matters, and the table says the rest. */
function OnePanel({ panel, points }: { panel: Panel; points: readonly Point[] }) {
  const series = seriesOf[panel.name];
  return (
    <figure className={styles.panel}>
      <h3>{words.panels[panel.name]}</h3>
      <p className={styles.figure}>{panel.figure}</p>
      <div className={styles.chart} aria-hidden="true">
        {panel.isEmpty ? <div className={styles.nothing} /> : <PanelChart name={panel.name} points={points} />}
      </div>
      {series.length < 2 || panel.isEmpty ? null : (
        <ul className={styles.legend} aria-hidden="true">
          {series.map(({ name, words: label }) => (
            <li key={name} className={styles[name]}>
              {label}
            </li>
          ))}
        </ul>
      )}
      <figcaption className="small">{panel.summary}</figcaption>
    </figure>
  );
}

function SummaryTable({ summary }: { summary: ActivitySummary }) {
  const { head, rows } = tableOf(summary);
  return <DataTable caption={`${words.charts}, ${words.spanWords[summary.span]}`} head={head} rows={rows} areNumbers />;
}
