/** A part of a screen with a heading of its own. */
import { type ReactNode, useId } from 'react';

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
    <section className={`card ${look}`} aria-labelledby={id}>
      <header className="card-head">
        <h2 id={id}>{heading}</h2>
        {acts === undefined ? null : <div className="row">{acts}</div>}
      </header>
      {children}
    </section>
  );
}
