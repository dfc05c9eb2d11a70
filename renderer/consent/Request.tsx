/** What a request is about: who asks, for what, until when. The same on the prompt and on the page where a key is touched. */
import type { AskView } from '../../preload/contract/consent.ts';
import { texts } from '../texts.ts';
import { Icon } from '../ui/icons.tsx';
import { Moment } from '../ui/time.tsx';
import { Program } from './Facts.tsx';

export const headOf = (ask: AskView): string => texts.prompt.heads[ask.purpose](ask.caller.title);

export function Request({ ask }: { ask: AskView }) {
  return (
    <>
      {ask.expected === null ? null : (
        <div className="notice warning">
          <Icon name="warning" />
          <p>{texts.prompt.other}</p>
        </div>
      )}
      <div className={ask.expected === null ? 'programs' : 'programs two'}>
        <Program heading={texts.prompt.who} caller={ask.caller} />
        {ask.expected === null ? null : <Program heading={texts.prompt.expected} caller={ask.expected} />}
      </div>
      <p className="small legend">{texts.proof.legend}</p>
      <Matter ask={ask} />
    </>
  );
}

function Matter({ ask }: { ask: AskView }) {
  return (
    <dl className="matter">
      {ask.workspace === null ? null : (
        <div>
          <dt>{texts.prompt.workspace}</dt>
          <dd className="value">{ask.workspace}</dd>
        </div>
      )}
      {ask.words.length === 0 ? null : (
        <div>
          <dt>{ask.scopes.length > 0 ? texts.prompt.scopes : texts.prompt.acts}</dt>
          <dd>
            <ul className="words">
              {ask.words.map((word) => (
                <li key={word}>{word}</li>
              ))}
            </ul>
            {ask.scopes.length === 0 ? null : (
              <p className="small">
                {texts.prompt.exactly} <code>{ask.scopes.join(' ')}</code>
              </p>
            )}
          </dd>
        </div>
      )}
      {ask.until === null ? null : (
        <div>
          <dt>{texts.prompt.until}</dt>
          <dd>
            <Moment at={ask.until} />
          </dd>
        </div>
      )}
    </dl>
  );
}
