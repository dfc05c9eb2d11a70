/** The workspaces of all companies and service principals, and what came of the last token that was asked of each. */
import { type FailureCode, failureTexts } from '../../preload/contract/failure.ts';
import type { ServicePrincipalView } from '../../preload/contract/service-principal.ts';
import { texts } from '../texts.ts';
import { Badge } from '../ui/Badge.tsx';
import { Card } from '../ui/Card.tsx';
import { LineItem, Lines } from '../ui/Lines.tsx';
import { WithCommands } from '../ui/Notice.tsx';
import type { ProfileView } from './Profile.tsx';

type Owner = ProfileView | ServicePrincipalView;

export function Workspaces({ owners }: { owners: readonly Owner[] }) {
  return (
    <Card heading={texts.home.workspaces}>
      <Lines>
        {owners.flatMap((owner) =>
          owner.workspaces.map(({ name, host, health }) => (
            <LineItem
              key={`${owner.name} ${name}`}
              note={
                <>
                  {host.replace(/^https?:\/\//, '')} <WithCommands text={troubleOf(health)} />
                </>
              }
              aside={<Health health={health} isStopped={isStopped(owner)} />}
            >
              <strong>{name}</strong> {owners.length > 1 ? <span className="small">{owner.name}</span> : null}
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

/** What a workspace said last counts for nothing where nobody can be asked for. */
const isStopped = (owner: Owner): boolean =>
  'session' in owner ? ['signed-out', 'ended', 'locked'].includes(owner.session.phase) : owner.state !== 'ready';

function Health({ health, isStopped }: { health: string; isStopped: boolean }) {
  if (isFailure(health)) return <Badge look="bad">{texts.home.health.failed}</Badge>;
  if (isStopped) return <Badge>{texts.home.health.stopped}</Badge>;
  return health === 'unknown' ? <Badge>{texts.home.health.unknown}</Badge> : <Badge look="good">{texts.home.health.ok}</Badge>;
}
