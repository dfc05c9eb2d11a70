/** A page that says one thing and what to do next: for when there is nothing else to show. */
import type { ReactNode } from 'react';
import { texts } from '../texts.ts';
import { Icon, type IconName } from './icons.tsx';
import styles from './Page.module.css';

export function Page({
  icon,
  heading,
  children,
  look = 'plain',
}: {
  icon: IconName;
  heading: string;
  children: ReactNode;
  look?: 'plain' | 'good' | 'bad';
}) {
  return (
    <main className={look === 'plain' ? styles.alone : `${styles.alone} ${styles[look]}`}>
      <Icon name={icon} />
      <h1>{heading}</h1>
      {children}
      <p className={styles.foot}>{texts.product}</p>
    </main>
  );
}

export function Command({ children }: { children: string }) {
  return <code className={styles.command}>{children}</code>;
}
