/** The head of a screen, and all that stands below it. When the screen comes the focus goes to its name, so that readers say it. */
import { type ReactNode, useEffect, useRef } from 'react';
import styles from './Screen.module.css';

interface ScreenProps {
  heading: string;
  /** One sentence on what the screen is for. */
  lead?: string;
  /** Acts that concern the whole screen, beside its heading. */
  acts?: ReactNode;
  children: ReactNode;
}

/** The page itself begins with the focus where the browser puts it. */
let isFirst = true;

export function Screen({ heading, lead, acts, children }: ScreenProps) {
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (!isFirst) head.current?.focus();
    isFirst = false;
  }, []);
  return (
    <>
      <header className={styles.head}>
        <div className={styles.title}>
          <h1 ref={head} tabIndex={-1}>
            {heading}
          </h1>
          {lead === undefined ? null : <p>{lead}</p>}
        </div>
        {acts === undefined || acts === null ? null : <div className="row">{acts}</div>}
      </header>
      {children}
    </>
  );
}
