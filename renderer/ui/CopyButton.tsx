/** Puts a shell line or a snippet on the clipboard, and says that it did. Never for a token. */
import { useEffect, useState } from 'react';
import type { Host } from '../door/host.ts';
import { texts } from '../texts.ts';
import { Button } from './Button.tsx';
import styles from './CopyButton.module.css';

const saidForMs = 2000;

interface CopyButtonProps {
  text: string;
  host: Pick<Host, 'copy'>;
  /** What is copied, where a screen has several: "Copy: the line for zsh". */
  what?: string;
}

export function CopyButton({ text, host, what }: CopyButtonProps) {
  const [outcome, setOutcome] = useState<'none' | 'copied' | 'failed'>('none');
  useEffect(() => {
    if (outcome === 'none') return undefined;
    const timer = setTimeout(() => setOutcome('none'), saidForMs);
    return () => clearTimeout(timer);
  }, [outcome]);
  const copy = (): void => void host.copy(text).then((isCopied) => setOutcome(isCopied ? 'copied' : 'failed'));
  return (
    <>
      <Button
        look="quiet"
        size="compact"
        icon={outcome === 'copied' ? 'verified' : 'copy'}
        label={what === undefined ? undefined : `${texts.copy.copy}: ${what}`}
        onPress={copy}
      >
        {outcome === 'none' ? texts.copy.copy : texts.copy[outcome]}
      </Button>
      <span role="status" className="hidden">
        {outcome === 'none' ? null : texts.copy[outcome]}
      </span>
    </>
  );
}

/** A line or a snippet as it is typed, with its copy button. */
export function Snippet({ text, host, what }: CopyButtonProps) {
  return (
    <div className={styles.snippet}>
      <pre className={styles.text}>
        <code>{text}</code>
      </pre>
      <CopyButton text={text} host={host} {...(what === undefined ? {} : { what })} />
    </div>
  );
}
