/** How much is left, as a ring with words in it; a second, thinner ring within it for an end that can be put off. */
import type { ReactNode } from 'react';
import styles from './Ring.module.css';

interface RingProps {
  /** What is left, 0 to 1. */
  part: number;
  /** The same for the thinner ring; null: there is none. */
  inner?: number | null;
  look?: 'plain' | 'warn' | 'bad';
  /** The whole in words, for those who do not see it. */
  label: string;
  /** What stands in the middle; readers have the label. */
  children: ReactNode;
}

const arc = (radius: number, part: number) => {
  const round = 2 * Math.PI * radius;
  return { strokeDasharray: round, strokeDashoffset: round * (1 - Math.min(1, Math.max(0, part))) };
};

export function Ring({ part, inner = null, look = 'plain', label, children }: RingProps) {
  return (
    <div className={styles.ring} role="img" aria-label={label}>
      <svg viewBox="0 0 100 100" aria-hidden="true" focusable="false">
        <circle className={styles.track} cx="50" cy="50" r="45" />
        {part <= 0 ? null : (
          <circle className={look === 'plain' ? styles.part : `${styles.part} ${styles[look]}`} cx="50" cy="50" r="45" {...arc(45, part)} />
        )}
        {inner === null ? null : <circle className={`${styles.part} ${styles.inner}`} cx="50" cy="50" r="37.5" {...arc(37.5, inner)} />}
      </svg>
      <div className={styles.middle} aria-hidden="true">
        {children}
      </div>
    </div>
  );
}
