/** What the policy says to this person, for each workspace and each kind of access: to their own programs, and to AI agents. */
import type { UiState } from '../../preload/contract/ui.ts';
import { texts } from '../texts.ts';
import { Card } from '../ui/Card.tsx';
import { Empty } from '../ui/Empty.tsx';
import styles from './Mine.module.css';
import { byWorkspace, type Mine as MineOf, type MineOfWorkspace } from './policy-words.ts';
import { Reasons, Verdict } from './Verdict.tsx';

const words = texts.policy;

export function Mine({ mine, profiles }: { mine: readonly MineOf[]; profiles: UiState['status']['profiles'] }) {
  const isSignedIn = profiles.some(({ session }) => session.phase === 'signed-in');
  return (
    <Card heading={words.mine}>
      <p className="quiet-text">{words.mineLead}</p>
      {mine.length > 0 ? null : <Empty icon="policy" heading={isSignedIn ? words.noBundles : words.noneSignedIn} />}
      {byWorkspace(mine).map((table) => (
        <Workspace key={table.key} table={table} />
      ))}
    </Card>
  );
}

function Workspace({ table }: { table: MineOfWorkspace }) {
  return (
    <table className={styles.matrix}>
      <caption>
        <span className={styles.workspace}>{table.workspace}</span>{' '}
        <span className="small">
          {table.profile} · {table.username}
        </span>
      </caption>
      <thead>
        <tr>
          <th scope="col">{words.bundle}</th>
          <th scope="col">{words.program}</th>
          <th scope="col">{words.aiAgent}</th>
        </tr>
      </thead>
      <tbody>
        {table.bundles.map((row) => (
          <tr key={row.bundle}>
            <th scope="row">
              <span className={styles.bundle}>{row.bundle}</span>
              <span className="small">{row.scopes.join(', ')}</span>
            </th>
            <Cell row={row} who="program" />
            <Cell row={row} who="aiAgent" />
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Cell({ row, who }: { row: MineOf; who: 'program' | 'aiAgent' }) {
  return (
    <td>
      <span className={styles.who} aria-hidden="true">
        {words[who]}
      </span>
      <Verdict explanation={row[who]} />
      <details className={styles.why}>
        <summary aria-label={words.whyOf(row.bundle, words[who])}>{words.why}</summary>
        <Reasons explanation={row[who]} />
      </details>
    </td>
  );
}
