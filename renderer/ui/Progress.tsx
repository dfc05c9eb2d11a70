/** Something takes its time. The words are not optional: nobody has to guess what they wait for. */
import { useId } from 'react';
import styles from './Progress.module.css';

/** `part`: how much is done, 0 to 1; null where nobody can know. */
export function Progress({ label, part = null }: { label: string; part?: number | null }) {
  const id = useId();
  return (
    <div className={styles.progress} role="status" data-waiting>
      <span className={styles.words}>
        {part === null ? <span className={styles.spinner} aria-hidden="true" /> : null}
        <span id={id}>{label}</span>
      </span>
      {part === null ? null : <progress className={styles.bar} aria-labelledby={id} max={1} value={part} />}
    </div>
  );
}
