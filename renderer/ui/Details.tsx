/** Names and what stands behind them, one below the other. */
import type { ReactNode } from 'react';
import styles from './Details.module.css';

/** @param children `Detail` elements */
export function Details({ children }: { children: ReactNode }) {
  return <dl className={styles.details}>{children}</dl>;
}

export function Detail({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={styles.detail}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
