/** All is set, and what a person may want to do now. */
import type { SetupStep } from '../../preload/contract/setup.ts';
import type { Host } from '../door/host.ts';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { Snippet } from '../ui/CopyButton.tsx';
import { Icon } from '../ui/icons.tsx';
import styles from './End.module.css';

const words = texts.setup.end;

interface EndProps {
  host: Host;
  skipped: readonly SetupStep[];
  onDone: () => void;
}

export function End({ host, skipped, onDone }: EndProps) {
  return (
    <section className={styles.end} aria-label={words.heading}>
      <Icon name="done" />
      <h2 tabIndex={-1} data-step="end">
        {words.heading}
      </h2>
      <p className="quiet-text">{words.text}</p>
      {skipped.length === 0 ? null : (
        <p className="small">{words.skipped(texts.activity.and(skipped.map((step) => texts.setup.steps[step])))}</p>
      )}
      <div className={styles.next}>
        <h3>{words.next}</h3>
        {words.commands.map((one) => (
          <div key={one.command} className={styles.command}>
            <p>{one.words}</p>
            <Snippet text={one.command} host={host} what={one.words} />
          </div>
        ))}
      </div>
      <Button look="primary" size="large" onPress={onDone}>
        {words.enter}
      </Button>
    </section>
  );
}
