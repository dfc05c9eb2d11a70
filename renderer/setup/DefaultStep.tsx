/** Which of Databricks' own profiles Lakepass stands behind, so that tools that know nothing of it work: shown line by line, then written. */
import { useState } from 'react';
import type { DefaultView } from '../../preload/contract/setup.ts';
import type { UiInput } from '../../preload/contract/ui.ts';
import { useAnswer } from '../door/use-answer.ts';
import { placesOf } from '../policy/explain-form.ts';
import { texts } from '../texts.ts';
import { Answered } from '../ui/Answered.tsx';
import { Button } from '../ui/Button.tsx';
import { AttemptNotice, Notice } from '../ui/Notice.tsx';
import { Select } from '../ui/Select.tsx';
import { useAct } from '../ui/use-act.ts';
import { Diff } from './Diff.tsx';
import type { StepProps } from './FirstRun.tsx';
import { SectionPicker } from './SectionPicker.tsx';
import { StepCard } from './StepCard.tsx';
import { defaultSection, isSectionName } from './sections.ts';

const words = texts.setup.default;
type Outcome = { was: 'written' | 'undone'; view: DefaultView } | null;

export function DefaultStep({ line, state, setup, onChanged, onLinger, onGoOn, onSkip }: StepProps) {
  const places = placesOf(state.status.profiles);
  const [section, setSection] = useState(defaultSection);
  const [place, setPlace] = useState(places[0]?.key ?? '');
  const [outcome, setOutcome] = useState<Outcome>(null);
  const { attempt, run } = useAct();
  const chosen = places.find(({ key }) => key === place);
  const input: UiInput<'setup/default'> = { section, ...(chosen === undefined ? {} : { profile: chosen.profile, workspace: chosen.host }) };
  const isReady = isSectionName(section);
  const preview = useAnswer(line, state.revision, 'setup/default', input, isReady && outcome?.was !== 'written');

  /** Of what stands on the screen. Where the file is another by now, the change is shown anew. */
  async function write(): Promise<DefaultView> {
    if (preview.phase !== 'ready' || preview.value.digest === null) throw new Error('there is nothing to write');
    try {
      return await line.ask('setup/default/write', { ...input, digest: preview.value.digest });
    } catch (error) {
      preview.retry();
      throw error;
    }
  }

  const act = (was: 'written' | 'undone'): void => {
    onLinger();
    void run(async () => {
      const view = was === 'written' ? await write() : await line.ask('setup/default/undo', {});
      setOutcome({ was, view });
      onChanged();
    });
  };
  const isBusy = attempt.phase === 'running';
  if (outcome?.was === 'written') {
    return (
      <StepCard
        step="default"
        heading={words.heading}
        text={words.text}
        onSkip={null}
        acts={
          <Button look="primary" onPress={onGoOn}>
            {texts.setup.goOn}
          </Button>
        }
      >
        <Written view={outcome.view} isBusy={isBusy} onUndo={() => act('undone')} />
        <AttemptNotice attempt={attempt} />
      </StepCard>
    );
  }
  const changes = preview.phase === 'ready' && preview.value.diff.some(({ change }) => change !== 'same');
  return (
    <StepCard
      step="default"
      heading={words.heading}
      text={words.text}
      onSkip={onSkip}
      acts={
        <Button
          look="primary"
          isBusy={isBusy}
          isDisabled={!isReady || !changes || (preview.phase === 'ready' && preview.isFetching)}
          onPress={() => act('written')}
        >
          {words.write}
        </Button>
      }
    >
      <div role="status">
        {outcome === null ? null : (
          <Notice look="good">
            <p>{words.undone}</p>
          </Notice>
        )}
      </div>
      <SectionPicker setup={setup} section={section} onChange={setSection} />
      {places.length < 2 ? null : (
        <Select
          label={words.workspace}
          value={place}
          options={places.map(({ key, words: label }) => ({ value: key, label }))}
          onChange={setPlace}
        />
      )}
      {isReady ? (
        <Answered answer={preview} waitingFor={words.previewLoading}>
          {(view) => <Diff view={view} />}
        </Answered>
      ) : null}
      <AttemptNotice attempt={attempt} />
    </StepCard>
  );
}

function Written({ view, isBusy, onUndo }: { view: DefaultView; isBusy: boolean; onUndo: () => void }) {
  return (
    <div className="stack">
      <div role="status">
        <Notice look="good">
          <p>
            <strong>{words.written(view.section)}</strong>
          </p>
          {view.backup === null ? null : (
            <p className="small">
              {words.backup} <span className="value">{view.backup}</span>
            </p>
          )}
        </Notice>
      </div>
      <Diff view={view} />
      {view.canUndo ? (
        <div>
          <Button icon="undo" isBusy={isBusy} onPress={onUndo}>
            {words.undo}
          </Button>
        </div>
      ) : null}
    </div>
  );
}
