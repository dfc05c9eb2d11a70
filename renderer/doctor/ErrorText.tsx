/** A pasted error, explained in a sentence. What was pasted is forgotten as soon as it is explained: there may be a token in it. */
import { type FormEvent, useState } from 'react';
import type { ErrorExplained } from '../../preload/contract/doctor.ts';
import type { Line } from '../door/connection.ts';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { Card } from '../ui/Card.tsx';
import { AttemptNotice, Notice, WithCommands } from '../ui/Notice.tsx';
import { TextField } from '../ui/TextField.tsx';
import { useAct } from '../ui/use-act.ts';
import styles from './Doctor.module.css';

const words = texts.doctor.explain;
const longest = 65_536;

export function ErrorText({ line }: { line: Line }) {
  const [text, setText] = useState('');
  const [error, setError] = useState<string | null>(null);
  const [explained, setExplained] = useState<ErrorExplained | null>(null);
  const { attempt, run } = useAct();
  const send = (event: FormEvent): void => {
    event.preventDefault();
    const isEmpty = text.trim() === '';
    setError(isEmpty ? words.empty : null);
    setExplained(null);
    if (isEmpty) return;
    void run(async () => {
      setExplained(await line.ask('doctor/explain', { text }));
      setText('');
    });
  };
  return (
    <Card heading={words.heading}>
      <p className="quiet-text">{words.lead}</p>
      <form className={styles.form} onSubmit={send} noValidate>
        <TextField label={words.text} value={text} error={error} isMultiline isCode maxLength={longest} onChange={setText} />
        <div>
          <Button type="submit" isBusy={attempt.phase === 'running'}>
            {words.ask}
          </Button>
        </div>
      </form>
      <AttemptNotice attempt={attempt} />
      <div role="status">{explained === null ? null : <Explained explained={explained} />}</div>
    </Card>
  );
}

function Explained({ explained: { warning, sentence, next, source } }: { explained: ErrorExplained }) {
  return (
    <div className="stack">
      {warning === null ? null : (
        <Notice look="bad">
          <p>{warning}</p>
        </Notice>
      )}
      <Notice look="plain">
        <p>
          <strong>{sentence}</strong>
        </p>
        <p>
          <WithCommands text={next} />
        </p>
        {source === null ? null : (
          <p className="small">
            {words.source} {source}
          </p>
        )}
      </Notice>
    </div>
  );
}
