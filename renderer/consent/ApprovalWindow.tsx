/** The window of the desktop app in which a request is answered, and which can do nothing else. */
import { useEffect, useId, useRef, useSyncExternalStore } from 'react';
import type { UiOutput } from '../../preload/contract/ui.ts';
import type { Line } from '../door/connection.ts';
import type { Host } from '../door/host.ts';
import { StandingPage } from '../door/Standing.tsx';
import { texts } from '../texts.ts';
import { Page } from '../ui/Page.tsx';
import { Answering, type AnsweringProps } from './Answering.tsx';
import styles from './ApprovalWindow.module.css';
import { Pause } from './Pause.tsx';
import { useAsks, useAttention } from './use-asks.ts';

type Asks = UiOutput<'asks'>;

export function ApprovalWindow({ line, host }: { line: Line<Asks>; host: Host }) {
  const connection = useSyncExternalStore(line.subscribe, line.current);
  const waiting = connection.phase === 'open' ? connection.state.queue.asks.length : 0;
  useEffect(() => host.setTitle(waiting > 0 ? texts.titles.asking(waiting) : texts.titles.quiet), [host, waiting]);
  if (connection.phase !== 'open') return <StandingPage standing={connection} host={host.kind} />;
  return <Request line={line} host={host} queue={connection.state.queue} />;
}

function Request({ line, host, queue }: { line: Line<Asks>; host: Host; queue: Asks['queue'] }) {
  const { front, behind, isPaused, attempt, way, approve, deny, snooze, back, look } = useAsks(line, queue, host);
  useAttention(line);
  if (front === undefined) {
    return (
      <Page icon="done" heading={texts.requests.none} look="good">
        {isPaused ? <Pause queue={queue} onLook={look} /> : <p role="status">{texts.requests.closeWindow}</p>}
      </Page>
    );
  }
  return (
    <Front
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

function Front(props: Omit<AnsweringProps, 'denyButton' | 'headingId' | 'level'>) {
  const heading = useId();
  const denyButton = useRef<HTMLButtonElement>(null);
  useEffect(() => denyButton.current?.focus({ preventScroll: true }), []);
  return (
    <main className={styles.window} aria-labelledby={heading}>
      <Answering {...props} denyButton={denyButton} headingId={heading} level={1} />
    </main>
  );
}
