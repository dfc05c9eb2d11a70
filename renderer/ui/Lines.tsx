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

interface LineItemProps {
  children: ReactNode;
  /** Smaller words below. */
  note?: ReactNode;
  /** Badges, a moment, buttons. */
  aside?: ReactNode;
  /** What unfolds beneath it all, such as a form. */
  below?: ReactNode;
}

export function LineItem({ children, note, aside, below }: LineItemProps) {
  return (
    <li className={styles.line}>
      <span className={styles.words}>
        <span>{children}</span>
        {note === undefined || note === null ? null : <span className="small">{note}</span>}
      </span>
      {aside === undefined || aside === null ? null : <span className={styles.aside}>{aside}</span>}
      {below === undefined || below === null ? null : <div className={styles.below}>{below}</div>}
    </li>
  );
}
