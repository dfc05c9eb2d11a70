/** The UI as a function of one value: how the line to the agent stands, and what the agent says. */
import { type ComponentType, type ReactNode, useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import type { View } from '../preload/contract/desktop.ts';
import { views } from '../preload/contract/desktop.ts';
import type { UiState } from '../preload/contract/ui.ts';
import styles from './App.module.css';
import { Activity } from './activity/Activity.tsx';
import { isPaused, Pause } from './consent/Pause.tsx';
import { Prompt } from './consent/Prompt.tsx';
import { Requests } from './consent/Requests.tsx';
import { useAsks, useAttention } from './consent/use-asks.ts';
import { Doctor } from './doctor/Doctor.tsx';
import type { Connection, Line } from './door/connection.ts';
import type { Host } from './door/host.ts';
import { StandingPage } from './door/Standing.tsx';
import { Enroll } from './enroll/Enroll.tsx';
import { ManagedStart } from './enroll/ManagedStart.tsx';
import { managedStart } from './enroll/standing.ts';
import { Grants } from './grant/Grants.tsx';
import { LockBadge } from './lock/LockBadge.tsx';
import { Keys } from './passkey/Keys.tsx';
import { Policy } from './policy/Policy.tsx';
import type { Place, ScreenProps } from './screens.ts';
import { Home } from './session/Home.tsx';
import { Settings } from './settings/Settings.tsx';
import { FirstRun } from './setup/FirstRun.tsx';
import { isSettingUp } from './setup/setting-up.ts';
import { isBeforeFirstKey } from './setup/steps.ts';
import { texts } from './texts.ts';
import { Icon, type IconName, Logo } from './ui/icons.tsx';

/** Every screen, in the order of the rail. */
const screens: Readonly<Record<View, { icon: IconName; Screen: ComponentType<ScreenProps> }>> = {
  home: { icon: 'home', Screen: Home },
  requests: { icon: 'request', Screen: Requests },
  grants: { icon: 'access', Screen: Grants },
  keys: { icon: 'key', Screen: Keys },
  activity: { icon: 'activity', Screen: Activity },
  policy: { icon: 'policy', Screen: Policy },
  doctor: { icon: 'doctor', Screen: Doctor },
  settings: { icon: 'settings', Screen: Settings },
};

interface AppProps {
  line: Line;
  host: Host;
  /** Says which view a link, the tray or a notification asks for, and the link of a company that was opened; returns how to stop listening. */
  onView: (listener: (place: Place, link?: string) => void) => () => void;
}

interface Shown {
  place: Place;
  /** Of a company; empty: none was opened. */
  link: string;
}

export function App({ line, host, onView }: AppProps) {
  const connection = useSyncExternalStore(line.subscribe, line.current);
  const [shown, setShown] = useState<Shown>({ place: 'home', link: '' });
  const open = useCallback((place: Place, link = ''): void => setShown({ place, link }), []);
  const title = titleOf(connection, shown.place);
  useEffect(() => onView(open), [onView, open]);
  useEffect(() => host.setTitle(title), [host, title]);
  useTheme(connection);
  if (connection.phase !== 'open') return <StandingPage standing={connection} host={host.kind} />;
  return <Frame line={line} host={host} state={connection.state} shown={shown} onOpen={open} />;
}

function titleOf(connection: Connection, place: Place): string {
  if (connection.phase === 'lost') return texts.titles.lost;
  if (connection.phase !== 'open') return texts.titles.quiet;
  const { queue, lock } = connection.state.status;
  if (queue.asks.length > 0) return texts.titles.asking(queue.asks.length);
  if (lock.state === 'locked') return texts.titles.locked;
  if (place === 'enroll') return texts.titles.at(texts.enroll.heading);
  return place === 'home' ? texts.titles.quiet : texts.titles.at(texts.nav[place]);
}

/** What the person has chosen; without a word of theirs, the page follows the system. */
function useTheme(connection: Connection): void {
  const theme = connection.phase === 'open' ? connection.state.preferences.theme : undefined;
  useEffect(() => {
    if (theme !== undefined) document.documentElement.dataset['theme'] = theme;
  }, [theme]);
}

function Frame({ line, host, state, shown: { place, link }, onOpen }: Omit<ScreenProps, 'onSetUp'> & { shown: Shown }) {
  const { queue } = state.status;
  const main = useRef<HTMLElement>(null);
  const look = (): void => void line.ask('attend', {}).catch(() => undefined); // the line itself shows that it is lost
  const [isFirstRun, setFirstRun] = useFirstRun(state);
  useAttention(line);
  const setUp = (): void => {
    setFirstRun(true);
    onOpen('home');
  };
  const Screen = place === 'enroll' ? null : screens[place].Screen;
  const screen = Screen === null ? null : <Screen key={place} line={line} host={host} state={state} onOpen={onOpen} onSetUp={setUp} />;
  return (
    <>
      <button type="button" className={styles.skip} onClick={() => main.current?.focus()}>
        {texts.nav.skip}
      </button>
      <div className={styles.frame}>
        <Rail state={state} place={place} onOpen={onOpen} />
        <main ref={main} className={styles.screen} tabIndex={-1}>
          {isPaused(queue) ? <Pause queue={queue} onLook={look} /> : null}
          {place === 'enroll' ? <Enroll line={line} host={host} state={state} link={link} onOpen={onOpen} /> : null}
          {isFirstRun && place === 'home' ? (
            <Start line={line} host={host} state={state} onOpen={onOpen} onDone={() => setFirstRun(false)} instead={screen} />
          ) : (
            screen
          )}
        </main>
      </div>
      {host.kind === 'browser' ? <PromptOf line={line} host={host} state={state} /> : null}
    </>
  );
}

/** On a device that a company manages the first start asks for less. */
function Start({ onDone, instead, ...shown }: Omit<ScreenProps, 'onSetUp'> & { onDone: () => void; instead: ReactNode }) {
  const { managed } = shown.state.status;
  if (managed != null && managedStart(shown.state.status) !== null) return <ManagedStart {...shown} managed={managed} />;
  return <FirstRun {...shown} onDone={onDone} instead={instead} />;
}

/**
 * Whether the setup is shown in place of Home. In a browser each touch of a key is on a page of another origin, which leads back to a fresh
 * one of ours in the same tab: that one goes on with the setup.
 */
function useFirstRun(state: UiState): [boolean, (isFirstRun: boolean) => void] {
  const [isFirstRun, setFirstRun] = useState(() => isBeforeFirstKey(state) || isSettingUp.read());
  useEffect(() => isSettingUp.write(isFirstRun), [isFirstRun]);
  return [isFirstRun, setFirstRun];
}

/** In the desktop app requests have a window of their own. */
function PromptOf({ line, host, state }: Pick<ScreenProps, 'line' | 'host' | 'state'>) {
  const { front, behind, attempt, way, approve, deny, snooze, back } = useAsks(line, state.status.queue, host);
  if (front === undefined) return null;
  return (
    <Prompt
      key={front.id}
      ask={front}
      {...{ behind, attempt, way, host }}
      onApprove={approve}
      onDeny={deny}
      onSnooze={snooze}
      onBack={back}
    />
  );
}

function Rail({ state, place, onOpen }: Pick<ScreenProps, 'state' | 'onOpen'> & { place: Place }) {
  const { lock, queue, version, managed } = state.status;
  return (
    <header className={styles.rail}>
      <div className={styles.pinned}>
        <span className={styles.brand}>
          <Logo />
          {texts.product}
        </span>
        <nav aria-label={texts.nav.label}>
          <ul className={styles.nav}>
            {views.map((one) => (
              <li key={one}>
                <button
                  type="button"
                  className={styles.entry}
                  aria-current={one === place ? 'page' : undefined}
                  onClick={() => onOpen(one)}
                >
                  <Icon name={screens[one].icon} />
                  {texts.nav[one]}
                  {one === 'requests' && queue.asks.length > 0 ? <Waiting count={queue.asks.length} /> : null}
                </button>
              </li>
            ))}
          </ul>
        </nav>
        <div className={styles.foot}>
          <LockBadge state={lock.state} />
          {managed == null ? null : <span className="small">{texts.managed.by(managed.managedBy)}</span>}
          <span className="small">{texts.nav.version(version)}</span>
        </div>
      </div>
    </header>
  );
}

function Waiting({ count }: { count: number }) {
  return (
    <>
      <span className={styles.count} aria-hidden="true">
        {count}
      </span>
      <span className="hidden">{texts.nav.waiting(count)}</span>
    </>
  );
}
