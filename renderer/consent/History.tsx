/** What became of the requests that are over. */
import type { AskedView } from '../../preload/contract/consent.ts';
import { texts } from '../texts.ts';
import { Badge, type BadgeLook } from '../ui/Badge.tsx';
import { LineItem, Lines } from '../ui/Lines.tsx';
import { Moment } from '../ui/time.tsx';

const lookOf: Record<AskedView['outcome'], BadgeLook> = { approved: 'good', denied: 'bad', unanswered: 'warn', withdrawn: 'plain' };

export function History({ asked }: { asked: readonly AskedView[] }) {
  if (asked.length === 0) return <p className="quiet-text">{texts.history.none}</p>;
  return (
    <Lines>
      {asked.map((one) => (
        <LineItem
          key={one.id}
          note={[one.workspace, one.scopes.join(' ')].filter(Boolean).join(' · ')}
          aside={
            <>
              <Badge look={lookOf[one.outcome]}>{texts.history.outcomes[one.outcome]}</Badge>
              <span className="small">
                <Moment at={one.at} />
              </span>
            </>
          }
        >
          {texts.prompt.heads[one.purpose](one.title)}
        </LineItem>
      ))}
    </Lines>
  );
}
