/** How it looks and when it starts. A choice holds as soon as it is made. */
import { type Preferences as Chosen, themes } from '../../preload/contract/preferences.ts';
import type { SettingsView, SettingView } from '../../preload/contract/settings.ts';
import type { UiInput } from '../../preload/contract/ui.ts';
import type { Line } from '../door/connection.ts';
import { texts } from '../texts.ts';
import { Card } from '../ui/Card.tsx';
import { AttemptNotice } from '../ui/Notice.tsx';
import { Segmented } from '../ui/Segmented.tsx';
import { Switch } from '../ui/Switch.tsx';
import { useAct } from '../ui/use-act.ts';
import { By } from './DeviceSettings.tsx';
import styles from './Settings.module.css';
import { companyOf, isFixed, settingBy } from './setting-words.ts';

const words = texts.settings;

/** @param settings whose word these are, where somebody else has one, too; null while that is not known */
export function Preferences({ line, preferences, settings }: { line: Line; preferences: Chosen; settings: SettingsView | null }) {
  const { attempt, run } = useAct();
  const settingOf = (name: keyof Chosen): SettingView | null =>
    settings?.settings.find((one) => one.name === name && one.ofIt !== null) ?? null;
  const [themeSetting, loginSetting] = [settingOf('theme'), settingOf('startAtLogin')];
  const company = settings === null ? null : companyOf(settings);
  const choose = (choice: UiInput<'preferences'>): void => void run(() => line.ask('preferences', choice));
  const { theme, startAtLogin } = preferences;
  return (
    <Card heading={words.look}>
      <div className={styles.setting}>
        <span className={styles.words}>
          <span className={styles.label} aria-hidden="true">
            {words.theme}
          </span>
          {themeSetting === null ? null : <By setting={themeSetting} company={company} />}
        </span>
        <Segmented
          label={words.theme}
          value={theme}
          isDisabled={themeSetting !== null && isFixed(themeSetting)}
          options={themes.map((value) => ({ value, label: words.themes[value] }))}
          onChange={(chosen) => choose({ theme: chosen })}
        />
      </div>
      {startAtLogin === null ? (
        <p className="small">{words.startUnavailable}</p>
      ) : (
        <Switch
          label={words.startAtLogin}
          hint={loginSetting === null ? words.startAtLoginHint : `${words.startAtLoginHint} ${settingBy(loginSetting, company)}.`}
          isOn={startAtLogin}
          isDisabled={attempt.phase === 'running' || (loginSetting !== null && isFixed(loginSetting))}
          onChange={(isOn) => choose({ startAtLogin: isOn })}
        />
      )}
      <AttemptNotice attempt={attempt} />
    </Card>
  );
}
