/** Something the person should know: a failure says what happened and what to do; the rest says what it is about. */
import type { ReactNode } from 'react';
import type { Failure } from '../../preload/contract/failure.ts';
import { Icon } from './icons.tsx';
import styles from './Notice.module.css';
import type { Attempt } from './use-act.ts';

const iconOf = { warning: 'warning', bad: 'warning', plain: 'info', good: 'done' } as const;

export function Notice({ children, look = 'warning' }: { children: ReactNode; look?: 'warning' | 'bad' | 'plain' | 'good' }) {
  return (
    <div className={look === 'warning' ? styles.notice : `${styles.notice} ${styles[look]}`}>
      <Icon name={iconOf[look]} />
      <div className={styles.body}>{children}</div>
    </div>
  );
}

/** `isStepBeside`: the next step is a button close by, so that the words for a terminal are left out. */
export function FailureNotice({ failure, isStepBeside = false }: { failure: Failure; isStepBeside?: boolean }) {
  return (
    <Notice look="bad">
      <p>
        <strong>{failure.cause}</strong>
      </p>
      {isStepBeside ? null : (
        <p>
          <WithCommands text={failure.next} />
        </p>
      )}
      {failure.detail === undefined ? null : <p className="small">{failure.detail}</p>}
      <p className={styles.code}>{failure.code}</p>
    </Notice>
  );
}

/** The failure of an act, told to a screen reader when it appears. */
export function AttemptNotice({ attempt }: { attempt: Attempt }) {
  return <div role="alert">{attempt.phase === 'failed' ? <FailureNotice failure={attempt.failure} /> : null}</div>;
}

/** Text in which `backquotes` mark what is typed into a terminal. */
export function WithCommands({ text }: { text: string }) {
  const parts = text.split('`').map((part, index) => ({ part, place: `${index} ${part}`, isCommand: index % 2 === 1 }));
  return parts.map(({ part, place, isCommand }) => (isCommand ? <code key={place}>{part}</code> : <span key={place}>{part}</span>));
}
