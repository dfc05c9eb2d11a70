/** What is set on this device, by whom, and the person's own word where they have one. */
import { useEffect, useRef, useState } from 'react';
import type { SettingsView, SettingView } from '../../preload/contract/settings.ts';
import type { Answer } from '../door/answer.ts';
import type { Line } from '../door/connection.ts';
import { texts } from '../texts.ts';
import { Answered } from '../ui/Answered.tsx';
import { Button } from '../ui/Button.tsx';
import { Card } from '../ui/Card.tsx';
import { Icon } from '../ui/icons.tsx';
import { LineItem, Lines } from '../ui/Lines.tsx';
import { AttemptNotice, WithCommands } from '../ui/Notice.tsx';
import { Select } from '../ui/Select.tsx';
import { TextField } from '../ui/TextField.tsx';
import { useAct } from '../ui/use-act.ts';
import styles from './Settings.module.css';
import { companyOf, isFixed, isLength, settingBy, settingName, settingValue } from './setting-words.ts';

const words = texts.settings.device;
/** These have a place of their own. */
const elsewhere = ['theme', 'startAtLogin'];

export function DeviceSettings({ line, answer }: { line: Line; answer: Answer<SettingsView> }) {
  return (
    <Card heading={words.heading}>
      <Answered answer={answer} waitingFor={words.loading}>
        {(view) => (
          <>
            <p className="quiet-text">{companyOf(view) === null ? words.lead : words.managedLead(companyOf(view) ?? '')}</p>
            <Lines>
              {view.settings
                .filter(({ name }) => !elsewhere.includes(name))
                .map((setting) => (
                  <Setting key={setting.name} line={line} setting={setting} company={companyOf(view)} />
                ))}
            </Lines>
          </>
        )}
      </Answered>
    </Card>
  );
}

function Setting({ line, setting, company }: { line: Line; setting: SettingView; company: string | null }) {
  const [phase, setPhase] = useState<'shown' | 'changing' | 'changed'>('shown');
  const change = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (phase === 'changed') change.current?.focus();
  }, [phase]);
  const name = settingName(setting.name);
  return (
    <LineItem
      note={<WithCommands text={setting.means} />}
      below={phase === 'changing' ? <Change line={line} setting={setting} company={company} onClose={() => setPhase('changed')} /> : null}
      aside={
        <>
          {setting.value === null ? null : <strong>{settingValue(setting.value)}</strong>}
          <By setting={setting} company={company} />
          {isFixed(setting) || phase === 'changing' ? null : (
            <Button ref={change} look="quiet" size="compact" label={`${words.change}: ${name}`} onPress={() => setPhase('changing')}>
              {words.change}
            </Button>
          )}
        </>
      }
    >
      {name}
    </LineItem>
  );
}

/** Also beside a setting that has a place of its own. */
export function By({ setting, company }: { setting: SettingView; company: string | null }) {
  return (
    <span className="small">
      {setting.mode === 'locked' ? <Icon name="lock" /> : null} {settingBy(setting, company)}
    </span>
  );
}

interface ChangeProps {
  line: Line;
  setting: SettingView;
  company: string | null;
  onClose: () => void;
}

function Change({ line, setting, company, onClose }: ChangeProps) {
  const { attempt, run } = useAct();
  const { name, choices, by, mode, ofIt } = setting;
  const [draft, setDraft] = useState(setting.value ?? choices?.[0] ?? '');
  const [isTried, setTried] = useState(false);
  const isWrong = choices === null && !isLength(draft.trim());
  const ask = async (value: string | null): Promise<void> => {
    if (await run(() => line.ask('settings/change', { name, value }))) onClose();
  };
  const bound = ofIt !== null && mode === 'userMayTighten' ? ` ${words.bound(company ?? words.company, settingValue(ofIt))}` : '';
  return (
    <form
      className={styles.change}
      noValidate
      onKeyDown={(event) => event.key === 'Escape' && onClose()}
      onSubmit={(event) => {
        event.preventDefault();
        setTried(true);
        if (!isWrong) void ask(draft.trim());
      }}
    >
      {choices === null ? (
        <TextField
          label={settingName(name)}
          value={draft}
          hint={`${words.length}${bound}`}
          error={isTried && isWrong ? words.lengthWrong : null}
          isRequired
          hasFocus
          maxLength={64}
          onChange={setDraft}
        />
      ) : (
        <Select
          label={settingName(name)}
          value={draft}
          options={choices.map((value) => ({ value, label: settingValue(value) }))}
          onChange={setDraft}
        />
      )}
      <div className="row">
        <Button type="submit" look="primary" size="compact" isBusy={attempt.phase === 'running'}>
          {words.save}
        </Button>
        {by === 'person' ? (
          <Button size="compact" isBusy={attempt.phase === 'running'} onPress={() => void ask(null)}>
            {words.takeBack}
          </Button>
        ) : null}
        <Button look="quiet" size="compact" onPress={onClose}>
          {words.cancel}
        </Button>
      </div>
      <AttemptNotice attempt={attempt} />
    </form>
  );
}
