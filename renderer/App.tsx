/** The UI as a function of one value: how the line to the agent stands, and what the agent says. */
import { useEffect, useState, useSyncExternalStore } from 'react';
import type { UiState } from '../preload/contract/ui.ts';
import { Pause } from './consent/Pause.tsx';
import { Prompt } from './consent/Prompt.tsx';
import { useAsks } from './consent/use-asks.ts';
import type { Connection, Line } from './door/connection.ts';
import { Grants } from './grant/Grants.tsx';
import { Keys } from './passkey/Keys.tsx';
import { Home } from './session/Home.tsx';
import { texts } from './texts.ts';
import { Icon } from './ui/icons.tsx';
import { WithCommands } from './ui/Notice.tsx';
import { Command, Page } from './ui/Page.tsx';

export interface Tab {
  /** Opens a tab of its own; false where the browser does not allow it. */
  open: (url: string) => boolean;
  /** Leaves this page for another. */
  leave: (url: string) => void;
  setTitle: (title: string) => void;
}

export function App({ line, tab }: { line: Line; tab: Tab }) {
  const connection = useSyncExternalStore(line.subscribe, line.current);
  const title = titleOf(connection);
  useEffect(() => tab.setTitle(title), [tab, title]);
  switch (connection.phase) {
    case 'opening':
      return (
        <Page icon="person" heading={texts.opening.heading}>
          <p role="status">{texts.opening.text}</p>
        </Page>
      );
    case 'no-code':
      return (
        <Page icon="key" heading={texts.noCode.heading}>
          <p>{texts.noCode.text}</p>
          <p>
            {texts.noCode.next} <Command>{texts.noCode.command}</Command>
          </p>
        </Page>
      );
    case 'refused':
      return (
        <Page icon="stop" heading={texts.refused.heading} look="bad">
          <p>{connection.failure.cause}</p>
          <p>
            <WithCommands text={connection.failure.next} />
          </p>
        </Page>
      );
    case 'lost':
      return (
        <Page icon="broken" heading={texts.lost.heading} look="bad">
          <p role="status">{texts.lost.text}</p>
          <p>
            {texts.lost.next} <Command>{texts.lost.command}</Command>
          </p>
        </Page>
      );
    case 'open':
      return <Screens line={line} state={connection.state} tab={tab} />;
  }
}

function titleOf(connection: Connection): string {
  if (connection.phase === 'lost') return texts.titles.lost;
  if (connection.phase !== 'open') return texts.titles.quiet;
  const { queue, lock } = connection.state.status;
  if (queue.asks.length > 0) return texts.titles.asking(queue.asks.length);
  return lock.state === 'locked' ? texts.titles.locked : texts.titles.quiet;
}

const screens = ['home', 'grants', 'keys'] as const;
type Screen = (typeof screens)[number];

function Screens({ line, state, tab }: { line: Line; state: UiState; tab: Tab }) {
  const [screen, setScreen] = useState<Screen>('home');
  const { status, grants, bundles } = state;
  const asks = useAsks(line, status.queue, tab.leave);
  return (
    <div className="frame">
      <Bar screen={screen} lockState={status.lock.state} onChoose={setScreen} />
      <main className="screen">
        {asks.isPaused ? <Pause queue={status.queue} onLook={asks.look} /> : null}
        {screen === 'home' ? <h1 className="hidden">{texts.nav.home}</h1> : null}
        {screen === 'home' ? <Home line={line} status={status} openTab={tab.open} leave={tab.leave} /> : null}
        {screen === 'grants' ? <Grants line={line} grants={grants} bundles={bundles} /> : null}
        {screen === 'keys' ? <Keys line={line} keys={status.tapKeys} leave={tab.leave} /> : null}
      </main>
      {asks.front === undefined ? null : (
        <Prompt
          key={asks.front.id}
          ask={asks.front}
          behind={asks.behind}
          attempt={asks.attempt}
          onApprove={asks.approve}
          onDeny={asks.deny}
          onSnooze={asks.snooze}
        />
      )}
    </div>
  );
}

const lockIcon = { open: 'open', away: 'away', locked: 'lock' } as const;

function Bar({
  screen,
  lockState,
  onChoose,
}: {
  screen: Screen;
  lockState: UiState['status']['lock']['state'];
  onChoose: (screen: Screen) => void;
}) {
  return (
    <header className="bar">
      <span className="brand">{texts.product}</span>
      <nav aria-label={texts.nav.label}>
        {screens.map((one) => (
          <button key={one} type="button" className="tab" aria-current={one === screen ? 'page' : undefined} onClick={() => onChoose(one)}>
            {texts.nav[one]}
          </button>
        ))}
      </nav>
      <span className={`badge ${lockState}`}>
        <Icon name={lockIcon[lockState]} />
        {texts.lock.states[lockState]}
      </span>
    </header>
  );
}
