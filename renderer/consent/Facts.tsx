/** What is known of a program: verified facts first, and beside every one who vouches for it. */
import type { CallerView, FactView } from '../../preload/contract/caller.ts';
import { texts } from '../texts.ts';
import { Badge } from '../ui/Badge.tsx';
import { Icon } from '../ui/icons.tsx';
import styles from './Facts.module.css';

export function Mark({ proof, word = texts.proof[proof] }: { proof: FactView['proof']; word?: string }) {
  return (
    <span className={proof === 'claimed' ? `${styles.mark} ${styles.claimed}` : styles.mark}>
      <Icon name={proof} />
      {word}
    </span>
  );
}

export function Kind({ kind }: { kind: CallerView['kind'] }) {
  const word = texts.kinds[kind];
  return word === null ? null : <Badge look="warn">{word}</Badge>;
}

const verifiedFirst = (one: FactView, other: FactView): number => Number(one.proof === 'claimed') - Number(other.proof === 'claimed');

export function Facts({ caller }: { caller: CallerView }) {
  return (
    <dl className={styles.facts}>
      {caller.facts.toSorted(verifiedFirst).map(({ name, value, proof }) => (
        <div key={`${name} ${value}`} className={styles.fact} data-fact={name}>
          <dt>{texts.facts[name]}</dt>
          <dd>
            <span className={styles.value}>{value}</span>
            <Mark proof={proof} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** One program of a request, by its title. */
export function Program({ heading, caller }: { heading: string; caller: CallerView }) {
  return (
    <section className={styles.program} aria-label={heading}>
      <p className={styles.kicker}>{heading}</p>
      <p className={styles.title}>
        {caller.title} <Kind kind={caller.kind} />
      </p>
      <Facts caller={caller} />
    </section>
  );
}
