/** A part of a screen with a heading of its own. */
import { type ReactNode, useId } from 'react';
import styles from './Card.module.css';

interface CardProps {
  heading: ReactNode;
  children: ReactNode;
  /** Acts that concern the whole card, beside its heading. */
  acts?: ReactNode;
  look?: 'plain' | 'strong';
}

export function Card({ heading, children, acts, look = 'plain' }: CardProps) {
  const id = useId();
  return (
    <section className={look === 'plain' ? styles.card : `${styles.card} ${styles.strong}`} aria-labelledby={id}>
      <header className={styles.head}>
        <h2 id={id}>{heading}</h2>
        {acts === undefined || acts === null ? null : <div className="row">{acts}</div>}
      </header>
      {children}
    </section>
  );
}
