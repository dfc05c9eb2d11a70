/** The one thing that helps most now, in the agent's words, with the button or the line that does it. */
import type { ReactNode } from 'react';
import { keysMissing } from '../enroll/standing.ts';
import type { ScreenProps } from '../screens.ts';
import { hasNoPeople } from '../setup/steps.ts';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { CopyButton } from '../ui/CopyButton.tsx';
import { WithCommands } from '../ui/Notice.tsx';
import styles from './Next.module.css';

/** Where the next act has a big button of its own further down, saying it here would only say it twice. */
export type NextAct = 'request' | 'unlock' | 'sign-in' | 'key' | 'command' | 'none';

export function nextActOf({ status }: ScreenProps['state'], host: ScreenProps['host']): NextAct {
  if (status.queue.asks.length > 0 && host.kind === 'desktop') return 'request';
  if (status.lock.state === 'locked') return 'unlock';
  if (hasNoPeople(status)) return 'command';
  if (!status.profiles.some(({ session }) => session.phase === 'signed-in')) return 'sign-in';
  if (status.tapKeys.length === 0 || keysMissing(status.managed ?? null) > 0) return 'key';
  return status.next === '' ? 'none' : 'command';
}

export function Next({ act, host, state, onOpen }: { act: NextAct } & Omit<ScreenProps, 'line' | 'onSetUp'>) {
  switch (act) {
    case 'request':
      return (
        <Strip text={texts.home.requestWaits(state.status.queue.asks.length)}>
          <Button look="primary" size="large" icon="request" onPress={() => void host.showRequest()}>
            {texts.requests.answer}
          </Button>
        </Strip>
      );
    case 'key':
      return (
        <Strip text={keyText(state.status)}>
          <Button look="primary" size="large" icon="key" onPress={() => onOpen('keys')}>
            {state.status.tapKeys.length === 0 ? texts.home.addKey : texts.keys.add}
          </Button>
        </Strip>
      );
    case 'command': {
      const { next } = state.status;
      const text = next.startsWith('lakepass ') ? `\`${next}\`` : next;
      const command = /`([^`]+)`/.exec(text)?.[1];
      return (
        <Strip text={text} isQuiet>
          {command === undefined ? null : <CopyButton text={command} host={host} />}
        </Strip>
      );
    }
    default:
      return null;
  }
}

/** No key at all, or fewer that count than the company wants. */
function keyText({ tapKeys, managed }: ScreenProps['state']['status']): string {
  if (tapKeys.length === 0 || managed?.tapKeys == null) return texts.keys.none;
  const { counted, wanted } = managed.tapKeys;
  return texts.keys.rules.progress(counted, wanted.atLeast, managed.managedBy);
}

function Strip({ text, isQuiet = false, children }: { text: string; isQuiet?: boolean; children: ReactNode }) {
  return (
    <section className={isQuiet ? `${styles.next} ${styles.quiet}` : styles.next} aria-label={texts.home.next}>
      <p className={styles.words}>
        <span className={styles.label}>{texts.home.next}</span>
        <span>
          <WithCommands text={text} />
        </span>
      </p>
      {children}
    </section>
  );
}
