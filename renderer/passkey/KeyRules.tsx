/** What the company of a managed device wants of a person's keys, and how far they are. */
import type { ManagedView } from '../../preload/contract/managed.ts';
import { wantedWords } from '../enroll/offer-words.ts';
import { texts } from '../texts.ts';
import { Badge } from '../ui/Badge.tsx';
import { Card } from '../ui/Card.tsx';
import { WithCommands } from '../ui/Notice.tsx';

const words = texts.keys.rules;

interface KeyRulesProps {
  company: string;
  rules: NonNullable<ManagedView['tapKeys']>;
}

export function KeyRules({ company, rules: { wanted, counted, keys } }: KeyRulesProps) {
  const isEnough = counted >= wanted.atLeast;
  return (
    <Card
      heading={words.heading(company)}
      acts={
        <Badge look={isEnough ? 'good' : 'warn'} icon={isEnough ? 'verified' : 'warning'}>
          {words.count(counted, wanted.atLeast)}
        </Badge>
      }
    >
      <p>{wantedWords(wanted)}</p>
      <p className="quiet-text">{isEnough ? words.enough : words.tooFew}</p>
      {keys.some(({ because }) => because === 'metadata') ? (
        <p className="small">
          <WithCommands text={words.metadata} />
        </p>
      ) : null}
    </Card>
  );
}

/** Whether one key counts, and why it does not. */
export function Counts({ id, company, rules }: KeyRulesProps & { id: string }) {
  const standing = rules.keys.find((key) => key.id === id);
  if (standing === undefined) return null;
  return (
    <p className="row">
      <Badge look={standing.counts ? 'good' : 'warn'} icon={standing.counts ? 'verified' : 'stop'}>
        {standing.counts ? words.counts : words.countsNot}
      </Badge>
      <span className="small">{words.because[standing.because](company)}</span>
    </p>
  );
}
