/** Service principals of the configuration, apart from people: whether each can be used, by what it is proven, how old its secret is. */
import type { ServicePrincipalView } from '../../preload/contract/service-principal.ts';
import { texts } from '../texts.ts';
import { Badge } from '../ui/Badge.tsx';
import { Card } from '../ui/Card.tsx';
import { LineItem, Lines } from '../ui/Lines.tsx';
import { WithCommands } from '../ui/Notice.tsx';

const words = texts.servicePrincipals;

export function ServicePrincipals({ principals }: { principals: readonly ServicePrincipalView[] }) {
  if (principals.length === 0) return null;
  return (
    <Card heading={words.heading}>
      <p className="quiet-text">{words.hint}</p>
      <Lines>
        {principals.map((principal) => (
          <LineItem key={principal.name} note={<WithCommands text={noteOf(principal)} />} aside={<State principal={principal} />}>
            <strong>{principal.name}</strong> <span className="small">{principal.clientId}</span>
          </LineItem>
        ))}
      </Lines>
    </Card>
  );
}

function noteOf({ name, proof, where, secretAgeDays, rotationDue, problem }: ServicePrincipalView): string {
  if (problem?.code === 'PRINCIPAL_SECRET_NEEDED') return `${problem.cause} ${words.needed(name)}`;
  if (problem !== null) return `${problem.cause} ${problem.next}`;
  if (proof !== 'secret') return words.workload(where ?? '');
  if (secretAgeDays === null) return words.secret;
  return rotationDue ? words.due(secretAgeDays, name) : words.age(secretAgeDays);
}

function State({ principal: { state, rotationDue } }: { principal: ServicePrincipalView }) {
  if (state === 'locked') return <Badge look="bad">{words.states.locked}</Badge>;
  if (state === 'secret-needed' || rotationDue)
    return <Badge look="warn">{rotationDue ? words.states.due : words.states['secret-needed']}</Badge>;
  return <Badge look="good">{words.states.ready}</Badge>;
}
