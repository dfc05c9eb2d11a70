/** All steps in a row: which are done, which one is now, and the ones that were skipped, to come back to. */
import { type SetupStep, setupSteps } from '../../preload/contract/setup.ts';
import { texts } from '../texts.ts';
import { Icon } from '../ui/icons.tsx';
import styles from './StepList.module.css';
import type { Progress } from './steps.ts';

const words = texts.setup;

export function StepList({ progress, onResume }: { progress: Progress; onResume: (step: SetupStep) => void }) {
  return (
    <ol className={styles.steps}>
      {setupSteps.map((step, index) => {
        const state = progress.states[step];
        const name = (
          <>
            <span className={styles.number} aria-hidden="true">
              {state === 'done' ? <Icon name="verified" /> : index + 1}
            </span>
            <span className={styles.name}>{words.steps[step]}</span>
            <span className={state === 'skipped' ? 'small' : 'hidden'}>{words.states[state]}</span>
          </>
        );
        return (
          <li key={step} className={`${styles.step} ${styles[state]}`} aria-current={state === 'now' ? 'step' : undefined}>
            {state === 'skipped' ? (
              <button type="button" className={styles.resume} title={words.back} onClick={() => onResume(step)}>
                {name}
              </button>
            ) : (
              name
            )}
          </li>
        );
      })}
    </ol>
  );
}
