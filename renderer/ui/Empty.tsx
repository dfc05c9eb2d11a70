/** Nothing is here, why, and how something comes to be here. */
import type { ReactNode } from 'react';
import styles from './Empty.module.css';
import { Icon, type IconName } from './icons.tsx';

export function Empty({ icon, heading, children }: { icon: IconName; heading: string; children?: ReactNode }) {
  return (
    <div className={styles.empty}>
      <Icon name={icon} />
      <p className={styles.heading}>{heading}</p>
      {children === undefined ? null : <div className={styles.body}>{children}</div>}
    </div>
  );
}
