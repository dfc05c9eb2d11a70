/** Checks one below the other, each with its sign, what was found and what to do. */
import { texts } from '../texts.ts';
import type { BadgeLook } from '../ui/Badge.tsx';
import { Icon, type IconName } from '../ui/icons.tsx';
import { WithCommands } from '../ui/Notice.tsx';
import styles from './Doctor.module.css';
import type { Check } from './report.ts';

const words = texts.doctor;

export const looks = {
  bad: { look: 'bad', icon: 'stop' },
  weak: { look: 'warn', icon: 'warning' },
  unknown: { look: 'plain', icon: 'info' },
  good: { look: 'good', icon: 'done' },
} as const satisfies Record<Check['state'], { look: BadgeLook; icon: IconName }>;

export function CheckList({ checks }: { checks: readonly Check[] }) {
  return (
    <ul className={styles.checks}>
      {checks.map((check) => (
        <OneCheck key={check.id} check={check} />
      ))}
    </ul>
  );
}

function OneCheck({ check }: { check: Check }) {
  return (
    <li className={styles.check}>
      <span className={`${styles.sign} ${styles[check.state]}`}>
        <Icon name={looks[check.state].icon} />
      </span>
      <div className={styles.words}>
        <h3>{check.title}</h3>
        <p>
          <WithCommands text={check.finding} />
        </p>
        {check.next === null ? null : (
          <p className={styles.next}>
            <span className={styles.label}>{words.next}</span> <WithCommands text={check.next} />
          </p>
        )}
        {check.code === null ? null : <p className={styles.code}>{check.code}</p>}
      </div>
    </li>
  );
}
