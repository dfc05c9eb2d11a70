/** The one request the person is asked about now, before everything else on the page. */
import { useCallback, useEffect, useId, useRef } from 'react';
import { Answering, type AnsweringProps } from './Answering.tsx';
import styles from './Prompt.module.css';

type PromptProps = Omit<AnsweringProps, 'denyButton' | 'headingId' | 'level'>;

export function Prompt(props: PromptProps) {
  const heading = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const denyButton = useRef<HTMLButtonElement>(null);

  const show = useCallback(() => {
    dialog.current?.showModal();
    // Without scrolling: who asks stays in sight.
    denyButton.current?.focus({ preventScroll: true });
  }, []);
  useEffect(() => {
    const before = document.activeElement;
    show();
    // Whoever was doing something when they were asked goes on there.
    return () => (before instanceof HTMLElement ? before.focus() : undefined);
  }, [show]);

  return (
    // Escape answers nothing: whoever wants to say no presses Deny. A browser that closes the dialog all the same finds it open again.
    <dialog
      ref={dialog}
      className={styles.prompt}
      aria-labelledby={heading}
      onKeyDown={(event) => event.key === 'Escape' && event.preventDefault()}
      onCancel={(event) => event.preventDefault()}
      onClose={show}
    >
      <Answering {...props} denyButton={denyButton} headingId={heading} level={2} />
    </dialog>
  );
}
