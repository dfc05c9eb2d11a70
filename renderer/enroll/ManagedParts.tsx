/** Parts that every place has which says who manages this device. */
import type { ManagedView } from '../../preload/contract/managed.ts';
import { texts } from '../texts.ts';
import { Badge, type BadgeLook } from '../ui/Badge.tsx';
import { Icon } from '../ui/icons.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Moment } from '../ui/time.tsx';
import { type Standing as StandingWord, standingOf } from './standing.ts';

const words = texts.managed;

export function ManagedHeading({ managed }: { managed: ManagedView }) {
  return (
    <>
      <Icon name="company" /> {words.by(managed.managedBy)}
    </>
  );
}

const looks: Readonly<Record<StandingWord, BadgeLook>> = {
  ...{ good: 'good', settings: 'plain', awaited: 'warn', unreachable: 'warn', refused: 'warn', expired: 'bad', revoked: 'bad' },
};

export function ManagedBadge({ standing }: { standing: StandingWord }) {
  return <Badge look={looks[standing]}>{words.standings[standing]}</Badge>;
}

/** A sentence on what holds, whatever is wrong with what is newer. */
export function Standing({ managed }: { managed: ManagedView }) {
  const { revision, expires, answeredAt } = managed;
  const standing = standingOf(managed);
  if (standing === 'settings') return <p className="quiet-text">{words.settingsAlone}</p>;
  if (standing === 'awaited' || revision === null || expires === null) return <p className="quiet-text">{words.awaited}</p>;
  return (
    <p className="quiet-text">
      {words.revision(revision)} {standing === 'expired' ? words.ended : words.holds} <Moment at={expires} />.{' '}
      {answeredAt === null ? (
        words.noAnswer
      ) : (
        <>
          {words.answered} <Moment at={answeredAt} />.
        </>
      )}
    </p>
  );
}

/** Rules that do not hold for this person, each with its end. */
export function Exemptions({ managed }: { managed: ManagedView }) {
  return managed.exemptions.map(({ rule, until, reason }) => (
    <Notice key={`${rule} ${until}`} look="plain">
      <p>
        {words.exempt(rule)} <Moment at={until} />.
      </p>
      <p className="small">{reason}</p>
    </Notice>
  ));
}
