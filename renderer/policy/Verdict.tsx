/** What the policy says to one question: the verdict with what it takes, and, for who wants to know, why. */
import type { Explanation } from '../../preload/contract/policy.ts';
import { texts } from '../texts.ts';
import { Badge, type BadgeLook } from '../ui/Badge.tsx';
import type { IconName } from '../ui/icons.tsx';
import { obligationWords, type RuleView, rulesOf } from './policy-words.ts';
import styles from './Verdict.module.css';

const words = texts.policy;
const looks = {
  allow: { look: 'good', icon: 'verified' },
  deny: { look: 'bad', icon: 'stop' },
  'step-up': { look: 'warn', icon: 'key' },
} as const satisfies Record<Explanation['verdict'], { look: BadgeLook; icon: IconName }>;

export function Verdict({ explanation }: { explanation: Explanation }) {
  const { verdict, obligations, observed } = explanation;
  return (
    <div className={styles.verdict}>
      <Badge {...looks[verdict]}>{words.verdicts[verdict]}</Badge>
      {obligations === null ? null : (
        <ul className={styles.obligations}>
          {obligationWords(obligations).map((obligation) => (
            <li key={obligation}>{obligation}</li>
          ))}
        </ul>
      )}
      {observed ? <p className={styles.observed}>{words.observed}</p> : null}
    </div>
  );
}

export function Reasons({ explanation }: { explanation: Explanation }) {
  const { because, wouldChange, code } = explanation;
  const { held, other } = rulesOf(explanation);
  return (
    <div className={styles.reasons}>
      <p>{because}</p>
      {wouldChange.length === 0 ? null : (
        <section>
          <h3>{words.wouldChange}</h3>
          <ul className={styles.points}>
            {wouldChange.map((change) => (
              <li key={change}>{change}</li>
            ))}
          </ul>
        </section>
      )}
      <Rules heading={words.rulesHeld} rules={held} />
      <Rules heading={words.rulesOther} rules={other} />
      {held.length + other.length > 0 ? null : <p className="small">{words.noRules}</p>}
      {code === null ? null : <p className={styles.code}>{code}</p>}
    </div>
  );
}

function Rules({ heading, rules }: { heading: string; rules: readonly RuleView[] }) {
  if (rules.length === 0) return null;
  return (
    <section>
      <h3>{heading}</h3>
      <ul className={styles.rules}>
        {rules.map((rule) => (
          <li key={rule.id}>
            <span>
              <code>{rule.id}</code> <span className="small">{words.effects[rule.effect]}</span>
            </span>
            <ul className={styles.points}>
              {rule.because.map((reason) => (
                <li key={reason}>{reason}</li>
              ))}
            </ul>
          </li>
        ))}
      </ul>
    </section>
  );
}
