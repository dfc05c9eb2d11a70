/** One step: which it is, what it is for, how many touches it takes, and the ways on at its foot. */
import { type ReactNode, useId } from 'react';
import { type SetupStep, setupSteps } from '../../preload/contract/setup.ts';
import { texts } from '../texts.ts';
import { Badge } from '../ui/Badge.tsx';
import { Button } from '../ui/Button.tsx';
import styles from './StepCard.module.css';

const words = texts.setup;

interface StepCardProps {
  step: SetupStep;
  heading: string;
  text: string;
  /** Which touch of a key it takes, in words. */
  touch?: string;
  children: ReactNode;
  /** The ways on, the main one first. */
  acts?: ReactNode;
  onSkip: (() => void) | null;
}

export function StepCard({ step, heading, text, touch, children, acts, onSkip }: StepCardProps) {
  const id = useId();
  return (
    <section className={styles.card} aria-labelledby={id}>
      <header className={styles.head}>
        <p className={styles.kicker}>
          {words.progress(setupSteps.indexOf(step) + 1, setupSteps.length)}
          {touch === undefined ? null : (
            <Badge look="accent" icon="key">
              {touch}
            </Badge>
          )}
        </p>
        <h2 id={id} tabIndex={-1} data-step={step}>
          {heading}
        </h2>
        <p className="quiet-text">{text}</p>
      </header>
      {children}
      {(acts === undefined || acts === null) && onSkip === null ? null : (
        <footer className={styles.foot}>
          <div className="row">{acts}</div>
          {onSkip === null ? null : (
            <Button look="quiet" onPress={onSkip}>
              {words.skip}
            </Button>
          )}
        </footer>
      )}
    </section>
  );
}
