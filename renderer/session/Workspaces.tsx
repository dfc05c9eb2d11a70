/** The workspaces of all companies and service principals, and what came of the last token that was asked of each. */
import { type FailureCode, failureTexts } from '../../preload/contract/failure.ts';
import { texts } from '../texts.ts';
import { Badge } from '../ui/Badge.tsx';
import { Card } from '../ui/Card.tsx';
import { LineItem, Lines } from '../ui/Lines.tsx';
import { WithCommands } from '../ui/Notice.tsx';
import type { ProfileView } from './Profile.tsx';

type Owner = Pick<ProfileView, 'name' | 'workspaces'>;

export function Workspaces({ owners }: { owners: readonly Owner[] }) {
  return (
    <Card heading={texts.home.workspaces}>
      <Lines>
        {owners.flatMap((owner) =>
          owner.workspaces.map(({ name, host, health }) => (
            <LineItem key={`${owner.name} ${name}`} note={<WithCommands text={troubleOf(health)} />} aside={<Health health={health} />}>
              <strong>{name}</strong>{' '}
              <span className="small">
                {owners.length > 1 ? `${owner.name} · ` : ''}
                {host.replace(/^https?:\/\//, '')}
              </span>
            </LineItem>
          )),
        )}
      </Lines>
    </Card>
  );
}

const isFailure = (health: string): health is FailureCode => Object.hasOwn(failureTexts, health);

function troubleOf(health: string): string {
  if (!isFailure(health)) return '';
  const { cause, next } = failureTexts[health];
  return `${cause} ${next}`;
}

function Health({ health }: { health: string }) {
  if (isFailure(health)) return <Badge look="bad">{texts.home.health.failed}</Badge>;
  return health === 'unknown' ? <Badge>{texts.home.health.unknown}</Badge> : <Badge look="good">{texts.home.health.ok}</Badge>;
}
