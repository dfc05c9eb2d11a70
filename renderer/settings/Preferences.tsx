/** How it looks and when it starts. A choice holds as soon as it is made. */
import { type Preferences as Chosen, themes } from '../../preload/contract/preferences.ts';
import type { UiInput } from '../../preload/contract/ui.ts';
import type { Line } from '../door/connection.ts';
import { texts } from '../texts.ts';
import { Card } from '../ui/Card.tsx';
import { AttemptNotice } from '../ui/Notice.tsx';
import { Segmented } from '../ui/Segmented.tsx';
import { Switch } from '../ui/Switch.tsx';
import { useAct } from '../ui/use-act.ts';
import styles from './Settings.module.css';

const words = texts.settings;

export function Preferences({ line, preferences }: { line: Line; preferences: Chosen }) {
  const { attempt, run } = useAct();
  const choose = (choice: UiInput<'preferences'>): void => void run(() => line.ask('preferences', choice));
  const { theme, startAtLogin } = preferences;
  return (
    <Card heading={words.look}>
      <div className={styles.setting}>
        <span className={styles.label} aria-hidden="true">
          {words.theme}
        </span>
        <Segmented
          label={words.theme}
          value={theme}
          options={themes.map((value) => ({ value, label: words.themes[value] }))}
          onChange={(chosen) => choose({ theme: chosen })}
        />
      </div>
      {startAtLogin === null ? (
        <p className="small">{words.startUnavailable}</p>
      ) : (
        <Switch
          label={words.startAtLogin}
          hint={words.startAtLoginHint}
          isOn={startAtLogin}
          isDisabled={attempt.phase === 'running'}
          onChange={(isOn) => choose({ startAtLogin: isOn })}
        />
      )}
      <AttemptNotice attempt={attempt} />
    </Card>
  );
}
