/** A question or a form above the screen. Escape, a press beside it and the acts close it; the focus then goes back to where it was. */
import { Dialog as Base } from '@base-ui/react/dialog';
import type { ReactNode, RefObject } from 'react';
import styles from './Dialog.module.css';

interface DialogProps {
  isOpen: boolean;
  heading: string;
  children: ReactNode;
  /** Its buttons, the one that changes nothing first. */
  acts: ReactNode;
  /** What has the focus first; the first button where it is left out. */
  focus?: RefObject<HTMLElement | null>;
  onClose: () => void;
}

export function Dialog({ isOpen, heading, children, acts, focus, onClose }: DialogProps) {
  return (
    <Base.Root open={isOpen} onOpenChange={(open) => !open && onClose()}>
      <Base.Portal>
        <Base.Backdrop className={styles.shade} />
        <Base.Popup className={styles.dialog} {...(focus === undefined ? {} : { initialFocus: focus })}>
          <Base.Title className={styles.heading}>{heading}</Base.Title>
          <div className="stack">{children}</div>
          <div className={styles.acts}>{acts}</div>
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}
