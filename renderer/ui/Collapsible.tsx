/** What only some want to see, behind one line that says what it is. */
import { Collapsible as Base } from '@base-ui/react/collapsible';
import type { ReactNode } from 'react';
import styles from './Collapsible.module.css';
import { Icon } from './icons.tsx';

export function Collapsible({
  summary,
  children,
  isOpenAtFirst = false,
}: {
  summary: ReactNode;
  children: ReactNode;
  isOpenAtFirst?: boolean;
}) {
  return (
    <Base.Root defaultOpen={isOpenAtFirst}>
      <Base.Trigger className={styles.trigger}>
        <Icon name="down" />
        {summary}
      </Base.Trigger>
      <Base.Panel className={styles.panel}>{children}</Base.Panel>
    </Base.Root>
  );
}
