/** One word on how something stands. The word says it; the colour only repeats it. */
import type { ReactNode } from 'react';
import styles from './Badge.module.css';
import { Icon, type IconName } from './icons.tsx';

export type BadgeLook = 'plain' | 'good' | 'warn' | 'bad' | 'accent';

export function Badge({ children, look = 'plain', icon }: { children: ReactNode; look?: BadgeLook; icon?: IconName }) {
  return (
    <span className={look === 'plain' ? styles.badge : `${styles.badge} ${styles[look]}`}>
      {icon === undefined ? null : <Icon name={icon} />}
      {children}
    </span>
  );
}
