/** What a request is about: who asks, for what, until when. The same wherever it is shown or answered. */
import type { AskView } from '../../preload/contract/consent.ts';
import { texts } from '../texts.ts';
import { Detail, Details } from '../ui/Details.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Moment } from '../ui/time.tsx';
import { Program } from './Facts.tsx';
import styles from './Request.module.css';

export const headOf = (ask: AskView): string => texts.prompt.heads[ask.purpose](ask.caller.title);

export function Request({ ask }: { ask: AskView }) {
  return (
    <>
      {ask.expected === null ? null : (
        <Notice>
          <p>{texts.prompt.other}</p>
        </Notice>
      )}
      <Matter ask={ask} />
      <div className={ask.expected === null ? styles.programs : `${styles.programs} ${styles.two}`}>
        <Program heading={texts.prompt.who} caller={ask.caller} />
        {ask.expected === null ? null : <Program heading={texts.prompt.expected} caller={ask.expected} />}
      </div>
      <p className={`small ${styles.legend}`}>{texts.proof.legend}</p>
    </>
  );
}

export function Words({ words }: { words: readonly string[] }) {
  return (
    <ul className={styles.words}>
      {words.map((word) => (
        <li key={word}>{word}</li>
      ))}
    </ul>
  );
}

function Matter({ ask }: { ask: AskView }) {
  return (
    <Details>
      {ask.workspace === null ? null : (
        <Detail name={texts.prompt.workspace}>
          <span className="value">{ask.workspace}</span>
        </Detail>
      )}
      {ask.words.length === 0 ? null : (
        <Detail name={ask.scopes.length > 0 ? texts.prompt.scopes : texts.prompt.acts}>
          <Words words={ask.words} />
          {ask.scopes.length === 0 ? null : (
            <p className="small">
              {texts.prompt.exactly} <code>{ask.scopes.join(' ')}</code>
            </p>
          )}
        </Detail>
      )}
      {ask.until === null ? null : (
        <Detail name={texts.prompt.until}>
          <Moment at={ask.until} />
        </Detail>
      )}
    </Details>
  );
}
