/** A query that really runs, with a token that a person approves. The proof that all of it works. */

import { useState } from 'react';
import type { QueryView, SetupView } from '../../preload/contract/setup.ts';
import { useAnswer } from '../door/use-answer.ts';
import { placesOf } from '../policy/explain-form.ts';
import { texts } from '../texts.ts';
import { Answered } from '../ui/Answered.tsx';
import { Button } from '../ui/Button.tsx';
import { DataTable } from '../ui/DataTable.tsx';
import { Detail, Details } from '../ui/Details.tsx';
import { AttemptNotice, FailureNotice, Notice } from '../ui/Notice.tsx';
import { Progress } from '../ui/Progress.tsx';
import { Select } from '../ui/Select.tsx';
import { useAct } from '../ui/use-act.ts';
import type { StepProps } from './FirstRun.tsx';
import { waysOf } from './query-way.ts';
import { StepCard } from './StepCard.tsx';

const words = texts.setup.query;

export function QueryStep({ line, state, setup, onChanged, onLinger, onGoOn, onSkip }: StepProps) {
  const answer = useAnswer(line, state.revision, 'setup/query', { start: false });
  const { attempt, run } = useAct();
  const places = placesOf(state.status.profiles.filter(({ session }) => session.phase === 'signed-in'));
  const [place, setPlace] = useState('');
  const chosen = places.find(({ key }) => key === place) ?? places[0];
  const start = (): void => {
    onLinger();
    void run(async () => {
      await line.ask('setup/query', {
        start: true,
        ...(chosen === undefined ? {} : { profile: chosen.profile, workspace: chosen.host }),
      });
      onChanged();
      if (answer.phase !== 'loading') answer.retry();
    });
  };
  const query = answer.phase === 'ready' ? answer.value : null;
  const isUnderWay = query?.state === 'asking' || query?.state === 'running';
  const acts =
    query?.state === 'done' ? (
      <Button look="primary" onPress={onGoOn}>
        {texts.setup.goOn}
      </Button>
    ) : (
      <Button look="primary" isBusy={attempt.phase === 'running'} isDisabled={query === null || isUnderWay} onPress={start}>
        {query?.state === 'failed' ? words.again : words.start}
      </Button>
    );
  return (
    <StepCard
      step="query"
      heading={words.heading}
      text={words.text}
      touch={words.touch}
      acts={acts}
      onSkip={query?.state === 'done' ? null : onSkip}
    >
      <Answered answer={answer} waitingFor={texts.setup.loading}>
        {(shown) => <Query query={shown} setup={setup} />}
      </Answered>
      {places.length < 2 || isUnderWay || query?.state === 'done' ? null : (
        <Select
          label={texts.setup.default.workspace}
          value={chosen?.key ?? ''}
          options={places.map(({ key, words: label }) => ({ value: key, label }))}
          onChange={setPlace}
        />
      )}
      <AttemptNotice attempt={attempt} />
    </StepCard>
  );
}

function Query({ query, setup }: { query: QueryView; setup: SetupView }) {
  const { how, because, python } = waysOf(query, setup);
  return (
    <div className="stack">
      <p>
        <strong>{words.how[how]}</strong>
        {python !== null ? <span className="small"> {words.python(python)}</span> : null}
        <br />
        <span className="small">{because}</span>
      </p>
      <Details>
        <Detail name={words.statement}>
          <code>{query.statement}</code>
        </Detail>
        {query.notebook === null ? null : (
          <Detail name={words.notebook}>
            <span className="value">{query.notebook}</span>
          </Detail>
        )}
      </Details>
      <Standing query={query} />
    </div>
  );
}

function Standing({ query }: { query: QueryView }) {
  switch (query.state) {
    case 'idle':
      return null;
    case 'asking':
      return <Progress label={words.asking} />;
    case 'running':
      return <Progress label={words.running} />;
    case 'failed':
      return <div role="alert">{query.failure === null ? null : <FailureNotice failure={query.failure} />}</div>;
    case 'done':
      return (
        <>
          <div role="status">
            <Notice look="good">
              <p>
                <strong>{query.tookMs === null ? words.doneUntimed : words.done(texts.activity.milliseconds(query.tookMs))}</strong>
              </p>
            </Notice>
          </div>
          {query.rows.length === 0 ? (
            <p className="small">{words.noRows}</p>
          ) : (
            <DataTable caption={words.result} head={query.columns} rows={query.rows} />
          )}
        </>
      );
  }
}
