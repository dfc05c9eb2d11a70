/** What is known of a program: verified facts first, and beside every one who vouches for it. */
import type { CallerView, FactView } from '../../preload/contract/caller.ts';
import { texts } from '../texts.ts';
import { Icon } from '../ui/icons.tsx';

export function Mark({ proof }: { proof: FactView['proof'] }) {
  return (
    <span className={`mark ${proof}`}>
      <Icon name={proof} />
      {texts.proof[proof]}
    </span>
  );
}

export function Kind({ kind }: { kind: CallerView['kind'] }) {
  const word = texts.kinds[kind];
  return word === null ? null : <span className="badge warn">{word}</span>;
}

const verifiedFirst = (one: FactView, other: FactView): number => Number(one.proof === 'claimed') - Number(other.proof === 'claimed');

export function Facts({ caller }: { caller: CallerView }) {
  return (
    <dl className="facts">
      {caller.facts.toSorted(verifiedFirst).map(({ name, value, proof }) => (
        <div key={`${name} ${value}`} className="fact">
          <dt>{texts.facts[name]}</dt>
          <dd>
            <span className="value">{value}</span>
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
    <section className="program" aria-label={heading}>
      <p className="kicker">{heading}</p>
      <p className="program-title">
        {caller.title} <Kind kind={caller.kind} />
      </p>
      <Facts caller={caller} />
    </section>
  );
}
