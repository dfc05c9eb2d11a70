/** How much of something there is, as a bar with words below it that say it too. */
import { useId } from 'react';
import styles from './Meter.module.css';

/** Little is still to be seen. */
const least = 0.02;

/** @param part 0 to 1 */
export function Meter({ label, part, look = 'plain' }: { label: string; part: number; look?: 'plain' | 'bad' }) {
  const id = useId();
  return (
    <div className={styles.meter}>
      <meter
        className={look === 'plain' ? styles.bar : `${styles.bar} ${styles[look]}`}
        aria-labelledby={id}
        min={0}
        max={1}
        value={part <= 0 ? 0 : Math.max(least, part)}
      />
      <span id={id}>{label}</span>
    </div>
  );
}
