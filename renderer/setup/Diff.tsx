/** What a write changes in a file, line by line: a sign and a word say it, the colour only repeats it. */
import type { DefaultView } from '../../preload/contract/setup.ts';
import { texts } from '../texts.ts';
import styles from './Diff.module.css';

const words = texts.setup.default;
const signs = { same: ' ', added: '+', removed: '−' } as const;

export function Diff({ view }: { view: DefaultView }) {
  const heading = view.written ? words.changed : words.preview;
  const isChange = view.diff.some(({ change }) => change !== 'same');
  const lines = view.diff.map((line, index) => ({ ...line, place: `${index} ${line.line}` }));
  return (
    <section className={styles.diff} aria-label={heading}>
      <header>
        <h3>{heading}</h3>
        <span className="value">{view.file}</span>
      </header>
      {isChange ? null : <p className="small">{words.noChange}</p>}
      <ol>
        {lines.map(({ place, line, change }) => (
          <li key={place} className={styles[change]}>
            <span className={styles.sign} aria-hidden="true">
              {signs[change]}
            </span>
            {change === 'same' ? null : <span className="hidden">{words[change]}: </span>}
            <code>{line === '' ? ' ' : line}</code>
          </li>
        ))}
      </ol>
      <p className="small">{words.hidden}</p>
    </section>
  );
}
