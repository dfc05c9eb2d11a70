/** What became of the requests that are over. */
import type { AskedView } from '../../preload/contract/consent.ts';
import { texts } from '../texts.ts';
import { Card } from '../ui/Card.tsx';
import { Moment } from '../ui/time.tsx';

export function History({ asked }: { asked: readonly AskedView[] }) {
  return (
    <Card heading={texts.history.heading}>
      {asked.length === 0 ? <p className="quiet-text">{texts.history.none}</p> : null}
      <ul className="lines">
        {asked.slice(0, 8).map((one) => (
          <li key={one.id} className="line">
            <span>{texts.prompt.heads[one.purpose](one.title)}</span>
            <span className={`badge ${one.outcome}`}>{texts.history.outcomes[one.outcome]}</span>
            <span className="small">
              <Moment at={one.at} />
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
