/** Things of one kind, one below the other, each with what can be said or done about it at its end. */
import type { ReactNode } from 'react';
import styles from './Lines.module.css';

/** @param children `LineItem` elements */
export function Lines({ children, label }: { children: ReactNode; label?: string }) {
  return (
    <ul className={styles.lines} aria-label={label}>
      {children}
    </ul>
  );
}

/** `note`: smaller words below; `aside`: badges, a moment, buttons. */
export function LineItem({ children, note, aside }: { children: ReactNode; note?: ReactNode; aside?: ReactNode }) {
  return (
    <li className={styles.line}>
      <span className={styles.words}>
        <span>{children}</span>
        {note === undefined || note === null ? null : <span className="small">{note}</span>}
      </span>
      {aside === undefined || aside === null ? null : <span className={styles.aside}>{aside}</span>}
    </li>
  );
}
